"""The configurations of a study: a quasi-random sequence, so that a handful already spreads over the space."""

import math
from collections.abc import Sequence

from scipy.stats import qmc

from services.tuning import space
from synthoscope.api.tuning.v1.tuning_pb2 import Parameter, StudySpecification
from synthoscope.training.randomness import numpy_generator


def draw(specification: StudySpecification) -> list[dict[str, float]]:
    """The parameter values of every trial, in order: the first distinct points of a scrambled Halton sequence.

    They depend on the specification alone, so a study that is resumed has the same trials. They are fewer than
    `max_trials` when the choices do not allow more.
    """
    parameters = list(specification.parameters)
    table = space.hyperparameters(specification)
    sequence = qmc.Halton(len(parameters), scramble=True, rng=numpy_generator(specification.seed, "study"))
    wanted = min(specification.max_trials, _size(specification))
    trials: list[dict[str, float]] = []
    # Small spaces repeat themselves; after so many draws, what is missing has been missed by chance.
    for _ in range(100):
        for point in sequence.random(specification.max_trials):
            values = {
                parameter.name: _place(parameter, float(position), table[parameter.name].whole)
                for parameter, position in zip(parameters, point, strict=True)
            }
            if values not in trials:
                trials.append(values)
            if len(trials) == wanted:
                return trials
    return trials


def _place(parameter: Parameter, position: float, whole: bool) -> float:
    """The value at a position in [0, 1) of a parameter's space."""
    if parameter.WhichOneof("space") == "choice":
        values: Sequence[float] = parameter.choice.values
        return values[int(position * len(values))]
    low, high = parameter.range.minimum, parameter.range.maximum
    if parameter.range.log:
        value = math.exp(math.log(low) + position * (math.log(high) - math.log(low)))
    else:
        value = low + position * (high - low)
    # Rounding of floats may step over an end.
    return float(round(value)) if whole else min(max(value, low), high)


def _size(specification: StudySpecification) -> int:
    """How many distinct configurations there are; no fewer than `max_trials` counts as that many."""
    table = space.hyperparameters(specification)
    size = 1
    for parameter in specification.parameters:
        if parameter.WhichOneof("space") == "choice":
            size *= len(parameter.choice.values)
        elif table[parameter.name].whole:
            size *= int(parameter.range.maximum - parameter.range.minimum) + 1
        else:
            return specification.max_trials
    return size
