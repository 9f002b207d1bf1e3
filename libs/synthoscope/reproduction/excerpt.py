"""What of a recipe is run on made-up images: enough to see that all of it runs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from synthoscope.reproduction.recipe import (
    Derived,
    Evaluated,
    Gan,
    Network,
    Pictures,
    Recipe,
    Section,
    Step,
    SyntheticImages,
    Table,
    named_by,
    shown_in,
)
from synthoscope.reproduction.sides import divided

LINES = 1
"""Of each table, of the claims that nothing stands right beside, and sets of pictures."""

DIVISOR = 8
"""Of sides: networks of larger images would see nothing more in made-up ones, and take longer."""


def excerpt(recipe: Recipe) -> Recipe:
    """The recipe with all claims that are done right and all sections, but LINES of each table, at small sides.

    Steps that nothing is left of are left out: more of the same would show nothing more of whether it runs.
    """
    sections = [_shortened(section) for section in recipe.sections]
    alone = [row for row in recipe.rows if row.done_right is None]
    rows = [row for row in recipe.rows if row not in alone[LINES:]]
    claims = [cell for row in rows for cell in (row.as_they_did, row.done_right)]
    named = [name for cell in claims for name in named_by(cell)]
    named += [name for section in sections for name in shown_in(section)]
    needed = set(_with_sources(named, recipe))
    steps = {name: step for name, step in recipe.steps.items() if name in needed}
    return divided(replace(recipe, steps=steps, rows=rows, sections=sections), DIVISOR)


def _shortened(section: Section) -> Section:
    match section:
        case Table():
            return replace(section, rows=section.rows[:LINES])
        case Pictures():
            return replace(section, of=section.of[:LINES])
    return section


def _with_sources(names: Iterable[str], recipe: Recipe) -> Iterator[str]:
    for name in names:
        yield name
        yield from _with_sources(_sources(recipe.steps[name]), recipe)


def _sources(step: Step) -> Sequence[str]:
    match step:
        case Derived():
            return [step.parent]
        case Gan():
            return [step.data]
        case SyntheticImages():
            return [step.gan]
        case Network():
            return [step.data, *step.synthetic, *([step.as_long_as] if step.as_long_as else [])]
        case Evaluated():
            return [step.network, step.data, *step.synthetic]
    return ()
