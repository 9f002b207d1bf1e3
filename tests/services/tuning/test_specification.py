import pytest

from services.tuning import specification as rules
from synthoscope.api.datasets.v1.datasets_pb2 import ClassCount, DatasetVersion, Split
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanTrainingConfig
from synthoscope.api.tuning.v1.tuning_pb2 import NumberChoice, Objective, Parameter, StudySpecification
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, ResourceExhausted


def study(kind="classifier", batches=(8,), epochs=2, **fields):
    base = (
        {"classifier": ClassifierTrainingConfig(preset="cnn-64", epochs=epochs)}
        if kind == "classifier"
        else {"gan": GanTrainingConfig(preset="dcgan-64", epochs=epochs)}
    )
    parameters = [Parameter(name="batch_size", choice=NumberChoice(values=batches))]
    return StudySpecification(**base, parameters=parameters, **{"max_trials": 3} | fields)


def dataset(**counts):
    return DatasetVersion(
        name="tenants/default/datasets/d/versions/0",
        classes=sorted(counts),
        counts=[ClassCount(split=Split.SPLIT_TRAIN, label=label, count=count) for label, count in counts.items()]
        + [ClassCount(split=Split.SPLIT_TEST, label=label, count=1000) for label in counts],
    )


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"max_trials": 0}, "specification.max_trials"),
        ({"max_trials": -1}, "specification.max_trials"),
        ({"max_concurrent_trials": -1}, "specification.max_concurrent_trials"),
        ({"max_concurrent_trials": 65}, "specification.max_concurrent_trials"),
        ({"grace_period": 3}, "specification.grace_period"),
        ({"seed": -1}, "specification.seed"),
        ({"max_images": -1}, "specification.max_images"),
    ],
)
def test_limits(fields, field):
    with pytest.raises(InvalidInput) as caught:
        rules.check(study(**fields))
    assert caught.value.violations[0].field == field


def test_too_many_trials_exhaust():
    with pytest.raises(ResourceExhausted, match=r"specification\.max_trials.*1000"):
        rules.check(study(max_trials=1001))


def test_the_objective_follows_from_the_base():
    assert rules.objective(study("classifier")) == Objective.OBJECTIVE_VALIDATION_MACRO_F1
    assert rules.objective(study("gan")) == Objective.OBJECTIVE_FRECHET_DISTANCE


@pytest.mark.parametrize("kind", ["classifier", "gan"])
def test_too_few_images_for_the_largest_batch(kind):
    rules.check_dataset(study(kind, (8, 16)), dataset(a=10, b=10))
    with pytest.raises(FailedPrecondition):
        rules.check_dataset(study(kind, (8, 32)), dataset(a=10, b=10))
    with pytest.raises(FailedPrecondition):
        rules.check_dataset(study(kind, (8, 32), max_images=20), dataset(a=100, b=100))


@pytest.mark.parametrize("kind", ["classifier", "gan"])
def test_a_class_without_training_images(kind):
    with pytest.raises(FailedPrecondition, match="b"):
        rules.check_dataset(study(kind), dataset(a=50, b=0))


def test_a_classifier_needs_two_classes():
    with pytest.raises(FailedPrecondition, match="at least 2"):
        rules.check_dataset(study(), dataset(a=50))


@pytest.mark.parametrize(
    ("counts", "most", "shares"),
    [
        ([10, 20, 30], 0, [10, 20, 30]),
        ([10, 20, 30], 60, [10, 20, 30]),
        ([10, 20, 30], 7, [1, 2, 4]),
        ([5, 5], 3, [2, 1]),
    ],
)
def test_stratified_counts(counts, most, shares):
    assert rules.stratified_counts(counts, most) == shares
