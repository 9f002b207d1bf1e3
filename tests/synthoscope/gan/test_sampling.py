import itertools

import numpy as np
import pytest
import torch

from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.gan import sampling
from synthoscope.gan.config import Conditioning, GanConfig
from synthoscope.gan.families import family_of
from synthoscope.models import publish
from synthoscope.models.weights import WEIGHTS, dump_weights
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import DataLoss, FailedPrecondition, InvalidInput


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def published(objects, conditioning, classes=("a", "b")):
    parts = len(classes) if conditioning is Conditioning.PER_CLASS else 1
    condition = len(classes) if conditioning is Conditioning.CONDITIONAL else 0
    tensors = {}
    for part in range(parts):
        generator = family_of(GanConfig("dcgan-64", epochs=1), condition).build(part).generator
        tensors |= {f"{part}.generator.{name}": tensor for name, tensor in generator.state_dict().items()}
    known = () if conditioning is Conditioning.UNCONDITIONAL else classes
    record = ModelVersion(kind=ModelKind.MODEL_KIND_GAN, preset="dcgan-64", image_size=64, classes=known)
    record.config.update({"conditioning": str(conditioning)})
    return publish(objects, "tenants/t/models/gan", record, {WEIGHTS: dump_weights(tensors)})


def images(generators, label, count, seed=3, batch=64):
    batches = list(sampling.sample(generators, label, count, seed, batch))
    assert all(len(pixels) == batch for pixels in batches[:-1])
    return np.concatenate(batches)


@pytest.mark.parametrize("conditioning", Conditioning)
def test_every_image_depends_on_its_index_alone(conditioning):
    objects = InMemoryObjectStore()
    generators = sampling.load(objects, published(objects, conditioning))
    label = generators.labels[-1]
    many = images(generators, label, 40)
    assert many.shape == (40, 64, 64, 3)
    assert many.dtype == np.uint8
    for count, batch in [(1, 64), (17, 5), (39, 40)]:
        np.testing.assert_array_equal(images(generators, label, count, batch=batch), many[:count])
    later = np.concatenate(list(sampling.sample(generators, label, 9, 3, first=21)))
    np.testing.assert_array_equal(later, many[21:30])
    assert not any(np.array_equal(one, other) for one, other in itertools.combinations(many[:10], 2))


def test_seed_and_label_change_the_images():
    objects = InMemoryObjectStore()
    generators = sampling.load(objects, published(objects, Conditioning.PER_CLASS))
    assert generators.labels == ("a", "b")
    assert not np.array_equal(images(generators, "a", 2), images(generators, "b", 2))
    assert not np.array_equal(images(generators, "a", 2), images(generators, "a", 2, seed=4))


def test_an_unknown_label():
    objects = InMemoryObjectStore()
    generators = sampling.load(objects, published(objects, Conditioning.UNCONDITIONAL))
    assert generators.labels == ("",)
    with pytest.raises(InvalidInput, match="label"):
        next(sampling.sample(generators, "a", 1, 0))


def test_a_classifier_makes_no_images():
    record = publish(
        InMemoryObjectStore(), "tenants/t/models/m", ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER), {}
    )
    with pytest.raises(FailedPrecondition, match="not a GAN"):
        sampling.from_tensors(record, {})


def test_weights_of_another_network():
    objects = InMemoryObjectStore()
    record = published(objects, Conditioning.UNCONDITIONAL)
    with pytest.raises(DataLoss, match="dcgan-64"):
        sampling.from_tensors(record, {"0.generator.dense.weight": torch.zeros(1)})
