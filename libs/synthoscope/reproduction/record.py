"""The record of a run, for programs: every figure, and what it was made of, how, and on which machine."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from google.protobuf.json_format import MessageToDict

import synthoscope
from synthoscope.api.models.v1.models_pb2 import ModelVersion
from synthoscope.datasets import manifest
from synthoscope.hardware import processor_name
from synthoscope.reproduction.amounts import Amount, amounts
from synthoscope.reproduction.recipe import Recipe, Table
from synthoscope.reproduction.running import Results
from synthoscope.reproduction.values import Value, value_of, verdict
from synthoscope.synthetic.verdicts import described

_TOLD = ("batch_size", "learning_rate", "width", "steps_per_epoch")


@dataclass(frozen=True)
class Facts:
    """What is said of a run besides its results. Without `pictures`, a page shows no image of the data."""

    seed: str
    made_up: bool
    seconds: float
    pictures: bool = True


@dataclass(frozen=True)
class Done:
    """A step: what it got of the paper's amounts, its images or configuration, its jobs' seconds, what it made."""

    step: str
    of_the_paper: str
    how: str
    seconds: float | None
    made: Sequence[str]


def record(recipe: Recipe, results: Results, facts: Facts) -> dict[str, Any]:
    """Every row with its figures, what was made of what, how, and on which machine."""
    of_paper = amounts(recipe, results)
    return {
        "seed": facts.seed,
        "title": recipe.title,
        "made_up_images": facts.made_up,
        "budget_minutes": results.plan.minutes,
        "sides_divided_by": recipe.divisor,
        "share_of_the_papers_amounts": {
            "generators": round(results.plan.generators, 4),
            "images": round(results.plan.images, 4),
            "classifiers": round(results.plan.classifiers, 4),
        },
        "seconds": round(facts.seconds, 1),
        "machine": machine(),
        "code_version": synthoscope.__version__,
        "steps": [asdict(done) for done in steps_of(recipe, results, of_paper)],
        "rows": [
            {
                "what": row.what,
                "claimed": row.claimed,
                "as_they_did": _figures(value_of(row.as_they_did, results)),
                "done_right": _figures(value_of(row.done_right, results)),
                "verdict": verdict(row, recipe, results, of_paper),
            }
            for row in recipe.rows
        ],
        "tables": {
            section.title: [
                dict(zip(section.columns, (_figures(value_of(cell, results)) for cell in row), strict=True))
                for row in section.rows
            ]
            for section in recipe.sections
            if isinstance(section, Table)
        },
        "synthetic_sets": {name: described(made.verdict.admission) for name, made in results.sets.items()},
        "differences": list(recipe.differences),
        "made": _names_of(results),
        "configurations": _configurations(results),
        "networks": {name: [_network(model) for model in models] for name, models in results.networks.items()},
    }


def steps_of(recipe: Recipe, results: Results, of_paper: Mapping[str, Amount]) -> Sequence[Done]:
    """How each step was done."""
    names = _names_of(results)
    return [
        Done(
            name,
            of_paper[name].text if name in of_paper else "",
            _how(name, results),
            _seconds(name, results),
            names.get(name, ()),
        )
        for name in recipe.steps
    ]


def _seconds(name: str, results: Results) -> float | None:
    """Of all jobs of a step together: those of seeds are called by it, too."""
    found = [value for title, value in results.seconds.items() if title.partition(", seed ")[0] == name]
    return round(sum(found), 1) if found else None


def _how(name: str, results: Results) -> str:
    if name in results.versions:
        counts = results.versions[name].counts
        return ", ".join(f"{count.count:,} {count.label} ({manifest.SPLIT_NAMES[count.split]})" for count in counts)
    models = [results.gans[name]] if name in results.gans else results.networks.get(name, ())
    if not models:
        return ""
    config = MessageToDict(models[0].config)
    told = [f"{word.replace('_', ' ')} {config[word]:g}" for word in _TOLD if word in config]
    seeds = f"seeds {', '.join(str(model.lineage.seed) for model in models)}"
    return ", ".join([models[0].preset, f"{models[0].image_size} px", *told, seeds])


def machine() -> dict[str, Any]:
    """The machine that this runs on, which is the one that trained where the stack is local."""
    return {
        "system": platform.platform(),
        "processor": processor_name(),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
    }


def _network(model: ModelVersion) -> dict[str, Any]:
    """What a network's version has measured, without its curves."""
    short = ModelVersion(name=model.name, robustness=model.robustness)
    for evaluation in model.evaluations:
        kept = short.evaluations.add()
        kept.CopyFrom(evaluation)
        for field in ("roc_curves", "reliability"):
            kept.ClearField(field)
    return MessageToDict(short, preserving_proto_field_name=True)


def _configurations(results: Results) -> dict[str, Any]:
    models = {**results.gans, **{name: found[0] for name, found in results.networks.items()}}
    return {name: MessageToDict(model.config) for name, model in models.items()}


def _names_of(results: Results) -> Mapping[str, Sequence[str]]:
    """The names of all that was made, by step."""
    return {
        **{step: [version.name] for step, version in results.versions.items()},
        **{step: [gan.name] for step, gan in results.gans.items()},
        **{step: [made.name] for step, made in results.sets.items()},
        **{step: [model.name for model in models] for step, models in results.networks.items()},
        **{step: [item.name for item in items] for step, items in results.evaluations.items()},
    }


def _figures(value: Value | str) -> Any:
    if isinstance(value, str):
        return value
    return {"figures": list(value.figures), "interval": value.interval, "note": value.note}
