"""`synthoscope demo`: the whole pipeline on one folder of images."""

import re
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from synthoscope.cli.console import AsJson, console, print_message, progress_console, short_name
from synthoscope.cli.display import ConsoleDisplay
from synthoscope.client import Client, ClientSettings
from synthoscope.demo.budget import DemoBudget
from synthoscope.demo.pipeline import Demo
from synthoscope.synthetic.verdicts import described, reasons


def demo(
    data: Annotated[Path | None, typer.Option(exists=True, file_okay=False, help="By default made-up images.")] = None,
    out: Annotated[Path, typer.Option(help="Where report.html and summary.json go.")] = Path("out"),
    as_json: AsJson = False,
) -> None:
    """Runs the whole pipeline on a stack of its own: import, GAN, synthesis, classifiers, studies, diagnoses."""
    from synthoscope.demo import report  # Matplotlib is slow to import
    from synthoscope.demo.results import summary
    from synthoscope.local.stack import running

    started = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    budget = DemoBudget()
    with tempfile.TemporaryDirectory(prefix="synthoscope-") as folder:
        home = Path(folder)
        images = data or _phantoms(home / "phantoms", budget)
        progress_console.print("starting the local stack")
        with running(home / "stack", on_progress=progress_console.print) as state:
            settings = ClientSettings.find(home / "stack")
            progress_console.print(f"Ray dashboard: {state.dashboard}")
            with Client(settings) as client:
                dataset_id = _dataset_id(data)
                results = Demo(client, images, dataset_id, budget, ConsoleDisplay(client)).run(started)
    report.write(results, out)
    if as_json:
        print_message(summary(results))
    else:
        synthetic = results.synthetic_set
        console.print(
            f"{short_name(synthetic.name)}, trained on in the second arm, is {described(synthetic.verdict.admission)}"
        )
        for reason in reasons(synthetic.verdict):
            console.print(f"- {reason}")
        console.print(f"wrote {out / 'report.html'} and {out / 'summary.json'} in {results.seconds:.0f} s")


def _phantoms(folder: Path, budget: DemoBudget) -> Path:
    from synthoscope.datasets.phantoms import write_dataset

    progress_console.print("making phantoms")
    write_dataset(folder, budget.phantoms_per_class, budget.phantom_tests_per_class, 128, budget.seed)
    return folder


def _dataset_id(data: Path | None) -> str:
    if data is None:
        return "phantoms"
    slug = re.sub(r"[^a-z0-9]+", "-", data.resolve().name.lower()).strip("-")[:62]
    return slug if slug[:1].isalpha() else f"data-{slug}"[:62].rstrip("-")
