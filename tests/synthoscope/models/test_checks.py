import numpy as np
import onnx
import pytest

from synthoscope import models
from synthoscope.api.models.v1.models_pb2 import (
    ConformalPrediction,
    Evaluation,
    Lineage,
    ModelKind,
    ModelOutput,
    ModelVersion,
    OutOfDistribution,
    Reliability,
)
from synthoscope.models import card, versions
from synthoscope.models.checks import Complete, NotWorse
from synthoscope.models.predictions import ImagePredictions, path_of
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import DataLoss

GAN, CLASSIFIER = ModelKind.MODEL_KIND_GAN, ModelKind.MODEL_KIND_CLASSIFIER
DATASET = "tenants/t/datasets/d/versions/0123456789abcdef"
FINDINGS = ModelOutput.MODEL_OUTPUT_FINDINGS


def onnx_model():
    """The smallest model: it gives back what it is given."""
    given, back = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n"]) for name in "ab")
    graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["a"], ["b"])], "identity", [given], [back])
    opsets = [onnx.helper.make_opsetid("", 17)]
    return onnx.helper.make_model(graph, ir_version=8, opset_imports=opsets).SerializeToString()


FILES = (versions.WEIGHTS, versions.ONNX, versions.BANK, card.MARKDOWN, card.JSON)
WHOLE = {path: onnx_model() if path == versions.ONNX else b"some" for path in FILES}
RELIABILITY = Reliability(temperature=1.2, conformal=ConformalPrediction(), out_of_distribution=OutOfDistribution())


@pytest.fixture
def objects():
    return InMemoryObjectStore()


def classifier(objects, seed, files=None, classes=("a", "b"), kind=CLASSIFIER, **fields):
    record = ModelVersion(kind=kind, classes=classes, lineage=Lineage(seed=seed, dataset_version=DATASET), **fields)
    return models.publish(objects, "tenants/t/models/m", record, files or {})


def right(share, count=100, split="test", offset=0, groups=None, first=True):
    """A file of predictions on images of class a, of which a share, the first or the last, is right."""
    good = int(share * count)
    predicted = [0] * good + [1] * (count - good)
    said = ImagePredictions(
        split,
        DATASET,
        ("a", "b"),
        tuple(f"{number + offset:064x}" for number in range(count)),
        (0,) * count,
        tuple(predicted if first else predicted[::-1]),
        tuple(range(count)) if groups is None else groups,
    )
    return {path_of(split): said.to_json()}


def compare(objects, candidate, incumbent, check=None, **fields):
    new = classifier(objects, 1, candidate, **fields)
    old = classifier(objects, 2, incumbent)
    return (check or NotWorse()).check(objects, new, old)


def test_a_better_and_an_equal_version_pass_with_figures(objects):
    found = compare(objects, right(0.9), right(0.8))
    assert found.passed
    assert found.name == "not_worse"
    assert "right on 90.0% of 100 test images" in found.reason
    assert "on 80.0%" in found.reason
    assert "not shown" in found.reason
    assert "100 groups, one-sided p = 1" in found.reason
    assert compare(objects, right(0.8), right(0.8)).passed


def test_a_worse_version_does_not_pass(objects):
    found = compare(objects, right(0.8), right(0.9))
    assert not found.passed
    assert "that it is worse is shown" in found.reason
    assert f"p = {2**-10:.3g}" in found.reason


def test_chance_is_no_reason_to_refuse(objects):
    # Of 4 images that only one gets right, all are the incumbent's: 1 in 16 by chance. Of 5: 1 in 32.
    assert compare(objects, right(0.86), right(0.90)).passed
    assert not compare(objects, right(0.85), right(0.90)).passed


def test_copies_do_not_make_a_version_worse(objects):
    groups = tuple(np.r_[np.arange(80), np.full(20, 80)].tolist())
    assert compare(objects, right(0.8, groups=groups), right(1.0)).passed
    assert not compare(objects, right(0.8), right(1.0)).passed


def test_only_images_that_both_held_out_count(objects):
    # The candidate is wrong on images that the incumbent did not predict, and right on all others.
    found = compare(objects, right(0.5), right(1.0, count=50))
    assert found.passed
    assert "50 test images" in found.reason


def test_validation_images_are_compared_where_test_images_are_too_few(objects):
    new = right(0.8) | right(0.8, split="validation")
    old = right(1.0, count=19) | right(0.9, split="validation")
    found = compare(objects, new, old)
    assert "100 validation images" in found.reason
    assert not found.passed
    assert "validation" in compare(objects, right(0.9, split="validation"), old).reason


@pytest.mark.parametrize("candidate", [{}, right(1.0, count=19), right(1.0, offset=1000)])
def test_what_cannot_be_compared_does_not_pass_and_says_what_to_do(objects, candidate):
    found = compare(objects, candidate, right(0.9))
    assert not found.passed
    assert f"train both on {DATASET}" in found.reason


def test_fewer_groups_can_be_made_enough(objects):
    assert compare(objects, right(1.0, count=10), right(1.0), NotWorse(fewest_groups=10)).passed


def test_a_version_that_forgot_a_class_does_not_pass(objects):
    found = compare(objects, right(1.0), right(0.5), classes=("a", "c"))
    assert not found.passed
    assert "does not know b" in found.reason
    assert compare(objects, right(1.0), right(0.5), classes=("c", "b", "a")).passed


def test_the_first_version_and_gans_pass(objects):
    assert NotWorse().check(objects, classifier(objects, 1), None).passed
    gans = [classifier(objects, seed, kind=GAN) for seed in (1, 2)]
    found = NotWorse().check(objects, *gans)
    assert found.passed
    assert "not a classifier" in found.reason


def test_another_kind_does_not_take_over(objects):
    found = NotWorse().check(objects, classifier(objects, 1, kind=GAN), classifier(objects, 2))
    assert not found.passed
    assert "another kind" in found.reason


def test_damaged_predictions_are_data_loss(objects):
    with pytest.raises(DataLoss):
        compare(objects, {path_of("test"): b"{"}, right(0.9))


def whole(objects, files=WHOLE, **fields):
    fields = {"evaluations": [Evaluation(split="validation")], "reliability": RELIABILITY, **fields}
    return classifier(objects, 1, dict(files), **fields)


def without(field):
    reliability = Reliability()
    reliability.CopyFrom(RELIABILITY)
    reliability.ClearField(field)
    return reliability


def test_a_whole_version_is_complete(objects):
    found = Complete().check(objects, whole(objects), None)
    assert found.passed
    assert found.name == "complete"
    gan = classifier(objects, 1, {versions.WEIGHTS: b"w"}, kind=GAN)
    assert Complete().check(objects, gan, None).passed


def test_all_that_is_missing_is_named(objects):
    found = Complete().check(objects, classifier(objects, 1), None)
    assert not found.passed
    missing = (
        "weights.safetensors, model.onnx, features.safetensors, card.md, card.json, "
        "an evaluation on validation images, a calibrated temperature, a threshold for what it refuses, prediction sets"
    )
    assert found.reason == f"lacks {missing}"
    assert not Complete().check(objects, classifier(objects, 1, kind=GAN), None).passed


@pytest.mark.parametrize("path", FILES)
def test_each_file_is_asked_for(objects, path):
    files = {other: data for other, data in WHOLE.items() if other != path}
    assert Complete().check(objects, whole(objects, files), None).reason == f"lacks {path}"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"evaluations": []}, "lacks an evaluation on validation images"),
        ({"reliability": without("temperature")}, "lacks a calibrated temperature"),
        ({"reliability": without("out_of_distribution")}, "lacks a threshold for what it refuses"),
        ({"reliability": without("conformal")}, "lacks prediction sets"),
    ],
)
def test_each_measurement_is_asked_for(objects, fields, reason):
    assert Complete().check(objects, whole(objects, **fields), None).reason == reason


def test_findings_have_no_prediction_sets(objects):
    version = whole(objects, reliability=without("conformal"), output=FINDINGS)
    assert Complete().check(objects, version, None).passed


def test_an_onnx_file_that_cannot_be_loaded_is_named(objects):
    version = whole(objects, WHOLE | {versions.ONNX: b"no model"})
    assert Complete().check(objects, version, None).reason == "lacks a model.onnx that can be computed"


def test_a_damaged_file_is_named(objects):
    version = whole(objects)
    objects.put(f"{version.name}/{versions.ONNX}", b"other")
    assert Complete().check(objects, version, None).reason == "lacks an undamaged model.onnx"
