"""Whether a study can be run at all: found out before it becomes a job."""

from collections.abc import Mapping, Sequence

from services.tuning import space
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion
from synthoscope.api.tuning.v1.tuning_pb2 import Objective, StudySpecification
from synthoscope.classifier import sufficiency
from synthoscope.datasets.counts import training_counts
from synthoscope.gan import plan
from synthoscope.gan.config import GanConfig
from synthoscope.rpc.errors import InvalidInput, ResourceExhausted

MOST_TRIALS = 1000
MOST_CONCURRENT_TRIALS = 64


def objective(specification: StudySpecification) -> Objective:
    """What a study looks for: it follows from what it trains."""
    if specification.WhichOneof("base") == "classifier":
        return Objective.OBJECTIVE_VALIDATION_MACRO_F1
    return Objective.OBJECTIVE_FRECHET_DISTANCE


def check(specification: StudySpecification) -> None:
    """Raises InvalidInput, naming the field, unless the specification makes sense whatever the dataset.

    ResourceExhausted when it asks for more trials or choices than there may be.
    """
    config = space.base_config(specification)
    if specification.max_trials > MOST_TRIALS:
        raise ResourceExhausted(f"specification.max_trials: must be in [1, {MOST_TRIALS}]")
    _check_range("max_trials", specification.max_trials, 1, MOST_TRIALS)
    _check_range("max_concurrent_trials", specification.max_concurrent_trials, 0, MOST_CONCURRENT_TRIALS)
    _check_range("grace_period", specification.grace_period, 0, config.epochs, "the epochs of a trial")
    if specification.seed < 0:
        raise InvalidInput("specification.seed", "must be in [0, 2^63)")
    if specification.max_images < 0:
        raise InvalidInput("specification.max_images", "must be at least 1; 0 means all")
    space.check_parameters(specification)


def check_dataset(specification: StudySpecification, dataset: DatasetVersion) -> None:
    """Raises FailedPrecondition when the images that trials would get are too few for any of them."""
    counts = training_counts(dataset)
    shares = dict(zip(counts, stratified_counts(list(counts.values()), specification.max_images), strict=True))
    config = space.with_parameters(space.base_config(specification), largest_batch(specification))
    if isinstance(config, GanConfig):
        plan.check_counts(config, shares)
    else:
        sufficiency.check_counts(config, shares)


def largest_batch(specification: StudySpecification) -> Mapping[str, float]:
    """The parameter values that need the most images."""
    return {
        parameter.name: max(space.extreme_values(parameter))
        for parameter in specification.parameters
        if parameter.name == "batch_size"
    }


def stratified_counts(counts: Sequence[int], most: int) -> list[int]:
    """How many images of each class make up at most `most` (0: all), in proportion, largest remainders rounded up."""
    total = sum(counts)
    if most == 0 or most >= total:
        return list(counts)
    quotas = [count * most / total for count in counts]
    shares = [int(quota) for quota in quotas]
    by_remainder = sorted(range(len(counts)), key=lambda index: shares[index] - quotas[index])
    for index in by_remainder[: most - sum(shares)]:
        shares[index] += 1
    return shares


def _check_range(field: str, value: int, least: int, most: int, what: str = "") -> None:
    if not least <= value <= most:
        raise InvalidInput(f"specification.{field}", f"must be in [{least}, {most}]{what and f', {what}'}")
