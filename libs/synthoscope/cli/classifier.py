"""`synthoscope classifier`: train and look at classifiers."""

from collections.abc import Iterator
from typing import Annotated, Literal

import typer

from synthoscope import names
from synthoscope.api.datasets.v1.datasets_pb2 import Split
from synthoscope.api.models.v1.models_pb2 import ClassMetrics, ConfusionRow, Evaluation, ModelKind, ModelVersion
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig
from synthoscope.classifier.presets import PRESETS
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
from synthoscope.cli.cross_validation import cross_validate
from synthoscope.cli.fields import Settings, set_fields
from synthoscope.cli.verdicts import AcceptUnadmitted, print_uses
from synthoscope.client import Client
from synthoscope.models import evaluations

app = typer.Typer(no_args_is_help=True, help="Classifiers: train, cross-validate, list, show.")
app.command("cross-validate")(cross_validate)


@app.command("train")
def train(
    dataset: Annotated[str, typer.Argument(help="`brain` or `brain@VERSION`.")],
    model: Annotated[str, typer.Option("--model", help="Id of the model to publish.")] = "classifier",
    preset: Annotated[str, typer.Option(help=f"Network: {', '.join(sorted(PRESETS))}.")] = "cnn-128",
    weights: Annotated[
        str, typer.Option(help="What a transfer network starts from: imagenet, none, MODEL@VERSION, uploaded weights.")
    ] = "",
    image_size: Annotated[int, typer.Option(help="Side of the network's input, pixels; 0: the preset's.")] = 0,
    synthetic: Annotated[list[str] | None, typer.Option(help="Synthetic set to train on as well; repeatable.")] = None,
    synthetic_only: Annotated[
        bool,
        typer.Option("--synthetic-only", help="Learn from those sets alone; real images choose the epoch."),
    ] = False,
    accept_unadmitted: AcceptUnadmitted = False,
    epochs: Annotated[int, typer.Option(help="Most passes over the training images.")] = 40,
    batch_size: Annotated[int, typer.Option(help="Images per step; 0: the preset's.")] = 0,
    learning_rate: Annotated[float, typer.Option(help="The optimiser's; 0: the preset's.")] = 0.0,
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
        image_size=image_size,
    )
    set_fields(config, settings or ())
    with Client() as client:
        if weights:
            config.weights = _weights(client, weights)
        sets = [client.name(names.SYNTHETIC_SET, "synthetic_set", item) for item in synthetic or []]
        job = client.models.train_classifier(
            *(client.dataset_name(dataset), model, config, sets, request_id, accept_unadmitted),
            synthetic_only=synthetic_only,
        )
        ended = finish(client, job, "training the classifier", detach=detach, as_json=as_json)
        if ended is None:
            return
        version = client.models.get(ended.result)
    show_version(version, as_json)


@app.command("evaluate")
def evaluate(
    model: Annotated[str, typer.Argument(help="`classifier` or `classifier@VERSION`.")],
    dataset: Annotated[str, typer.Argument(help="`brain` or `brain@VERSION`: images of its classes.")],
    split: Annotated[Literal["test", "train"], typer.Option(help="Which of its images.")] = "test",
    synthetic: Annotated[list[str] | None, typer.Option(help="Synthetic set to count as well; repeatable.")] = None,
    request_id: RequestId = "",
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Measures a classifier on other images than those of its own test split, such as another hospital's."""
    with Client() as client:
        sets = [client.name(names.SYNTHETIC_SET, "synthetic_set", item) for item in synthetic or []]
        measured_on = Split.SPLIT_TRAIN if split == "train" else Split.SPLIT_TEST
        job = client.models.evaluate(
            client.model_name(model), client.dataset_name(dataset), measured_on, sets, request_id
        )
        ended = finish(client, job, "measuring the classifier", detach=detach, as_json=as_json)
        if ended is None:
            return
        found = client.models.get_evaluation(ended.result)
    if as_json:
        print_message(found)
        return
    console.print(
        f"{short_name(found.dataset_version)}: {found.known} of the images are among those it was trained with"
    )
    _show_evaluation(found.evaluation)


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


def _weights(client: Client, named: str) -> str:
    """What to start from as the service takes it: of a model's version the name that no promotion moves."""
    is_version = "@" in named or "/versions/" in named
    return client.models.get(client.model_name(named)).name if is_version else named


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
    labels = [item.label for item in evaluation.classes] if evaluation.confusion else []
    title = f"{measured_on}: {', '.join(_scores(evaluation))}"
    named = ("class", "precision", "recall", "specificity", "F1", "AUROC", "images")
    rows = table(title, *named, *(f"→ {label}" for label in labels))
    confusion = evaluation.confusion or [ConfusionRow()] * len(evaluation.classes)
    for metrics, row in zip(evaluation.classes, confusion, strict=True):
        scores = (_number(metrics, name) for name in ("precision", "recall", "specificity", "f1", "auroc"))
        rows.add_row(metrics.label, *scores, str(metrics.support), *(str(count) for count in row.counts))
    console.print(rows)
    if evaluation.HasField("worst_gap"):
        gap = evaluation.worst_gap
        lower = f"{gap.worst} is {100 * gap.difference:.1f} points less accurate than {gap.best}"
        console.print(f"worst gap between subgroups, {gap.column}: {lower}")


def _scores(evaluation: Evaluation) -> Iterator[str]:
    """The scores of all classes together that were measured, each with its interval."""
    for name, words in _SCORES.items():
        if evaluations.is_measured(evaluation, name):
            interval = evaluation.intervals.get(name)
            between = f" ({interval.low:.3f} to {interval.high:.3f})" if interval else ""
            yield f"{words} {getattr(evaluation, name):.3f}{between}"


def _number(metrics: ClassMetrics, name: str) -> str:
    return f"{getattr(metrics, name):.3f}" if evaluations.is_measured(metrics, name) else ""


_SCORES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "auroc": "AUROC",
    "expected_calibration_error": "calibration error",
    "refused": "refused",
    "set_coverage": "coverage of prediction sets",
}
