"""The `synthoscope` command: its sub-commands, and how errors reach people."""

import sys

import typer
from rich.markup import escape

from synthoscope.cli import (
    classifier,
    dataset,
    demo,
    diagnose,
    experiment,
    gan,
    jobs,
    model,
    reproduce,
    stack,
    synth,
    tune,
    weights,
)
from synthoscope.cli.console import progress_console
from synthoscope.rpc.errors import SynthoscopeError

app = typer.Typer(
    name="synthoscope",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    help="Trains GANs and classifiers on a small set of medical images, diagnoses, and explains.",
)
app.command("up")(stack.up)
app.command("down")(stack.down)
app.command("status")(stack.status)
app.command("logs")(stack.logs)
app.add_typer(dataset.app, name="dataset")
app.add_typer(gan.app, name="gan")
app.add_typer(synth.app, name="synth")
app.add_typer(classifier.app, name="classifier")
classifier.app.add_typer(weights.app, name="weights")
app.add_typer(model.app, name="model")
app.add_typer(tune.app, name="tune")
app.add_typer(experiment.app, name="experiment")
app.command("diagnose")(diagnose.diagnose)
app.command("diagnose-study")(diagnose.diagnose_study)
app.command("explain")(diagnose.explain_diagnosis)
app.command("feedback")(diagnose.give_feedback)
app.add_typer(jobs.app, name="jobs")
app.command("demo")(demo.demo)
app.command("reproduce")(reproduce.reproduce)


def main() -> None:
    """Runs the command; an error is one message on stderr and exit status 1, Ctrl-C is 130."""
    try:
        app()
    except SynthoscopeError as error:
        progress_console.print(f"[red]error:[/red] {escape(error.message)}", soft_wrap=True, highlight=False)
        sys.exit(1)
