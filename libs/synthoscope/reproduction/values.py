"""What a cell of the page comes to: the figures behind it, how they are shown, and whether a claim holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from google.protobuf.json_format import MessageToDict

from synthoscope.api.models.v1.models_pb2 import Evaluation, ModelVersion
from synthoscope.experiment.comparing import compare
from synthoscope.models import evaluations
from synthoscope.models.pairing import pair
from synthoscope.reproduction.amounts import Amount, steps_behind, with_sources
from synthoscope.reproduction.recipe import AtEpoch, Cell, Count, Gain, Nearness, Recipe, Row, Score, Seconds
from synthoscope.reproduction.running import Results


@dataclass(frozen=True)
class Value:
    """A figure for each seed, and the 95 % interval of their mean where there is one. `note` says what it lacks."""

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
        between = [f"{_number(self.interval[0])} to {_number(self.interval[1])}"] if self.interval else []
        seeds = [f"seeds {', '.join(map(_number, self.figures))}"] if len(self.figures) > 1 else []
        shown = f"{_number(self.mean)} ({'; '.join(between + seeds)})" if between + seeds else _number(self.mean)
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
        case Gain():
            return _gain(cell, results)
        case Count():
            counts = results.sets[cell.synthetic].counts
            return Value([counts.get(cell.label, 0) if cell.label else sum(counts.values())])
        case Seconds():
            found = [value for title, value in results.seconds.items() if title.partition(", seed ")[0] == cell.network]
            return Value([round(fmean(found), 1)] if found else ())
        case Nearness():
            return _nearness(cell, results)
        case AtEpoch():
            reached = [_at_epoch(model, cell.share) for model in results.networks[cell.network]]
            return Value([figure for figure in reached if figure is not None])


def evaluations_of(score: Score, results: Results) -> Sequence[Evaluation]:
    """The evaluations that a score is read from, one a seed; those that were not measured are left out."""
    if score.of in results.evaluations:
        return [item.evaluation for item in results.evaluations[score.of]]
    found = (evaluations.find(model, score.split) for model in results.networks[score.of])
    return [item for item in found if item is not None and item.classes]


def verdict(row: Row, recipe: Recipe, results: Results, of_paper: Mapping[str, Amount]) -> str:
    """What a row comes to, one way and the other: whether a number that is claimed comes out, whether there is a gain.

    `of_paper` are the amounts of the paper that each network and generator got; where they are not enough there is no
    verdict. Empty for a claim in words of something else than a gain.
    """
    said = []
    for way, cell in (("as they did it", row.as_they_did), ("done right", row.done_right)):
        value = value_of(cell, results)
        if not isinstance(value, Value) or value.mean is None:
            continue
        trained = [of_paper[name] for name in with_sources(steps_behind(recipe, cell), recipe)]
        if not all(amount.enough for amount in trained):
            said.append(f"no verdict {way}: too little training")
        elif words := _compared(row.claimed, value, is_gain=isinstance(cell, Gain)):
            least = min((amount.share for amount in trained), default=1.0)
            lacks = [f"with {100 * least:.2g} % of the paper's amounts"] if least < 1 else []
            lacks += ["with smaller images"] if recipe.divisor > 1 else []
            said.append(", ".join([f"{words} {way}", *lacks]))
    return "; ".join(said)


def _compared(claimed: str | float, value: Value, *, is_gain: bool) -> str:
    if is_gain and value.interval is None:
        return "nothing shown by a single seed"
    low, high = value.interval or (min(value.figures), max(value.figures))
    words = []
    if is_gain:
        words.append("a gain" if low > 0 else "a loss" if high < 0 else "no gain shown")
    if not isinstance(claimed, str):
        words.append("agrees" if low <= claimed <= high else "not reached" if high < claimed else "exceeded")
    return ", ".join(words)


def _score(score: Score, results: Results) -> Value:
    found = evaluations_of(score, results)
    if score.label:
        items = [next((one for one in item.classes if one.label == score.label), None) for item in found]
        figures = [getattr(item, score.name) for item in items if item is not None and item.support]
    else:
        figures = [getattr(item, score.name) for item in found]
    name = f"{score.name}.{score.label}" if score.label else score.name
    known = [item.intervals[name] for item in found if name in item.intervals]
    interval = None
    if known and figures:
        # Each seed's interval is over images; their mean says nothing of seeds, whose figures must lie within.
        low, high = fmean(item.low for item in known), fmean(item.high for item in known)
        interval = min(low, *figures), max(high, *figures)
    empty = sorted({item.label for one in found for item in one.classes if not item.support})
    note = f"no images of {', '.join(empty)}" if empty and not score.label else ""
    return Value(figures, interval, note)


def _gain(gain: Gain, results: Results) -> Value:
    both = zip(results.predictions[gain.network], results.predictions[gain.reference], strict=True)
    pairs = [pair(ours, theirs) for ours, theirs in both]
    ours, theirs = np.array([item.first for item in pairs], float), np.array([item.second for item in pairs], float)
    figures = (ours - theirs).mean(axis=1).tolist()
    if len(pairs) < 2:
        return Value(figures, note="a single seed: chance is not told")
    found = compare(ours, theirs, pairs[0].groups)
    return Value(figures, (found.low, found.high))


def _nearness(cell: Nearness, results: Results) -> Value:
    measured = MessageToDict(results.sets[cell.synthetic].measurement)
    by_class = measured.get("nearness_by_class", {})
    found = by_class.get(cell.label) if cell.label else measured.get("generated_nearness")
    if not found:
        return Value(note="too few images to measure")
    # Papers give it of values in [0, 1]; it is measured in grey levels.
    return Value([float(found[cell.name]) / (255**2 if cell.name == "mse" else 1)])


def _at_epoch(model: ModelVersion, share: float) -> float | None:
    curve = next(curve for curve in model.curves if curve.metric == "validation_accuracy")
    epoch = round(share * MessageToDict(model.config)["epochs"], 6)
    return curve.values[round(epoch) - 1] if epoch >= 1 and round(epoch) <= len(curve.values) else None


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
