"""Whether an experiment can be run as it is asked for. No torch: services ask before they accept a job."""

from synthoscope import names
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion, Split
from synthoscope.api.experiments.v1.experiments_pb2 import Arm, ExperimentSpecification, Fraction
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig
from synthoscope.classifier.config import ClassifierConfig, Output
from synthoscope.classifier.parsing import from_message
from synthoscope.classifier.pretrained.references import check_source
from synthoscope.experiment.needs import NEEDS, has_images
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, ResourceExhausted
from synthoscope.synthetic import sets

MOST_SEEDS = 50
MOST_TRIALS = 5_000
LARGEST_RATIO = 10.0

_DECIDED = {
    "workers": "each run is one task",
    "seed": "the runs of an arm have the seeds 0, 1, 2, …",
    "validation_fraction": "each fraction brings its validation images",
    "early_stopping_patience": "all arms take as many steps",
    "evaluation_crop": "only one arm is cropped at random; crop all of them by the dataset's preprocessing",
    "robustness_images": "its runs are not measured on changed images",
    "operating_label": "arms are compared by their likeliest classes",
    "operating_sensitivity": "arms are compared by their likeliest classes",
}
"""Fields of the training configuration that an experiment has no choice in, and why."""


def check(objects: ObjectStore, specification: ExperimentSpecification) -> None:
    """Raises InvalidInput, naming the field, NotFound or FailedPrecondition with what is wrong; ResourceExhausted for
    more runs than are allowed.
    """
    field = "specification"
    version = _version(objects, specification.dataset_version, f"{field}.dataset_version")
    tested = sum(count.count for count in version.counts if count.split == Split.SPLIT_TEST)
    if tested < 2:
        raise FailedPrecondition(f"{field}.dataset_version: {version.name} has {tested} test images; 2 are needed")
    if len(version.classes) < 2:
        raise FailedPrecondition(f"{field}.dataset_version: {version.name} has fewer than two classes to tell apart")
    _check_numbers(specification, field)
    _check_networks(objects, specification, field)
    shares = [fraction.share for fraction in specification.fractions]
    if not shares or len(set(shares)) < len(shares):
        raise InvalidInput(f"{field}.fractions", "must hold at least one, of different shares")
    for index, fraction in enumerate(specification.fractions):
        _check_fraction(objects, fraction, version, f"{field}.fractions[{index}]")
    for index, arm in enumerate(specification.arms):
        if not any(has_images(arm, fraction) for fraction in specification.fractions):
            raise InvalidInput(f"{field}.arms[{index}]", NEEDS[arm])


def _check_numbers(specification: ExperimentSpecification, field: str) -> None:
    if specification.seeds and not 2 <= specification.seeds <= MOST_SEEDS:
        raise InvalidInput(f"{field}.seeds", f"must be in [2, {MOST_SEEDS}]; 0 means 5")
    if not 0 <= specification.budget_minutes < float("inf"):
        raise InvalidInput(f"{field}.budget_minutes", "must be at least 0")
    for index, ratio in enumerate(specification.ratios):
        if not 0 < ratio <= LARGEST_RATIO:
            raise InvalidInput(f"{field}.ratios[{index}]", f"must be in (0, {LARGEST_RATIO:g}]")
    # Arms are told apart by their names, which give a ratio like this.
    if len({f"{ratio:g}" for ratio in specification.ratios}) < len(specification.ratios):
        raise InvalidInput(f"{field}.ratios", "must differ from one another in their first six digits")
    for index, arm in enumerate(specification.arms):
        if arm not in Arm.values()[1:]:
            raise InvalidInput(f"{field}.arms[{index}]", f"must be one of {', '.join(Arm.keys()[1:])}")
    # As many as there can be: all arms, wherever they have images.
    arms = len(Arm.keys()[1:]) - 1 + (len(specification.ratios) or 4)
    per_seed = len(specification.fractions) * arms + 2 * len(specification.presets)
    if per_seed * (specification.seeds or 5) > MOST_TRIALS:
        raise ResourceExhausted(
            f"{field}: might be more than {MOST_TRIALS} runs; ask for fewer fractions, ratios, presets or seeds"
        )


def _check_networks(objects: ObjectStore, specification: ExperimentSpecification, field: str) -> None:
    if not specification.presets or len(set(specification.presets)) < len(specification.presets):
        raise InvalidInput(f"{field}.presets", "must name at least one network, each once")
    given = {item.name for item, _ in specification.training.ListFields()}
    for name, reason in _DECIDED.items():
        if name in given:
            raise InvalidInput(f"{field}.training.{name}", f"must be left out of an experiment: {reason}")
    for index, preset in enumerate(specification.presets):
        config = _config(specification.training, preset, f"{field}.presets[{index}]", f"{field}.training")
        check_source(objects, config.weights, f"{field}.training.weights")
        if config.output is not Output.SOFTMAX:
            raise InvalidInput(
                f"{field}.training.output", "must be SOFTMAX: arms are compared in classes, not findings"
            )


def _config(training: ClassifierTrainingConfig, preset: str, preset_field: str, field: str) -> ClassifierConfig:
    """One network's configuration."""
    message = ClassifierTrainingConfig()
    message.CopyFrom(training)
    message.preset = preset
    try:
        return from_message(message, field)
    except InvalidInput as error:
        if error.violations[0].field == f"{field}.preset":
            raise InvalidInput(preset_field, error.violations[0].description) from error
        raise


def _check_fraction(objects: ObjectStore, fraction: Fraction, whole: DatasetVersion, field: str) -> None:
    if not 0 < fraction.share <= 1:
        raise InvalidInput(f"{field}.share", "must be in (0, 1]")
    version = _version(objects, fraction.dataset_version, f"{field}.dataset_version")
    for split, purpose in ((Split.SPLIT_TRAIN, "training"), (Split.SPLIT_TEST, "validation (its test split)")):
        there = {count.label for count in version.counts if count.split == split and count.count}
        if absent := sorted(set(whole.classes) - there):
            raise FailedPrecondition(f"{field}.dataset_version: has no images of {', '.join(absent)} for {purpose}")
    others = [version]
    if fraction.further_version:
        others.append(_version(objects, fraction.further_version, f"{field}.further_version"))
    for other in others:
        if list(other.classes) != list(whole.classes):
            raise FailedPrecondition(f"{field}: the classes of {other.name} are {', '.join(other.classes)}")
        if other.preprocessing != whole.preprocessing:
            raise FailedPrecondition(f"{field}: {other.name} is preprocessed otherwise than {whole.name}")
    for name in (*fraction.synthetic_sets, *fraction.filtered_sets):
        unknown = sorted(set(sets.get(objects, name, field).counts) - set(whole.classes))
        if unknown:
            raise FailedPrecondition(f"{field}: {name} has images of {unknown[0] or 'no class'}, which is no class")


def _version(objects: ObjectStore, name: str, field: str) -> DatasetVersion:
    """A version's record; `…/versions/latest` may be another one when the trainings begin, or in their midst."""
    names.DATASET_VERSION.parse(name, field)
    version = Records(objects, DatasetVersion).get(name)
    if version.name != name:
        raise InvalidInput(field, f"must name a version itself, such as {version.name}")
    return version
