"""`synthoscope classifier cross-validate`: one classifier for each fold of a dataset's training images."""

from collections.abc import Iterator, Sequence
from functools import partial
from statistics import fmean, stdev
from typing import Annotated

import typer

from synthoscope.api.datasets.v1.datasets_pb2 import Derivation, Fold, Split, SplitRule, Subset
from synthoscope.api.jobs.v1.jobs_pb2 import Job
from synthoscope.api.models.v1.models_pb2 import Evaluation, ModelVersion
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig
from synthoscope.cli.console import AsJson, console, follow, print_messages, short_name, table
from synthoscope.cli.fields import Settings, set_fields
from synthoscope.client import Client
from synthoscope.client.repeating import ensure
from synthoscope.models import evaluations

_SCORES = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "expected_calibration_error")


def cross_validate(
    dataset: Annotated[str, typer.Argument(help="`brain` or `brain@VERSION`.")],
    folds: Annotated[int, typer.Option(min=2, max=20, help="How many.")] = 5,
    model: Annotated[str, typer.Option("--model", help="Id of the model; fold 0 becomes MODEL-fold-0.")] = "classifier",
    preset: Annotated[str, typer.Option(help="Network, as for classifier train.")] = "cnn-128",
    epochs: Annotated[int, typer.Option(help="Most passes over the training images.")] = 40,
    seed: Annotated[int, typer.Option(min=0, help="Of the folds and the trainings.")] = 0,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Trains on all folds but one and tests on that one, in turn; the official test split stays closed.

    Folds are stratified by class, and copies of one picture and images of one patient are in the same one. The same
    command again goes on where it stopped.
    """
    config = ClassifierTrainingConfig(preset=preset, epochs=epochs, seed=seed)
    set_fields(config, settings or ())
    with Client() as client:
        versions = list(_fold_versions(client, client.dataset_name(dataset), folds, seed))
        jobs = [
            ensure(partial(_train, client, version, model_id, config), "fold", version, model_id, config)
            for version, model_id in zip(versions, (f"{model}-fold-{index}" for index in range(folds)), strict=True)
        ]
        ended = [follow(client, job, f"fold {index} of {folds}") for index, job in enumerate(jobs)]
        found = [client.models.get(job.result) for job in ended]
    if as_json:
        print_messages(found)
    else:
        _show(found)


def _fold_versions(client: Client, dataset: str, folds: int, seed: int) -> Iterator[str]:
    """A version for each fold, which is its test split; all of the training images of `dataset`."""
    follow(client, client.datasets.audit(dataset), "audit")
    training = client.datasets.derive(dataset, Derivation(subset=Subset(splits=[Split.SPLIT_TRAIN]))).name
    for index in range(folds):
        rule = SplitRule(fold=Fold(count=folds, index=index), seed=seed)
        yield client.datasets.derive(training, Derivation(split=rule)).name


def _train(client: Client, version: str, model_id: str, config: ClassifierTrainingConfig, request_id: str) -> Job:
    return client.models.train_classifier(version, model_id, config, (), request_id)


def _show(versions: Sequence[ModelVersion]) -> None:
    found = [evaluations.find(version, evaluations.TEST) or Evaluation() for version in versions]
    rows = table("cross-validation", "fold", "model", *_SCORES)
    for index, (version, evaluation) in enumerate(zip(versions, found, strict=True)):
        scores = (_score(evaluation, name) for name in _SCORES)
        rows.add_row(str(index), short_name(version.name), *scores)
    rows.add_row("mean", "", *(_mean(found, name) for name in _SCORES))
    console.print(rows)


def _score(evaluation: Evaluation, name: str) -> str:
    return f"{getattr(evaluation, name):.3f}" if evaluations.is_measured(evaluation, name) else ""


def _mean(found: Sequence[Evaluation], name: str) -> str:
    """Over folds, with the standard deviation; nothing when a fold has no such score."""
    if not all(evaluations.is_measured(evaluation, name) for evaluation in found):
        return ""
    values = [getattr(evaluation, name) for evaluation in found]
    return f"{fmean(values):.3f} ± {stdev(values):.3f}"
