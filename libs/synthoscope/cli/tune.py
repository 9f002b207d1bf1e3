"""`synthoscope tune`: hyperparameter studies."""

import re
from typing import Annotated

import typer

from synthoscope import names
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanTrainingConfig
from synthoscope.api.tuning.v1.tuning_pb2 import DoubleRange, NumberChoice, Parameter, Study, StudySpecification, Trial
from synthoscope.cli.console import (
    AsJson,
    Detach,
    RequestId,
    console,
    finish,
    print_message,
    short_name,
    state_name,
    table,
)
from synthoscope.cli.fields import Settings, set_fields
from synthoscope.client import Client

app = typer.Typer(no_args_is_help=True, help="Hyperparameter studies: classifier, gan, show.")

_RANGE = re.compile(r"(?P<name>\w+)=(?P<low>[^:,]+):(?P<high>[^:,]+)(?P<log>:log)?")

Dataset = Annotated[str, typer.Argument(help="`brain` or `brain@VERSION`.")]
ParameterTexts = Annotated[
    list[str],
    typer.Option("--parameter", "-p", help="NAME=LOW:HIGH, NAME=LOW:HIGH:log or NAME=VALUE,VALUE,…; repeatable."),
]
Trials = Annotated[int, typer.Option("--trials", min=1, help="Trials in all.")]
MaxImages = Annotated[int, typer.Option(min=0, help="Training images per trial; 0: all.")]
Epochs = Annotated[int, typer.Option(min=1, help="Epochs of a trial that ASHA does not stop.")]


@app.command("classifier")
def classifier(
    dataset: Dataset,
    parameter: ParameterTexts,
    preset: str = "cnn-64",
    epochs: Epochs = 8,
    trials: Trials = 8,
    max_images: MaxImages = 0,
    seed: int = 0,
    settings: Settings = None,
    request_id: RequestId = "",
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Searches a classifier's hyperparameters for the best macro F1 on validation images."""
    base = ClassifierTrainingConfig(preset=preset, epochs=epochs, seed=seed)
    set_fields(base, settings or ())
    specification = StudySpecification(classifier=base, max_trials=trials, max_images=max_images, seed=seed)
    _search(dataset, specification, parameter, request_id, detach, as_json)


@app.command("gan")
def gan(
    dataset: Dataset,
    parameter: ParameterTexts,
    preset: str = "dcgan-64",
    epochs: Epochs = 8,
    trials: Trials = 8,
    max_images: MaxImages = 0,
    seed: int = 0,
    settings: Settings = None,
    request_id: RequestId = "",
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Searches a GAN's hyperparameters for the smallest Fréchet distance."""
    base = GanTrainingConfig(preset=preset, epochs=epochs, seed=seed)
    set_fields(base, settings or ())
    specification = StudySpecification(gan=base, max_trials=trials, max_images=max_images, seed=seed)
    _search(dataset, specification, parameter, request_id, detach, as_json)


@app.command("show")
def show(study: Annotated[str, typer.Argument(help="Id of a study.")], as_json: AsJson = False) -> None:
    """Shows a study's trials and the best configuration."""
    with Client() as client:
        show_study(client.studies.get(client.name(names.STUDY, "study", study)), as_json)


@app.command("list")
def list_studies(as_json: AsJson = False) -> None:
    """Lists all studies."""
    with Client() as client:
        studies = client.studies.list()
    if as_json:
        print_message({"studies": [study.name for study in studies]})
        return
    rows = table("studies", "study", "state", "searches", "best trial")
    for study in studies:
        rows.add_row(
            short_name(study.name),
            state_name(study.state),
            str(study.specification.WhichOneof("base")),
            study.best_trial,
        )
    console.print(rows)


def parse_parameter(text: str) -> Parameter:
    """The search space of `learning_rate=1e-4:1e-2:log` or `batch_size=16,32`."""
    try:
        if match := _RANGE.fullmatch(text):
            space = DoubleRange(minimum=float(match["low"]), maximum=float(match["high"]), log=bool(match["log"]))
            return Parameter(name=match["name"], range=space)
        name, equals, values = text.partition("=")
        if equals:
            return Parameter(name=name, choice=NumberChoice(values=[float(value) for value in values.split(",")]))
    except ValueError:
        pass
    raise typer.BadParameter(
        f"{text!r} must be NAME=LOW:HIGH, NAME=LOW:HIGH:log or NAME=VALUE,VALUE", param_hint="--parameter"
    )


def show_study(study: Study, as_json: bool) -> None:
    """Prints a study's trials."""
    if as_json:
        print_message(study)
        return
    parameters = sorted({name for trial in study.trials for name in trial.parameters})
    rows = table(f"study {short_name(study.name)}: {state_name(study.state)}", "trial", "state", *parameters, "best")
    for trial in study.trials:
        values = (f"{trial.parameters[name]:.4g}" for name in parameters)
        best = f"{trial.best_objective:.4f}" if trial.HasField("best_objective") else ""
        mark = " ←" if trial.id == study.best_trial else ""
        rows.add_row(trial.id, _trial_state(trial), *values, best + mark)
    console.print(rows)


def _trial_state(trial: Trial) -> str:
    return "stopped early" if trial.stopped_early else state_name(trial.state)


def _search(
    dataset: str, specification: StudySpecification, parameters: list[str], request_id: str, detach: bool, as_json: bool
) -> None:
    specification.parameters.extend(parse_parameter(text) for text in parameters)
    with Client() as client:
        job = client.studies.start(client.dataset_name(dataset), specification, request_id)
        ended = finish(client, job, "searching", detach=detach, as_json=as_json)
        if ended is not None:
            show_study(client.studies.get(ended.result), as_json)
