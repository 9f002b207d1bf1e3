"""From a run's results to its page: claimed, as they did it, done right."""

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from synthoscope.api.models.v1.models_pb2 import ConfusionRow, Evaluation, ModelVersion, Robustness
from synthoscope.demo import plots
from synthoscope.images.data_uri import data_uri
from synthoscope.reproduction.amounts import Amount, amounts, scaled, told_of
from synthoscope.reproduction.recipe import (
    Changed,
    Confusions,
    Courses,
    Overlays,
    Pictures,
    Recipe,
    Score,
    Section,
    Table,
)
from synthoscope.reproduction.record import Facts, machine, steps_of
from synthoscope.reproduction.running import Results, ends
from synthoscope.reproduction.values import Value, evaluations_of, value_of, verdict
from synthoscope.synthetic.verdicts import described, reasons


def render(recipe: Recipe, results: Results, facts: Facts) -> str:
    """The page: no script, nothing fetched from elsewhere."""
    of_paper = amounts(recipe, results)
    environment = Environment(
        loader=PackageLoader("synthoscope.reproduction"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("reproduction.html").render(
        recipe=recipe,
        facts=facts,
        scaled=scaled(recipe, results),
        rows=[
            (row.what, _shown(row.claimed, results), _shown(row.as_they_did, results), _shown(row.done_right, results),
             verdict(row, recipe, results, of_paper))
            for row in recipe.rows
        ],
        sections=[
            (section.title, _section(section, recipe, results, of_paper))
            for section in recipe.sections
            if facts.pictures or not isinstance(section, Overlays)
        ],
        hidden=[section.title for section in recipe.sections if isinstance(section, Overlays) and not facts.pictures],
        steps=steps_of(recipe, results, of_paper),
        machine=machine(),
        sets={name: (described(made.verdict.admission), reasons(made.verdict)) for name, made in results.sets.items()},
    )  # fmt: skip


def _shown(cell: Any, results: Results) -> str:
    value = value_of(cell, results)
    return value.text if isinstance(value, Value) else value


def _section(section: Section, recipe: Recipe, results: Results, of_paper: Mapping[str, Amount]) -> Markup:
    told = told_of(section, recipe, of_paper) if scaled(recipe, results) else ""
    caption = Markup("<figcaption>{}</figcaption>").format(told) if told else Markup()
    match section:
        case Table():
            return _table(section, results) + caption
        case Pictures():
            return Markup('<div class="row">') + Markup().join(_grids(section.of, results)) + Markup("</div>") + caption
        case Courses():
            return _courses([(name, results.networks[name][0]) for name in section.networks]) + caption
        case Confusions():
            return _confusions(section.of, results) + caption
        case Overlays():
            return _overlays(section.network, results) + caption
        case Changed():
            return _changed(results.networks[section.network][0]) + caption


def _table(section: Table, results: Results) -> Markup:
    rows = [[_shown(cell, results) for cell in row] for row in section.rows]
    note = Markup("<p>{}</p>").format(section.note) if section.note else Markup()
    return note + _rows(section.columns, rows)


def _rows(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    head = Markup().join(Markup("<th>{}</th>").format(column) for column in columns)
    body = Markup().join(
        Markup("<tr>{}</tr>").format(Markup().join(Markup("<td>{}</td>").format(cell) for cell in row)) for row in rows
    )
    return Markup('<div class="wide"><table><tr>{}</tr>{}</table></div>').format(head, body)


def _grids(steps: Sequence[str], results: Results) -> list[Markup]:
    pictures = []
    for step in steps:
        if step in results.sets:
            pictures.append((step, results.sets[step].grid.name))
        else:
            shown = ends(results.gans[step])
            pictures += [(f"{label or step}, step {at}", grid.image.name) for (label, at), grid in shown.items()]
    return [_image(results.pictures[name], title) for title, name in pictures]


def _image(data: bytes, title: str) -> Markup:
    return Markup('<figure><img src="{}" alt="{}"><figcaption>{}</figcaption></figure>').format(
        data_uri(data), title, title
    )


def _courses(models: Sequence[tuple[str, ModelVersion]]) -> Markup:
    panels = {
        f"{quantity}, {name}": [curve for curve in model.curves if curve.metric.endswith(quantity)]
        for name, model in models
        for quantity in ("accuracy", "loss")
    }
    items = list(panels.items())
    return Markup().join(_drawn(plots.curves(dict(items[at : at + 2]), "epoch")) for at in range(0, len(items), 2))


def _confusions(of: Mapping[str, Score], results: Results) -> Markup:
    summed = {title: _summed(evaluations_of(score, results)) for title, score in of.items()}
    return _drawn(plots.confusion_matrices({title: found for title, found in summed.items() if found.confusion}))


def _drawn(svg: str) -> Markup:
    """A plot. Its text is escaped by Matplotlib."""
    return Markup(svg)  # noqa: S704


def _summed(found: Sequence[Evaluation]) -> Evaluation:
    """The confusion matrices of several seeds as one."""
    whole = Evaluation(classes=found[0].classes if found else ())
    for rows in zip(*(item.confusion for item in found), strict=True):
        counts = zip(*(row.counts for row in rows), strict=True)
        whole.confusion.append(ConfusionRow(counts=[sum(cells) for cells in counts]))
    return whole


def _overlays(network: str, results: Results) -> Markup:
    figures = []
    for item in results.explained[network]:
        title = f"{item.label}, answered {item.diagnosis.label or 'by a refusal'}"
        pair = Markup('<div class="pair">{}{}</div>').format(
            *(Markup('<img src="{}" alt="{}">').format(data_uri(data), title) for data in (item.original, item.overlay))
        )
        figures.append(Markup("<figure>{}<figcaption>{}</figcaption></figure>").format(pair, title))
    return Markup('<div class="row">{}</div>').format(Markup().join(figures))


def _changed(model: ModelVersion) -> Markup:
    """Accuracy by change and strength, with the calibration error in brackets."""
    unchanged = "".join(_robust(row) for row in model.robustness if not row.strength)
    by_change: dict[str, list[str]] = {}
    for row in model.robustness:
        if row.strength:
            by_change.setdefault(row.change, [row.change]).append(_robust(row))
    note = Markup(
        "<p>Accuracy, and in brackets the calibration error, from slight (1) to strong (5) changes; unchanged {}.</p>"
    ).format(unchanged)
    return note + _rows(["change", "1", "2", "3", "4", "5"], list(by_change.values()))


def _robust(row: Robustness) -> str:
    return f"{row.accuracy:.3f} ({row.expected_calibration_error:.3f})"
