"""`synthoscope classifier`: train and look at classifiers."""

from typing import Annotated

import typer

from synthoscope import names
from synthoscope.api.models.v1.models_pb2 import Evaluation, ModelKind, ModelVersion
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig
from synthoscope.cli.console import (
    AsJson,
    Detach,
    RequestId,
    console,
    finish,
    print_message,
    print_messages,
    short_name,
    table,
)
from synthoscope.cli.fields import Settings, set_fields
from synthoscope.cli.verdicts import AcceptUnadmitted, print_uses
from synthoscope.client import Client
from synthoscope.models import evaluations

app = typer.Typer(no_args_is_help=True, help="Classifiers: train, list, show.")


@app.command("train")
def train(
    dataset: Annotated[str, typer.Argument(help="`brain` or `brain@VERSION`.")],
    model: Annotated[str, typer.Option("--model", help="Id of the model to publish.")] = "classifier",
    preset: Annotated[str, typer.Option(help="cnn-128 or cnn-64.")] = "cnn-128",
    synthetic: Annotated[list[str] | None, typer.Option(help="Synthetic set to train on as well; repeatable.")] = None,
    accept_unadmitted: AcceptUnadmitted = False,
    epochs: Annotated[int, typer.Option(help="Most passes over the training images.")] = 40,
    batch_size: Annotated[int, typer.Option(help="Images per step; 0: the preset's.")] = 0,
    learning_rate: Annotated[float, typer.Option(help="Adam's; 0: the preset's.")] = 0.0,
    workers: Annotated[int, typer.Option(help="Ray Train workers; 0: the preset's.")] = 0,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    settings: Settings = None,
    request_id: RequestId = "",
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Trains a classifier, measures it on the test split, and publishes a model version."""
    config = ClassifierTrainingConfig(
        preset=preset,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        workers=workers,
        seed=seed,
    )
    set_fields(config, settings or ())
    with Client() as client:
        sets = [client.name(names.SYNTHETIC_SET, "synthetic_set", item) for item in synthetic or []]
        job = client.models.train_classifier(
            client.dataset_name(dataset), model, config, sets, request_id, accept_unadmitted
        )
        ended = finish(client, job, "training the classifier", detach=detach, as_json=as_json)
        if ended is None:
            return
        version = client.models.get(ended.result)
    show_version(version, as_json)


@app.command("list")
def list_versions(as_json: AsJson = False) -> None:
    """Lists all classifier versions."""
    with Client() as client:
        versions = client.models.list(ModelKind.MODEL_KIND_CLASSIFIER)
    if as_json:
        print_messages(versions)
        return
    rows = table("classifiers", "version", "preset", "classes", "test accuracy", "without copies")
    for version in versions:
        on_test = (_accuracy(version, split) for split in (evaluations.TEST, evaluations.DEDUPLICATED))
        rows.add_row(short_name(version.name), version.preset, ", ".join(version.classes), *on_test)
    console.print(rows)


@app.command("show")
def show(
    model: Annotated[str, typer.Argument(help="`classifier` or `classifier@VERSION`.")], as_json: AsJson = False
) -> None:
    """Shows a classifier's measurements."""
    with Client() as client:
        version = client.models.get(client.model_name(model))
    show_version(version, as_json)


def show_version(version: ModelVersion, as_json: bool) -> None:
    """Prints a classifier's measurements."""
    if as_json:
        print_message(version)
        return
    console.print(f"{short_name(version.name)}, trained on {short_name(version.lineage.dataset_version)}")
    print_uses(version)
    for evaluation in version.evaluations:
        _show_evaluation(evaluation)


def _accuracy(version: ModelVersion, split: str) -> str:
    evaluation = evaluations.find(version, split)
    if evaluation is None:
        return ""
    return f"{evaluation.accuracy:.3f}" if evaluation.classes else f"0 of {evaluation.left_out} images left"


def _show_evaluation(evaluation: Evaluation) -> None:
    measured_on = evaluations.title(evaluation)
    if not evaluation.classes:
        console.print(f"{measured_on}: 0 of {evaluation.left_out} images left, so nothing was measured")
        return
    labels = [item.label for item in evaluation.classes]
    title = f"{measured_on}: accuracy {evaluation.accuracy:.3f}, macro F1 {evaluation.macro_f1:.3f}"
    rows = table(title, "class", "precision", "recall", "F1", "images", *(f"→ {label}" for label in labels))
    for metrics, confusion in zip(evaluation.classes, evaluation.confusion, strict=True):
        scores = (f"{value:.3f}" for value in (metrics.precision, metrics.recall, metrics.f1))
        rows.add_row(metrics.label, *scores, str(metrics.support), *(str(count) for count in confusion.counts))
    console.print(rows)
