from functools import cache

import numpy as np
import pytest
import torch

from services.synthesis import candidates
from services.synthesis.candidates import CALIBRATION, open_workshop
from services.synthesis.selection import Share
from synthoscope import models
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split
from synthoscope.api.models.v1.models_pb2 import Lineage, ModelKind, ModelVersion
from synthoscope.api.synthesis.v1.synthesis_pb2 import GenerationFilters, GenerationOptions
from synthoscope.api.synthesis.v1.synthesis_service_pb2 import SubmitGenerationRequest
from synthoscope.classifier.networks import build_network
from synthoscope.classifier.prediction import load_classifier
from synthoscope.datasets.cache import PixelCache
from synthoscope.datasets.versions import store
from synthoscope.gan import sampling
from synthoscope.gan.config import GanConfig
from synthoscope.gan.families import family_of
from synthoscope.images.storage import store_pixels
from synthoscope.models.weights import WEIGHTS, dump_weights
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import FailedPrecondition

SIDE = 28
COPIED = (3, 20)
"""Candidates of class a that are among the training images: the one as it is, the other mirrored."""


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def objects():
    return InMemoryObjectStore()


@pytest.fixture(scope="module")
def gan(objects):
    """A generator of two classes with lively random weights, which shows two training images again."""
    config = GanConfig("lsgan", epochs=1, image_size=SIDE, width=4)
    networks = family_of(config, classes=2).build(seed=0)
    numbers = torch.Generator().manual_seed(1)
    for parameter in networks.generator.parameters():
        if parameter.ndim > 1:
            parameter.data = 0.5 * torch.randn(parameter.shape, generator=numbers)
    tensors = {
        f"0.{name}.{key}": tensor
        for name, network in (("generator", networks.generator), ("discriminator", networks.discriminator))
        for key, tensor in network.state_dict().items()
    }
    record = ModelVersion(kind=ModelKind.MODEL_KIND_GAN, classes=["a", "b"], preset="lsgan", image_size=SIDE)
    record.config.update(config.to_json())
    made = np.concatenate(list(sampling.sample(sampling.from_tensors(record, tensors), "a", 32, seed=3)))
    record.lineage.CopyFrom(Lineage(dataset_version=training_images(objects, made)))
    return models.publish(objects, "tenants/t/models/gan", record, {WEIGHTS: dump_weights(tensors)}).name


def training_images(objects, made):
    others = np.random.default_rng(0).integers(0, 256, (30, SIDE, SIDE, 3), np.uint8)
    pixels = [*others, made[COPIED[0]], np.ascontiguousarray(made[COPIED[1]][:, ::-1])]
    images = [
        DatasetImage(path=f"{index}.png", label="a", split=Split.SPLIT_TRAIN, image=store_pixels(objects, "t", each))
        for index, each in enumerate(pixels)
    ]
    return store(objects, "tenants/t/datasets/d", images).name


@pytest.fixture(scope="module")
def workshop_of(objects, gan, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")

    def workshop(**options):
        request = SubmitGenerationRequest(model_version=gan, seed=3, options=GenerationOptions(**options))
        return open_workshop(objects, PixelCache(folder), request)

    with pytest.MonkeyPatch.context() as patch:  # what finds the copies is the same for all of them
        patch.setattr(candidates, "training_copies", cache(candidates.training_copies))
        yield workshop


def refused(workshop, label="a", count=48, first=0):
    return {each.number: each.refused for each in workshop.candidates(Share(label, first, count)) if each.refused}


def test_copies_of_training_images_are_always_refused(workshop_of):
    assert refused(workshop_of()) == dict.fromkeys(COPIED, "training_copy")
    assert not refused(workshop_of(), "b")


def test_training_images_that_show_nothing(objects, tmp_path):
    black = store_pixels(objects, "t", np.zeros((SIDE, SIDE, 3), np.uint8))
    images = [DatasetImage(path="1.png", label="a", split=Split.SPLIT_TRAIN, image=black)]
    dataset = store(objects, "tenants/t/datasets/black", images).name
    record = ModelVersion(preset="lsgan", lineage=Lineage(dataset_version=dataset))
    name = models.publish(objects, "tenants/t/models/black", record, {}).name
    with pytest.raises(FailedPrecondition, match="single grey value"):
        candidates.training_copies(objects, PixelCache(tmp_path), name)


def test_the_discriminator_keeps_its_best_share(workshop_of):
    workshop = workshop_of(filters=GenerationFilters(discriminator_share=0.25))
    judged = list(workshop.candidates(Share("b", 0, CALIBRATION)))
    kept = [each for each in judged if not each.refused]
    assert len(kept) == CALIBRATION / 4
    assert {each.refused for each in judged} == {"", "discriminator"}
    for chunk in range(0, CALIBRATION, sampling.CHUNK):
        part = judged[chunk : chunk + sampling.CHUNK]
        scores = sampling.scores(workshop.generators, "b", np.stack([each.generated for each in part]))
        assert [not each.refused for each in part] == (scores >= workshop.threshold("b")).tolist()


def test_a_classifier_must_agree(workshop_of, objects):
    network = build_network("cnn-64", 2, torch.Generator().manual_seed(0))
    record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=["a", "b"], preset="cnn-64", image_size=64)
    weights = {WEIGHTS: dump_weights(network.state_dict())}
    name = models.publish(objects, "tenants/t/models/cnn", record, weights).name
    classifier = load_classifier(objects, name)
    made = [each.pixels for each in workshop_of().candidates(Share("b", 0, 32))]
    seen = np.stack([classifier.pipeline.apply(image).pixels for image in made])
    probabilities = classifier.predict(seen)[:, 1]
    middle = float(np.median(probabilities))
    filters = GenerationFilters(classifier=name, classifier_probability=middle)
    expected = np.flatnonzero(probabilities < np.float32(middle)).tolist()
    assert 0 < len(expected) < 32
    assert refused(workshop_of(filters=filters), "b", 32) == dict.fromkeys(expected, "classifier")


def test_a_candidate_does_not_depend_on_its_share(workshop_of):
    workshop = workshop_of(filters=GenerationFilters(discriminator_share=0.5), output_size=56, truncation=0.7)
    whole = list(workshop.candidates(Share("a", 0, 40)))
    assert whole[0].pixels.shape == (56, 56, 3)
    other = workshop_of(filters=GenerationFilters(discriminator_share=0.5), output_size=56, truncation=0.7)
    for first, count in [(37, 3), (5, 20), (0, 1)]:
        for found, expected in zip(
            other.candidates(Share("a", first, count)), whole[first : first + count], strict=True
        ):
            assert (found.number, found.refused) == (expected.number, expected.refused)
            np.testing.assert_array_equal(found.pixels, expected.pixels)


def test_another_size_is_resampled():
    ramp = np.broadcast_to(np.arange(0, 252, 9, np.uint8)[:, None, None], (SIDE, SIDE, 3))
    larger = candidates.resampled(ramp, 56)
    assert larger.shape == (56, 56, 3)
    assert np.abs(larger.reshape(SIDE, 2, SIDE, 2, 3).mean((1, 3)) - ramp).max() < 3
    assert candidates.resampled(ramp, 0) is candidates.resampled(ramp, SIDE) is ramp


def test_truncation_narrows(workshop_of):
    plain = [each.pixels for each in workshop_of().candidates(Share("b", 0, 16))]
    narrow = [each.pixels for each in workshop_of(truncation=0.1).candidates(Share("b", 0, 16))]
    assert np.std(narrow, axis=0).mean() < np.std(plain, axis=0).mean() / 2
