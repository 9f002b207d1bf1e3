"""Whether an experiment can be run as it is asked for. No torch: services ask before they accept a job."""

from collections.abc import Sequence

from synthoscope import names
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion, Split
from synthoscope.api.experiments.v1.experiments_pb2 import Arm, ExperimentSpecification, Fraction
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig
from synthoscope.classifier.parsing import from_message
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, ResourceExhausted
from synthoscope.synthetic import sets

MOST_SEEDS = 50
MOST_TRIALS = 5_000
LARGEST_RATIO = 10.0


def check(objects: ObjectStore, specification: ExperimentSpecification) -> None:
    """Raises InvalidInput, naming the field, NotFound or FailedPrecondition with what is wrong; ResourceExhausted for
    more runs than are allowed.
    """
    field = "specification"
    version = _version(objects, specification.dataset_version, f"{field}.dataset_version")
    if not any(count.split == Split.SPLIT_TEST and count.count for count in version.counts):
        raise FailedPrecondition(f"{field}.dataset_version: {version.name} has no test split")
    _check_numbers(specification, field)
    _check_networks(specification, field)
    shares = [fraction.share for fraction in specification.fractions]
    if not shares or len(set(shares)) < len(shares):
        raise InvalidInput(f"{field}.fractions", "must hold at least one, of different shares")
    for index, fraction in enumerate(specification.fractions):
        _check_fraction(objects, fraction, version.classes, f"{field}.fractions[{index}]")


def _check_numbers(specification: ExperimentSpecification, field: str) -> None:
    if specification.seeds and not 2 <= specification.seeds <= MOST_SEEDS:
        raise InvalidInput(f"{field}.seeds", f"must be in [2, {MOST_SEEDS}]; 0 means 5")
    if not 0 <= specification.budget_minutes < float("inf"):
        raise InvalidInput(f"{field}.budget_minutes", "must be at least 0")
    for index, ratio in enumerate(specification.ratios):
        if not 0 < ratio <= LARGEST_RATIO:
            raise InvalidInput(f"{field}.ratios[{index}]", f"must be in (0, {LARGEST_RATIO:g}]")
    for index, arm in enumerate(specification.arms):
        if arm not in Arm.values()[1:]:
            raise InvalidInput(f"{field}.arms[{index}]", f"must be one of {', '.join(Arm.keys()[1:])}")
    per_seed = len(specification.fractions) * (8 + len(specification.ratios)) + 2 * len(specification.presets)
    if per_seed * (specification.seeds or 5) > MOST_TRIALS:
        raise ResourceExhausted(f"{field}: would be more than {MOST_TRIALS} runs; ask for fewer arms, shares or seeds")


def _check_networks(specification: ExperimentSpecification, field: str) -> None:
    if not specification.presets or len(set(specification.presets)) < len(specification.presets):
        raise InvalidInput(f"{field}.presets", "must name at least one network, each once")
    for index, preset in enumerate(specification.presets):
        message = ClassifierTrainingConfig()
        message.CopyFrom(specification.training)
        message.preset = preset
        try:
            from_message(message, f"{field}.training")
        except InvalidInput as error:
            if error.violations[0].field.endswith(".preset"):
                raise InvalidInput(f"{field}.presets[{index}]", error.violations[0].description) from error
            raise


def _check_fraction(objects: ObjectStore, fraction: Fraction, classes: Sequence[str], field: str) -> None:
    if not 0 < fraction.share <= 1:
        raise InvalidInput(f"{field}.share", "must be in (0, 1]")
    version = _version(objects, fraction.dataset_version, f"{field}.dataset_version")
    for split, purpose in ((Split.SPLIT_TRAIN, "training"), (Split.SPLIT_TEST, "validation (its test split)")):
        there = {count.label for count in version.counts if count.split == split and count.count}
        if absent := sorted(set(classes) - there):
            raise FailedPrecondition(f"{field}.dataset_version: has no images of {', '.join(absent)} for {purpose}")
    others = [version]
    if fraction.further_version:
        others.append(_version(objects, fraction.further_version, f"{field}.further_version"))
    for other in others:
        if list(other.classes) != list(classes):
            raise FailedPrecondition(f"{field}: the classes of {other.name} are {', '.join(other.classes)}")
    for name in (*fraction.synthetic_sets, *fraction.filtered_sets):
        unknown = sorted(set(sets.get(objects, name, field).counts) - set(classes))
        if unknown:
            raise FailedPrecondition(f"{field}: {name} has images of {unknown[0] or 'no class'}, which is no class")


def _version(objects: ObjectStore, name: str, field: str) -> DatasetVersion:
    names.DATASET_VERSION.parse(name, field)
    return Records(objects, DatasetVersion).get(name)
