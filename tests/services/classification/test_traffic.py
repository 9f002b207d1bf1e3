"""Versions tried out beside the one that an alias stands for."""

import numpy as np
import pytest
from diagnosis_edge import TENANT, png, running_edge, wait_for
from prometheus_client import REGISTRY
from seen_brightness import CLASSES

from services.classification.traffic import Route
from synthoscope import models
from synthoscope.api.images.v1.preprocessing_pb2 import MarginRemoval, Preprocessing, PreprocessingStep
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion, TrafficSplit
from synthoscope.models.promotion import promote
from synthoscope.models.traffic import set_split
from synthoscope.rpc.errors import NotFound

MODEL = f"{TENANT}/models/cnn"
CHAMPION = f"{MODEL}/versions/champion"


@pytest.fixture
def platform(decoders, pseudonyms):
    with running_edge(decoders, pseudonyms) as edge:
        promote(edge.objects, edge.classifier.name, "champion", [])
        yield edge


@pytest.fixture
def candidate(platform):
    """One with another preprocessing."""
    steps = [PreprocessingStep(margin_removal=MarginRemoval())]
    record = ModelVersion(
        kind=ModelKind.MODEL_KIND_CLASSIFIER,
        classes=CLASSES,
        image_size=8,
        preprocessing=Preprocessing(steps=steps),
        preset="newer",
    )
    return models.publish(platform.objects, MODEL, record, {}).name


def try_out(platform, candidate, **shares):
    name = f"{MODEL}/aliases/champion/trafficSplit"
    set_split(platform.objects, TrafficSplit(name=name, candidate=candidate, **shares))


def shadowed(candidate, outcome):
    labels = {"tenant": "default", "model": "cnn", "version": candidate.rpartition("/")[2], "outcome": outcome}
    return REGISTRY.get_sample_value("synthoscope_shadow_answers_total", labels) or 0


def asked(platform, version):
    return sum(size for name, size in platform.model.calls if name == version)


def test_shares_are_kept_and_an_images_bytes_decide():
    chance = np.random.default_rng(0)
    files = [chance.bytes(64) for _ in range(4000)]
    version, candidate = ModelVersion(name="v"), ModelVersion(name="c")
    route = Route(version, candidate, canary=0.2, shadow=0.5)
    canaries = [file for file in files if route.answering(file) == [candidate, version]]
    shadows = [file for file in files if route.shadowing(file) is candidate]
    assert len(canaries) / len(files) == pytest.approx(0.2, abs=0.03)
    assert len(shadows) / (len(files) - len(canaries)) == pytest.approx(0.5, abs=0.03)
    assert not set(canaries) & set(shadows)
    assert [file for file in files if route.answering(file)[0] is candidate] == canaries
    alone = Route(version)
    assert all(alone.answering(file) == [version] and alone.shadowing(file) is None for file in files[:9])
    whole = Route(version, candidate, canary=1.0, shadow=1.0)
    assert all(whole.answering(file)[0] is candidate for file in files)


def test_a_canary_answers_its_share_and_ends(platform, candidate):
    assert platform.ask(png(204), CHAMPION).model_version == platform.classifier.name
    try_out(platform, candidate, canary=1.0)
    wait_for(lambda: platform.ask(png(204), CHAMPION).model_version == candidate)
    assert ("load", candidate) in platform.model.told
    try_out(platform, candidate, canary=0.5)
    wait_for(lambda: len({platform.ask(png(level), CHAMPION).model_version for level in range(30)}) == 2)
    same = {platform.ask(png(99), CHAMPION).model_version for _ in range(8)}
    assert len(same) == 1
    assert platform.ask(png(204), platform.classifier.name).model_version == platform.classifier.name
    try_out(platform, candidate)
    wait_for(lambda: {platform.ask(png(level), CHAMPION).model_version for level in range(30)} == {
        platform.classifier.name
    })  # fmt: skip


def test_what_a_canary_cannot_answer_the_aliass_version_does(platform, candidate):
    platform.model.error, platform.model.broken = NotFound("its weights are gone"), {candidate}
    try_out(platform, candidate, canary=1.0)
    labels = {"tenant": "default", "model": "cnn", "version": candidate.rpartition("/")[2]}
    platform.ask(png(204), CHAMPION)
    wait_for(lambda: platform.ask(png(204), CHAMPION) and REGISTRY.get_sample_value(
        "synthoscope_canary_failures_total", labels
    ))  # fmt: skip
    diagnosis = platform.ask(png(204), CHAMPION)
    assert (diagnosis.label, diagnosis.model_version) == ("bright", platform.classifier.name)


def test_shadows_are_compared_and_answer_nobody(platform, candidate):
    # A bright spot in the dark: with its margins gone it is bright.
    spot = np.zeros((40, 40), np.uint8)
    spot[15:25, 15:25] = 255
    dark_or_bright = png(0, pixels=spot)
    try_out(platform, candidate, shadow=1.0)
    platform.ask(png(204), CHAMPION)
    wait_for(lambda: platform.ask(png(204), CHAMPION) and shadowed(candidate, "agreed"))
    before = asked(platform, candidate)
    diagnosis = platform.ask(dark_or_bright, CHAMPION)
    assert (diagnosis.label, diagnosis.model_version) == ("dark", platform.classifier.name)
    wait_for(lambda: shadowed(candidate, "disagreed") == 1)
    assert asked(platform, candidate) > before


def test_a_candidate_that_cannot_be_read_stops_nothing(platform, candidate):
    try_out(platform, candidate, canary=1.0)
    platform.objects.delete(f"{candidate}/manifest.json")
    assert platform.ask(png(204), CHAMPION).model_version == platform.classifier.name


def test_a_trial_is_void_once_the_alias_answers_other_classes(platform, candidate):
    try_out(platform, candidate, canary=1.0)
    wait_for(lambda: platform.ask(png(204), CHAMPION).model_version == candidate)
    record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=CLASSES[::-1], image_size=8)
    other = models.publish(platform.objects, MODEL, record, {}).name
    promote(platform.objects, other, "champion", [])
    wait_for(lambda: platform.ask(png(204), CHAMPION).model_version == other)
    assert {platform.ask(png(level), CHAMPION).model_version for level in range(9)} == {other}
