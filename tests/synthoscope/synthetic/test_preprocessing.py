import numpy as np
import pytest

from synthoscope import models
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split
from synthoscope.api.images.v1.preprocessing_pb2 import Preprocessing
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.api.synthesis.v1.synthesis_pb2 import SyntheticImage, SyntheticSet
from synthoscope.datasets.cache import PixelCache
from synthoscope.datasets.loading import load_split
from synthoscope.datasets.versions import store
from synthoscope.images.preprocessing import Pipeline
from synthoscope.images.steps.color_conversion import in_three
from synthoscope.images.steps.margin_removal import MarginRemoval
from synthoscope.images.steps.normalization import Normalization
from synthoscope.images.steps.resizing import Resizing
from synthoscope.images.storage import store_pixels
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import FailedPrecondition
from synthoscope.synthetic import sets
from synthoscope.synthetic.preprocessing import pipeline_for

CROPPED = Pipeline((MarginRemoval(),), Resizing(pad=True), Normalization(0.5, 0.25))


def framed() -> np.ndarray:
    """A bright square in a dark margin."""
    pixels = np.zeros((32, 32), np.uint8)
    pixels[8:24, 8:24] = 200
    return pixels


def a_set(objects: InMemoryObjectStore, learned: Preprocessing) -> str:
    """A synthetic set of one image, of a GAN that learned images preprocessed in that way."""
    record = ModelVersion(kind=ModelKind.MODEL_KIND_GAN, image_size=32, preprocessing=learned)
    gan = models.publish(objects, "tenants/default/models/gan", record, {"weights": b"w"})
    images = [SyntheticImage(index=0, label="a", image=store_pixels(objects, "default", framed()))]
    return sets.publish(
        objects, SyntheticSet(name="tenants/default/syntheticSets/s", model_version=gan.name), images
    ).name


def learned_by(pipeline: Pipeline) -> Preprocessing:
    """What a GAN's version says: the dataset's steps, at the GAN's size and range."""
    return Pipeline(pipeline.steps, pipeline.resizing, Normalization(0.5, 0.5)).sized(32).to_message()


def test_what_the_gan_has_seen_is_not_done_again() -> None:
    objects = InMemoryObjectStore()
    name = a_set(objects, learned_by(CROPPED))
    pipeline = CROPPED.sized(16)
    assert pipeline_for(objects, name, pipeline) == Pipeline(normalization=CROPPED.normalization).sized(16)
    loaded = sets.load(objects, name, pipeline).images[0]
    assert loaded[0, 0].tolist() == [0, 0, 0]
    assert np.array_equal(loaded, Pipeline().sized(16).apply(in_three(framed())).pixels)


@pytest.mark.parametrize("learned", [Preprocessing(), learned_by(Pipeline())])
def test_images_like_the_stored_ones_are_preprocessed_like_them(learned: Preprocessing) -> None:
    objects = InMemoryObjectStore()
    name = a_set(objects, learned)
    assert pipeline_for(objects, name, CROPPED.sized(16)) == CROPPED.sized(16)
    assert sets.load(objects, name, CROPPED.sized(16)).images[0].min() > 150


def test_another_preprocessing_is_refused() -> None:
    objects = InMemoryObjectStore()
    name = a_set(objects, learned_by(CROPPED))
    for other in (Pipeline(), Pipeline((MarginRemoval(threshold=30),), Resizing(pad=True))):
        with pytest.raises(FailedPrecondition, match="another way than those of this dataset"):
            pipeline_for(objects, name, other.sized(16))


def test_synthetic_images_of_a_merged_version_are_not_preprocessed_again(tmp_path) -> None:
    objects = InMemoryObjectStore()
    name = a_set(objects, learned_by(CROPPED))
    ref = store_pixels(objects, "default", framed())
    images = [
        DatasetImage(path="real.png", label="a", split=Split.SPLIT_TRAIN, image=ref),
        DatasetImage(path="synthetic.png", label="a", split=Split.SPLIT_TRAIN, image=ref, origin=name),
    ]
    version = store(objects, "tenants/default/datasets/d", images, preprocessing=CROPPED.to_message())
    found = load_split(objects, version.name, Split.SPLIT_TRAIN, 16, PixelCache(tmp_path))
    assert found.images[0].min() > 150
    assert found.images[1, 0, 0].tolist() == [0, 0, 0]
