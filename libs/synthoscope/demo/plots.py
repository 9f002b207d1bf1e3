"""The report's plots, as SVG text."""

import io
from collections.abc import Mapping, Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthoscope.api.models.v1.models_pb2 import Curve, Evaluation
from synthoscope.api.tuning.v1.tuning_pb2 import Study

mpl.rcParams.update({"svg.fonttype": "none", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False})


def curves(panels: Mapping[str, Sequence[Curve]], x_label: str) -> str:
    """One panel per title, each with its curves over steps or epochs."""
    figure = Figure(figsize=(4.2 * len(panels), 2.8), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, (title, lines) in zip(axes, panels.items(), strict=True):
        for line in lines:
            axis.plot(list(line.steps), list(line.values), label=line.metric.replace("_", " "), linewidth=1.2)
        axis.set(title=title, xlabel=x_label)
        axis.legend(frameon=False)
    return _svg(figure)


def confusion_matrices(panels: Mapping[str, Evaluation]) -> str:
    """One matrix per title: rows are true classes, columns predicted ones, colours shares of the row."""
    figure = Figure(figsize=(4.4 * len(panels), 3.8), layout="constrained")
    for axis, (title, evaluation) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        _confusion(axis, evaluation)
        axis.set_title(title)
    return _svg(figure)


def trials(panels: Mapping[str, Study]) -> str:
    """One panel per title: the objective of every trial over its reports, the best one thick."""
    figure = Figure(figsize=(4.6 * len(panels), 2.8), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, (title, study) in zip(axes, panels.items(), strict=True):
        for trial in study.trials:
            values = list(trial.objective_values)
            width = 2.4 if trial.id == study.best_trial else 1.0
            settings = ", ".join(f"{name} {value:.2g}" for name, value in sorted(trial.parameters.items()))
            axis.plot(range(1, len(values) + 1), values, marker="o", markersize=3, linewidth=width, label=settings)
        axis.set(title=title, xlabel="report (epoch)")
        axis.legend(frameon=False, fontsize=7)
    return _svg(figure)


def _confusion(axis: Axes, evaluation: Evaluation) -> None:
    counts = [list(row.counts) for row in evaluation.confusion]
    shares = [[count / max(1, sum(row)) for count in row] for row in counts]
    labels = [item.label for item in evaluation.classes]
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axis.set_xticks(range(len(labels)), labels, rotation=30, ha="right")
    axis.set_yticks(range(len(labels)), labels)
    axis.set(xlabel="predicted", ylabel="true")
    for row, (row_counts, row_shares) in enumerate(zip(counts, shares, strict=True)):
        for column, (count, share) in enumerate(zip(row_counts, row_shares, strict=True)):
            axis.text(column, row, str(count), ha="center", va="center", color="white" if share > 0.5 else "black")


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg")
    text = buffer.getvalue()
    return text[text.index("<svg") :]
