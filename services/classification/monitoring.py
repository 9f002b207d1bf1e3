"""What a service sees of its work: what was answered, and whether images and answers are still as in training."""

from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Mapping

import numpy as np
from prometheus_client import Counter, Gauge

from synthoscope import names
from synthoscope.api.models.v1.models_pb2 import Histogram, ModelOutput, ModelVersion
from synthoscope.classifier.answering import INPUTS, Answer
from synthoscope.classifier.reliability.histograms import population_stability_index

ANSWERS = Counter(
    "synthoscope_diagnosis_answers_total",
    'Images answered, by what was answered: a class, "(refused)", or, of a model of findings, "(findings)".',
    ("tenant", "model", "version", "answer"),
)
DRIFT = Gauge(
    "synthoscope_drift_index",
    "Population stability index of the last images against the held-out training images; above 0.25 is a shift.",
    ("tenant", "model", "version", "quantity"),
)
WINDOW = 1000
"""Images that the index is of."""

FEWEST = 200
"""Before so many images it is NaN: of fewer, chance alone may look like a shift."""

_VERSIONS = 64
"""That are watched; of more, those that were quiet longest are given up."""


class Monitor:
    """Counts answers, and watches each version for drift."""

    def __init__(self) -> None:
        self._watched: OrderedDict[str, _Watched] = OrderedDict()

    def see(self, version: ModelVersion, answer: Answer) -> None:
        """Takes one answer in."""
        watched = self._watched.get(version.name)
        if watched is None:
            watched = self._watched[version.name] = _Watched(version)
            if len(self._watched) > _VERSIONS:
                self._watched.popitem(last=False)[1].forget()
        self._watched.move_to_end(version.name)
        watched.see(answer)


class _Watched:
    """One version's counters and drift."""

    def __init__(self, version: ModelVersion) -> None:
        ids = names.MODEL_VERSION.parse(version.name)
        self._labels = ids["tenant"], ids["model"], ids["version"]
        self._version = version
        self._quantities = {item.name: _Quantity(item) for item in version.reliability.histograms}
        for name, quantity in self._quantities.items():
            DRIFT.labels(*self._labels, name).set_function(quantity.index)

    def see(self, answer: Answer) -> None:
        ANSWERS.labels(*self._labels, self._said(answer)).inc()
        for name, value in _values(answer).items():
            if name in self._quantities:
                self._quantities[name].see(value)

    def _said(self, answer: Answer) -> str:
        if answer.refused:
            return "(refused)"
        if self._version.output == ModelOutput.MODEL_OUTPUT_FINDINGS:
            return "(findings)"
        return self._version.classes[answer.predicted]

    def forget(self) -> None:
        for name in self._quantities:
            DRIFT.remove(*self._labels, name)


class _Quantity:
    """The bins that the last values of a quantity lie in."""

    def __init__(self, reference: Histogram) -> None:
        self._inner = list(reference.edges)[1:-1]
        self._reference = np.array(reference.counts, np.int64)
        self._last: deque[int] = deque(maxlen=WINDOW)

    def see(self, value: float) -> None:
        self._last.append(bisect_right(self._inner, value))

    def index(self) -> float:
        """Computed when the metrics are asked for."""
        if len(self._last) < FEWEST:
            return float("nan")
        current = np.bincount(self._last, minlength=len(self._inner) + 1)
        return population_stability_index(self._reference, current)


def _values(answer: Answer) -> Mapping[str, float]:
    scores = {"confidence": float(answer.probabilities.max()), "out_of_distribution": answer.strangeness}
    return dict(zip(INPUTS, answer.inputs.tolist(), strict=True)) | scores
