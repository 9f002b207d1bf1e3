"""The page's plots, as SVG text."""

import io
from collections.abc import Mapping, Sequence
from itertools import islice

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthoscope.api.models.v1.models_pb2 import Evaluation
from synthoscope.demo import plots
from synthoscope.experiment_page.runs import Cell, Runs, is_tested

MATRICES_IN_A_ROW = 3
_COLOURS = mpl.colormaps["tab20"].colors  # type: ignore[attr-defined]


def scores(cells: Mapping[Cell, Runs]) -> str:
    """Balanced accuracy on the test split: a panel per fraction, a line per arm, a dot per seed, a bar at the mean."""
    cells = {cell: tested for cell, found in cells.items() if (tested := [run for run in found if is_tested(run)])}
    shares, names = _axes_of(cells)
    figure = Figure(figsize=(2.2 + 2.4 * len(shares), 0.8 + 0.28 * len(names)), layout="constrained")
    panels = figure.subplots(1, len(shares), squeeze=False, sharex=True, sharey=True)[0]
    for axis, share in zip(panels, shares, strict=True):
        for row, name in enumerate(names):
            values = [run.test.balanced_accuracy for run in cells.get(Cell(share, name), ())]
            axis.plot(values, [row] * len(values), "o", markersize=4, alpha=0.6, color=_COLOURS[0])
            if values:
                axis.plot([np.mean(values)], [row], "|", markersize=13, markeredgewidth=2, color="black")
        axis.set(title=_title(share), xlabel="balanced accuracy", yticks=range(len(names)), yticklabels=names)
        axis.grid(axis="x", alpha=0.3)
    panels[0].invert_yaxis()
    return _svg(figure)


def validation_curves(cells: Mapping[Cell, Runs]) -> str:
    """Macro F1 on validation by epoch, mean over seeds: a panel per fraction, a line per arm."""
    shares, names = _axes_of(cells)
    figure = Figure(figsize=(3.2 * len(shares) + 2.4, 3.2), layout="constrained")
    panels = figure.subplots(1, len(shares), squeeze=False, sharey=True)[0]
    for axis, share in zip(panels, shares, strict=True):
        for row, name in enumerate(names):
            if found := cells.get(Cell(share, name)):
                _curve(axis, np.mean([run.validation_macro_f1 for run in found], axis=0), row, name)
        axis.set(title=_title(share), xlabel="epoch")
    panels[0].set_ylabel("macro F1 on validation")
    lines = {line.get_label(): line for axis in panels for line in axis.get_lines()}
    figure.legend(lines.values(), lines.keys(), loc="outside right upper", frameon=False, fontsize=8)
    return _svg(figure)


def confusion_matrices(matrices: Mapping[str, Evaluation]) -> Sequence[str]:
    """One matrix an arm, a few in a plot."""
    items = iter(matrices.items())
    drawn = []
    while row := dict(islice(items, MATRICES_IN_A_ROW)):
        drawn.append(plots.confusion_matrices(row))
    return drawn


def _curve(axis: Axes, values: "np.typing.NDArray[np.float64]", row: int, name: str) -> None:
    axis.plot(range(1, len(values) + 1), values, color=_COLOURS[row % 20], label=name, linewidth=1.3)


def _axes_of(cells: Mapping[Cell, Runs]) -> tuple[Sequence[float], Sequence[str]]:
    """The fractions and the arms that occur, in order."""
    return list(dict.fromkeys(cell.share for cell in cells)), list(dict.fromkeys(cell.arm for cell in cells))


def _title(share: float) -> str:
    return f"{100 * share:g} % of the real images"


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg")
    text = buffer.getvalue()
    return text[text.index("<svg") :]
