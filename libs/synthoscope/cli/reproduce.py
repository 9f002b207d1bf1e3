"""`synthoscope reproduce`: a seed paper's protocol, run and put beside its claims."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from synthoscope.cli.console import AsJson, console, print_message, progress_console
from synthoscope.cli.display import ConsoleDisplay
from synthoscope.client import Client
from synthoscope.reproduction.recipe import Imported, Recipe
from synthoscope.reproduction.seeds import SEEDS
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput


def reproduce(
    seed: Annotated[str, typer.Argument(help=f"Which paper: {', '.join(SEEDS)}.")],
    budget: Annotated[
        float, typer.Option(min=0, help="Minutes that it may take, about; 0: all that the paper did.")
    ] = 0.0,
    shrink: Annotated[
        int,
        typer.Option(
            min=1, help="Divide the sides of all images by this, down to 64 pixels: networks see more within a budget."
        ),
    ] = 1,
    data: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Folder that holds the papers' datasets; else made-up images."),
    ] = None,
    out: Annotated[Path, typer.Option(file_okay=False, help="Where SEED.html and SEED.json go.")] = Path("out"),
    pictures: Annotated[
        bool,
        typer.Option(help="Show images of the data and where networks look; a page without can be passed on."),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Runs a paper's protocol on the stack that is up, and writes a page: claimed, as they did it, done right.

    After Ctrl-C, or when something failed, the same command goes on where it stopped.
    """
    if seed not in SEEDS:
        raise InvalidInput("seed", f"must be one of {', '.join(SEEDS)}, not {seed!r}")
    try:
        from synthoscope.reproduction import page, record  # Matplotlib is slow to import
    except ModuleNotFoundError as error:
        raise FailedPrecondition(
            f"a page needs more packages ({error.name} is missing): pip install 'synthoscope[local]'"
        ) from error
    from synthoscope.reproduction.excerpt import excerpt
    from synthoscope.reproduction.running import Run
    from synthoscope.reproduction.sides import divided

    recipe, began = excerpt(SEEDS[seed]) if data is None else divided(SEEDS[seed], shrink), time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    with _images(recipe, data) as folder, Client() as client:
        results = Run(client, seed, recipe, folder, ConsoleDisplay(client)).run(budget)
    facts = record.Facts(seed, data is None, time.monotonic() - began, pictures)
    found = record.record(recipe, results, facts)
    (out / f"{seed}.html").write_text(page.render(recipe, results, facts))
    (out / f"{seed}.json").write_text(json.dumps(found, indent=2) + "\n")
    if as_json:
        print_message(found)
    else:
        for row in found["rows"]:
            if row["verdict"]:
                console.print(f"{row['what']}, claimed {row['claimed']}: {row['verdict']}", soft_wrap=True)
        console.print(f"wrote {out / f'{seed}.html'} and {out / f'{seed}.json'}", soft_wrap=True)


@contextmanager
def _images(recipe: Recipe, data: Path | None) -> Iterator[Path]:
    """The folder that holds the recipe's datasets; without one, made-up images as if they were those."""
    needed = [step for step in recipe.steps.values() if isinstance(step, Imported)]
    if data is not None:
        for step in needed:
            if not (data / step.folder).is_dir():
                raise InvalidInput("data", f"must hold the folder {step.folder}; {data} does not")
        yield data
        return
    from synthoscope.reproduction.made_up import write

    progress_console.print("making up images")
    with tempfile.TemporaryDirectory(prefix="synthoscope-") as folder:
        for step in needed:
            write(step, Path(folder, step.folder))
        yield Path(folder)
