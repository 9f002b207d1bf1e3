"""What a cell of the page comes to: the figures behind it, how they are shown, and whether a claim holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from google.protobuf.json_format import MessageToDict

from synthoscope.api.models.v1.models_pb2 import Evaluation, Interval, ModelVersion
from synthoscope.models import evaluations
from synthoscope.reproduction.recipe import AtEpoch, Cell, Nearness, Row, Score, Seconds
from synthoscope.reproduction.running import Results


@dataclass(frozen=True)
class Value:
    """A figure for each seed; with a single one, its 95 % interval where there is one. `note` says what it lacks."""

    figures: Sequence[float] = ()
    interval: tuple[float, float] | None = None
    note: str = ""

    @property
    def mean(self) -> float | None:
        """Over seeds; None when nothing was measured."""
        return fmean(self.figures) if self.figures else None

    @property
    def text(self) -> str:
        """As the page shows it."""
        if self.mean is None:
            return self.note or "not measured"
        shown = _number(self.mean)
        if self.interval:
            shown += f" ({_number(self.interval[0])} to {_number(self.interval[1])})"
        elif len(self.figures) > 1:
            shown += f" ({', '.join(map(_number, self.figures))})"
        return f"{shown}; {self.note}" if self.note else shown


def value_of(cell: Cell, results: Results) -> Value | str:
    """What a cell shows: a measured value, or the text or number that the recipe has."""
    match cell:
        case None:
            return ""
        case str():
            return cell
        case int() | float():
            return _number(cell)
        case Score():
            return _score(cell, results)
        case Seconds():
            found = [value for title, value in results.seconds.items() if title.partition(", seed ")[0] == cell.network]
            return Value([round(fmean(found), 1)] if found else ())
        case Nearness():
            return _nearness(cell, results)
        case AtEpoch():
            return Value([_at_epoch(model, cell.share) for model in results.networks[cell.network]])


def evaluations_of(score: Score, results: Results) -> Sequence[Evaluation]:
    """The evaluations that a score is read from, one a seed; those that were not measured are left out."""
    if score.of in results.evaluations:
        return [item.evaluation for item in results.evaluations[score.of]]
    found = (evaluations.find(model, score.split) for model in results.networks[score.of])
    return [item for item in found if item is not None and item.classes]


def verdict(row: Row, results: Results) -> str:
    """Whether a number that a paper claims comes out, one way and the other; empty for a claim without a number."""
    if isinstance(row.claimed, str):
        return ""
    said = []
    for way, cell in (("as they did it", row.as_they_did), ("done right", row.done_right)):
        value = value_of(cell, results)
        if isinstance(value, Value) and value.mean is not None:
            said.append(f"{_compared(row.claimed, value)} {way}")
    return "; ".join(said)


def _compared(claimed: float, value: Value) -> str:
    low, high = value.interval or (min(value.figures), max(value.figures))
    if low <= claimed <= high:
        return "agrees"
    return "not reached" if high < claimed else "exceeded"


def _score(score: Score, results: Results) -> Value:
    found = evaluations_of(score, results)
    if score.label:
        items = [next((one for one in item.classes if one.label == score.label), None) for item in found]
        figures = [getattr(item, score.name) for item in items if item is not None and item.support]
    else:
        figures = [getattr(item, score.name) for item in found]
    interval = None
    if len(found) == 1 and figures:
        name = f"{score.name}.{score.label}" if score.label else score.name
        interval = _pair(found[0].intervals.get(name))
    empty = sorted({item.label for one in found for item in one.classes if not item.support})
    note = f"no images of {', '.join(empty)}" if empty and not score.label else ""
    return Value(figures, interval, note)


def _pair(interval: Interval | None) -> tuple[float, float] | None:
    return (interval.low, interval.high) if interval is not None else None


def _nearness(cell: Nearness, results: Results) -> Value:
    measured = MessageToDict(results.sets[cell.synthetic].measurement)
    by_class = measured.get("nearness_by_class", {})
    found = by_class.get(cell.label) if cell.label else measured.get("generated_nearness")
    return Value([float(found[cell.name])]) if found else Value(note="too few images to measure")


def _at_epoch(model: ModelVersion, share: float) -> float:
    curve = next(curve for curve in model.curves if curve.metric == "validation_accuracy")
    return curve.values[max(0, round(share * len(curve.values)) - 1)]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
