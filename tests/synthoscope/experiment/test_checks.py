import math

import pytest

from synthoscope import models
from synthoscope.api.datasets.v1.datasets_pb2 import ClassCount, DatasetVersion, Split
from synthoscope.api.experiments.v1.experiments_pb2 import Arm, ExperimentSpecification, Fraction
from synthoscope.api.images.v1.preprocessing_pb2 import MarginRemoval, Preprocessing, PreprocessingStep
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelOutput, ModelVersion
from synthoscope.api.synthesis.v1.synthesis_pb2 import SyntheticSet
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig
from synthoscope.experiment import plan
from synthoscope.experiment.checks import LARGEST_RATIO, MOST_SEEDS, MOST_TRIALS, check
from synthoscope.objects import InMemoryObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, NotFound, ResourceExhausted

PARENT = "tenants/t/datasets"
WHOLE, HALF, FURTHER = (f"{PARENT}/{name}/versions/0123456789abcdef" for name in ("whole", "half", "further"))
SET, FILTERED = "tenants/t/syntheticSets/s", "tenants/t/syntheticSets/f"
TRAIN, TEST = Split.SPLIT_TRAIN, Split.SPLIT_TEST
EVERYWHERE = [(TRAIN, "a", 8), (TRAIN, "b", 4), (TEST, "a", 2), (TEST, "b", 2)]


def store(objects, name, counts=EVERYWHERE, classes=("a", "b"), **fields):
    message = DatasetVersion(
        name=name,
        classes=classes,
        counts=[ClassCount(split=split, label=label, count=count) for split, label, count in counts],
        **fields,
    )
    Records(objects, DatasetVersion).put(name, message)


@pytest.fixture
def objects():
    objects = InMemoryObjectStore()
    store(objects, WHOLE)
    store(objects, HALF)
    store(objects, FURTHER, [(TRAIN, "a", 8)])
    records = Records(objects, SyntheticSet)
    for name in (SET, FILTERED):
        records.put(name, SyntheticSet(name=name, counts={"a": 30, "b": 30}))
    return objects


def fraction(**fields) -> Fraction:
    given = {"share": 0.5, "dataset_version": HALF, "further_version": FURTHER, "synthetic_sets": [SET]}
    return Fraction(**given | {"filtered_sets": [FILTERED]} | fields)


def specification(**fields) -> ExperimentSpecification:
    given = {"dataset_version": WHOLE, "fractions": [fraction()], "presets": ["cnn-64"]}
    return ExperimentSpecification(**given | {"training": ClassifierTrainingConfig(epochs=3)} | fields)


def test_an_experiment_that_can_be_run_is_accepted(objects):
    check(objects, specification())
    check(
        objects,
        specification(
            fractions=[fraction(), Fraction(share=1.0, dataset_version=WHOLE)],
            presets=["cnn-64", "efficientnet-b0"],
            arms=Arm.values()[1:],
            ratios=[LARGEST_RATIO, 0.01],
            seeds=MOST_SEEDS,
            budget_minutes=0.5,
        ),
    )


@pytest.mark.parametrize(("fields", "field", "says"), [
    ({"dataset_version": ""}, "dataset_version", "must have the form"),
    ({"dataset_version": "/etc/passwd"}, "dataset_version", "must have the form"),
    ({"fractions": []}, "fractions", "at least one"),
    ({"fractions": [fraction(), fraction()]}, "fractions", "different shares"),
    ({"fractions": [fraction(share=0)]}, "fractions[0].share", "must be in (0, 1]"),
    ({"fractions": [fraction(share=1.01)]}, "fractions[0].share", "must be in (0, 1]"),
    ({"fractions": [fraction(), fraction(share=math.nan)]}, "fractions[1].share", "must be in (0, 1]"),
    ({"fractions": [fraction(dataset_version="half")]}, "fractions[0].dataset_version", "must have the form"),
    ({"fractions": [fraction(further_version="x")]}, "fractions[0].further_version", "must have the form"),
    ({"fractions": [fraction(synthetic_sets=[HALF])]}, "fractions[0]", "must have the form"),
    ({"presets": []}, "presets", "at least one network"),
    ({"presets": ["cnn-64", "cnn-64"]}, "presets", "each once"),
    ({"presets": ["cnn-64", "cnn-63"]}, "presets[1]", "must be one of"),
    ({"training": ClassifierTrainingConfig()}, "training.epochs", "must be in [1, "),
    ({"training": ClassifierTrainingConfig(epochs=1, learning_rate=math.nan)}, "training.learning_rate", "(0, 1]"),
    ({"training": ClassifierTrainingConfig(epochs=1, frozen_epochs=1)}, "training.frozen_epochs", "not cnn-64"),
    ({"training": ClassifierTrainingConfig(epochs=1, output=ModelOutput.MODEL_OUTPUT_FINDINGS)},
        "training.output", "must be SOFTMAX"),
    ({"training": ClassifierTrainingConfig(epochs=1, workers=2)}, "training.workers", "must be left out"),
    ({"training": ClassifierTrainingConfig(epochs=1, seed=3)}, "training.seed", "the seeds 0, 1"),
    ({"training": ClassifierTrainingConfig(epochs=1, validation_fraction=0.2)},
        "training.validation_fraction", "brings its validation images"),
    ({"training": ClassifierTrainingConfig(epochs=1, operating_label="a", operating_sensitivity=0.9)},
        "training.operating_label", "likeliest"),
    ({"training": ClassifierTrainingConfig(epochs=1, early_stopping_patience=2)},
        "training.early_stopping_patience", "as many steps"),
    ({"training": ClassifierTrainingConfig(epochs=1, evaluation_crop=0.1)},
        "training.evaluation_crop", "only one arm is cropped"),
    ({"presets": ["resnet50"], "training": ClassifierTrainingConfig(epochs=1, weights="http://x")},
        "training.weights", "must be"),
    ({"arms": [Arm.ARM_REAL, Arm.ARM_UNSPECIFIED]}, "arms[1]", "must be one of ARM_REAL, "),
    ({"arms": [99]}, "arms[0]", "must be one of ARM_REAL, "),
    ({"ratios": [1.0, 0.0]}, "ratios[1]", "must be in (0, 10]"),
    ({"ratios": [10.5]}, "ratios[0]", "must be in (0, 10]"),
    ({"ratios": [math.nan]}, "ratios[0]", "must be in (0, 10]"),
    ({"ratios": [0.5, 1.0, 0.5]}, "ratios", "must differ"),
    ({"ratios": [1.0, 1.0000001]}, "ratios", "must differ"),
    ({"seeds": 1}, "seeds", "must be in [2, 50]"),
    ({"seeds": 51}, "seeds", "must be in [2, 50]"),
    ({"seeds": -1}, "seeds", "must be in [2, 50]"),
    ({"budget_minutes": -1}, "budget_minutes", "at least 0"),
    ({"budget_minutes": math.nan}, "budget_minutes", "at least 0"),
    ({"budget_minutes": math.inf}, "budget_minutes", "at least 0"),
])  # fmt: skip
def test_what_is_out_of_range_is_named(objects, fields, field, says):
    with pytest.raises(InvalidInput) as refused:
        check(objects, specification(**fields))
    (violation,) = refused.value.violations
    assert violation.field == f"specification.{field}"
    assert says in violation.description


@pytest.mark.parametrize("fields", [
    {"dataset_version": f"{PARENT}/none/versions/0123456789abcdef"},
    {"fractions": [fraction(dataset_version=f"{PARENT}/none/versions/0123456789abcdef")]},
    {"fractions": [fraction(further_version=f"{PARENT}/none/versions/0123456789abcdef")]},
    {"fractions": [fraction(synthetic_sets=["tenants/t/syntheticSets/none"])]},
    {"fractions": [fraction(filtered_sets=[FILTERED, "tenants/t/syntheticSets/none"])]},
])  # fmt: skip
def test_what_is_not_there_is_named(objects, fields):
    with pytest.raises(NotFound, match="/none"):
        check(objects, specification(**fields))


@pytest.mark.parametrize("field", ["dataset_version", "further_version"])
def test_a_version_that_may_be_another_one_tomorrow_is_refused(objects, field):
    """Trainings of one experiment begin at different times, and must see the same images."""
    Records(objects, DatasetVersion).set_latest(HALF)
    latest = f"{PARENT}/half/versions/latest"
    with pytest.raises(InvalidInput, match=rf"fractions\[0\]\.{field}: must name a version itself, such as {HALF}"):
        check(objects, specification(fractions=[fraction(**{field: latest})]))
    with pytest.raises(InvalidInput, match=r"specification\.dataset_version: must name a version itself"):
        check(objects, specification(dataset_version=latest))


@pytest.mark.parametrize("tested", [0, 1])
def test_arms_are_compared_on_test_images(objects, tested):
    store(objects, WHOLE, [*EVERYWHERE[:2], (TEST, "a", tested)])
    with pytest.raises(FailedPrecondition, match=f"{WHOLE} has {tested} test images; 2 are needed"):
        check(objects, specification())


@pytest.mark.parametrize("classes", [(), ("a",)])
def test_a_classifier_has_classes_to_tell_apart(objects, classes):
    counts = [(split, label, count) for split, label, count in EVERYWHERE if label in classes] or [(TEST, "", 2)]
    for name in (WHOLE, HALF, FURTHER):
        store(objects, name, counts, classes)
    with pytest.raises(FailedPrecondition, match=rf"dataset_version: {WHOLE} has fewer than two classes"):
        check(objects, specification())


NEEDS_SETS = "needs synthetic sets, and no fraction has any"


@pytest.mark.parametrize(("arm", "lacking", "says"), [
    (Arm.ARM_SYNTHETIC, {"synthetic_sets": []}, NEEDS_SETS),
    (Arm.ARM_BALANCED, {"synthetic_sets": []}, NEEDS_SETS),
    (Arm.ARM_SYNTHETIC_ONLY, {"synthetic_sets": []}, NEEDS_SETS),
    (Arm.ARM_FILTERED, {"filtered_sets": []}, "needs filtered synthetic sets, and no fraction has any"),
    (Arm.ARM_ORACLE, {"further_version": ""}, "needs further real images, and no fraction has any; a share of 1"),
])  # fmt: skip
def test_an_arm_that_is_asked_for_by_name_has_images_somewhere(objects, arm, lacking, says):
    """Else it would be missing in the results, and nobody told why."""
    without = [fraction(share=0.25, **lacking), fraction(**lacking)]
    named = [Arm.ARM_DUPLICATED, arm]
    with pytest.raises(InvalidInput) as refused:
        check(objects, specification(fractions=without, arms=named))
    (violation,) = refused.value.violations
    assert violation.field == "specification.arms[1]"
    assert violation.description.startswith(says)
    check(objects, specification(fractions=without, arms=[Arm.ARM_REAL, Arm.ARM_AUGMENTED, Arm.ARM_DUPLICATED]))
    check(objects, specification(fractions=without))
    check(objects, specification(fractions=[without[0], fraction()], arms=named))


@pytest.mark.parametrize(("counts", "says"), [
    ([(TRAIN, "a", 8), *EVERYWHERE[2:]], "has no images of b for training"),
    ([(TRAIN, "a", 8), (TRAIN, "b", 0), *EVERYWHERE[2:]], "has no images of b for training"),
    ([*EVERYWHERE[:2], (TEST, "b", 2)], "has no images of a for validation"),
    (EVERYWHERE[:2], "has no images of a, b for validation"),
])  # fmt: skip
def test_a_fraction_has_images_of_every_class_to_learn_from_and_to_choose_by(objects, counts, says):
    store(objects, HALF, counts)
    with pytest.raises(FailedPrecondition, match=rf"fractions\[0\]\.dataset_version: {says}"):
        check(objects, specification())


@pytest.mark.parametrize("name", [HALF, FURTHER])
@pytest.mark.parametrize("classes", [("a", "b", "c"), ("b", "a"), ("a",)])
def test_all_versions_have_the_same_classes(objects, name, classes):
    store(objects, name, classes=classes)
    with pytest.raises(FailedPrecondition, match=f"the classes of {name} are {', '.join(classes)}$"):
        check(objects, specification())


@pytest.mark.parametrize("name", [HALF, FURTHER])
def test_what_is_learned_and_what_is_tested_are_preprocessed_alike(objects, name):
    """Else a network would be tested on images unlike those that it learned from, and look worse than it is."""
    margins = Preprocessing(steps=[PreprocessingStep(margin_removal=MarginRemoval())])
    store(objects, name, preprocessing=margins)
    with pytest.raises(FailedPrecondition, match=f"{name} is preprocessed otherwise than {WHOLE}"):
        check(objects, specification())
    for other in (WHOLE, HALF, FURTHER):
        store(objects, other, preprocessing=margins)
    check(objects, specification())


@pytest.mark.parametrize("name", [SET, FILTERED])
@pytest.mark.parametrize(("label", "says"), [("c", "images of c, which is no class"), ("", "images of no class")])
def test_synthetic_images_are_of_known_classes(objects, name, label, says):
    Records(objects, SyntheticSet).put(name, SyntheticSet(name=name, counts={"a": 30, label: 1}))
    with pytest.raises(FailedPrecondition, match=rf"fractions\[0\]: {name} has {says}"):
        check(objects, specification())


def test_first_weights_are_there_and_have_a_backbone(objects):
    def training(weights):
        return specification(presets=["resnet50"], training=ClassifierTrainingConfig(epochs=1, weights=weights))

    with pytest.raises(NotFound):
        check(objects, training("tenants/t/models/none/versions/0123456789abcdef"))
    models.publish(objects, "tenants/t/models/g", ModelVersion(kind=ModelKind.MODEL_KIND_GAN), {})
    with pytest.raises(InvalidInput, match=r"specification\.training\.weights: must name a version itself"):
        check(objects, training("tenants/t/models/g/versions/latest"))
    check(objects, training("imagenet"))


def many(fractions: int, **fields) -> ExperimentSpecification:
    shares = [(number + 1) / fractions for number in range(fractions)]
    return specification(fractions=[fraction(share=share) for share in shares], **fields)


@pytest.mark.parametrize("fields", [{}, {"ratios": [1.0]}, {"ratios": [0.1 * number for number in range(1, 31)]}])
def test_what_is_accepted_is_at_most_so_many_runs(objects, fields):
    """The bound holds for what is planned, and experiments of half as many runs are not refused."""

    accepted = 0
    for fractions in (10, 11, 20, 30, 50, 90, 100):
        asked = many(fractions, seeds=10, **fields)
        planned = len(plan.first_trials(asked)) + len(plan.further_trials(asked, "cnn-64"))
        try:
            check(objects, asked)
            accepted += 1
            assert planned <= MOST_TRIALS
        except ResourceExhausted:
            assert planned > MOST_TRIALS / 2
    assert 0 < accepted < 7
