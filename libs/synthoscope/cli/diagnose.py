"""`synthoscope diagnose` and `synthoscope explain`."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from google.protobuf import json_format

from synthoscope import names
from synthoscope.api.classification.v1.classification_pb2 import Diagnosis
from synthoscope.api.classification.v1.classification_service_pb2 import DiagnosisError
from synthoscope.api.models.v1.models_pb2 import ModelKind
from synthoscope.cli.console import AsJson, console, print_message, short_name, table
from synthoscope.client import Client
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput


def diagnose(
    images: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="PNG, JPEG or DICOM files.")],
    model: Annotated[str, typer.Option(help="`tumours` or `tumours@VERSION`; not needed when there is one.")] = "",
    explain: Annotated[Path | None, typer.Option(help="Write the heatmap laid over the image to this PNG.")] = None,
    as_json: AsJson = False,
) -> None:
    """Diagnoses images; with --explain shows where the model looked, of one image."""
    if explain and len(images) > 1:
        raise InvalidInput("explain", "is for one image")
    with Client() as client:
        version = client.model_name(model) if model else only_classifier(client)
        if len(images) > 1:
            show_many(
                images, client.diagnoses.diagnose_many((image.read_bytes() for image in images), version), as_json
            )
            return
        diagnosis = client.diagnoses.diagnose(images[0].read_bytes(), version, explain=explain is not None)
        if explain:
            explanation = client.diagnoses.wait(diagnosis.explanation)
            explain.write_bytes(client.diagnoses.overlay(explanation))
    show_diagnosis(diagnosis, as_json)
    if explain and not as_json:
        console.print(f"heatmap of {explanation.label}: {explain}")


def show_many(images: Sequence[Path], found: Iterable[Diagnosis | DiagnosisError], as_json: bool) -> None:
    """Prints a line for each image as it is diagnosed; of one that cannot be, why. Exits with 1 if there are such."""
    wrong = 0
    for image, answer in zip(images, found, strict=True):
        wrong += isinstance(answer, DiagnosisError)
        if as_json:
            typer.echo(json.dumps({"file": str(image), **json_format.MessageToDict(answer)}))
        elif isinstance(answer, DiagnosisError):
            console.print(f"{image}: {answer.message}", soft_wrap=True)
        else:
            likeliest = max(answer.probabilities, key=lambda item: item.probability)
            said = f"{answer.label} ({likeliest.probability:.3f})" if answer.label else answer.refusal.message
            console.print(f"{image}: {said}", soft_wrap=True)
    if wrong:
        raise typer.Exit(1)


def diagnose_study(
    images: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="PNG, JPEG or DICOM files.")],
    model: Annotated[str, typer.Option(help="`tumours` or `tumours@VERSION`; not needed when there is one.")] = "",
    as_json: AsJson = False,
) -> None:
    """Diagnoses the images of a study as a job, which goes on when this command is stopped."""
    with Client() as client:
        version = client.model_name(model) if model else only_classifier(client)
        job = client.diagnoses.diagnose_study((image.read_bytes() for image in images), version)
        found = client.diagnoses.study(client.jobs.wait(job.name).result)
    if as_json:
        print_message(found)
        return
    rows = table(f"{len(found.images)} images by {short_name(found.model_version)}", "answer", "images")
    for label, count in sorted(found.label_counts.items(), key=lambda item: -item[1]):
        rows.add_row(label, str(count))
    for what, count in (("refused", found.refused_count), ("could not be diagnosed", found.failed_count)):
        if count:
            rows.add_row(what, str(count))
    console.print(rows)
    for outcome in found.images:
        if not outcome.diagnosis:
            console.print(f"{outcome.error_message}", soft_wrap=True)


def explain_diagnosis(
    diagnosis: Annotated[str, typer.Argument(help="Id of a diagnosis.")],
    out: Annotated[Path, typer.Option("--out", help="Write the heatmap laid over the image to this PNG.")],
    label: Annotated[str, typer.Option(help="Class to explain; by default the predicted one.")] = "",
    as_json: AsJson = False,
) -> None:
    """Explains a diagnosis that was made before, for any class."""
    with Client() as client:
        name = client.name(names.DIAGNOSIS, "diagnosis", diagnosis)
        explanation = client.diagnoses.wait(client.diagnoses.explain(name, label).name)
        out.write_bytes(client.diagnoses.overlay(explanation))
    if as_json:
        print_message({"overlay": str(out), "explanation": json_format.MessageToDict(explanation)})
    else:
        console.print(f"heatmap of {explanation.label} (probability {explanation.probability:.3f}): {out}")


def give_feedback(
    diagnosis: Annotated[str, typer.Argument(help="Id of a diagnosis.")],
    label: Annotated[str, typer.Argument(help="What the image really shows.")],
    as_json: AsJson = False,
) -> None:
    """Says what a diagnosed image really shows; `dataset derive --feedback` learns from it."""
    with Client() as client:
        given = client.diagnoses.give_feedback(client.name(names.DIAGNOSIS, "diagnosis", diagnosis), label)
    if as_json:
        print_message(given)
    else:
        said = f"answered {given.answered}" if given.answered else "refused"
        console.print(f"{short_name(given.diagnosis)} shows {given.label}; it was {said}", soft_wrap=True)


def only_classifier(client: Client) -> str:
    """The latest version of the tenant's only classifier. Raises FailedPrecondition when there is none, or several."""
    versions = client.models.list(ModelKind.MODEL_KIND_CLASSIFIER)
    parents = {version.name.rpartition("/versions/")[0] for version in versions}
    if not parents:
        raise FailedPrecondition("there is no classifier yet: train one with `synthoscope classifier train DATASET`")
    if len(parents) > 1:
        known = ", ".join(sorted(parent.rpartition("/")[2] for parent in parents))
        raise FailedPrecondition(f"there are several classifiers: choose one with --model ({known})")
    return f"{parents.pop()}/versions/{names.LATEST}"


def show_diagnosis(diagnosis: Diagnosis, as_json: bool) -> None:
    """Prints a diagnosis."""
    if as_json:
        print_message(diagnosis)
        return
    said = diagnosis.label or f"refused: {diagnosis.refusal.message}"
    rows = table(f"{said}  ({short_name(diagnosis.model_version)})", "class", "probability")
    for item in sorted(diagnosis.probabilities, key=lambda item: -item.probability):
        rows.add_row(item.label, f"{item.probability:.4f}")
    console.print(rows)
    if diagnosis.HasField("prediction_set"):
        held = ", ".join(diagnosis.prediction_set.labels) or "no class is likely enough"
        console.print(f"cannot be ruled out ({diagnosis.prediction_set.coverage:.0%} sets): {held}")
    if diagnosis.HasField("strangeness"):
        strangeness = diagnosis.strangeness
        console.print(f"unlike the training images: {strangeness.score:.2f}, refused above {strangeness.threshold:g}")
    console.print(f"diagnosis {short_name(diagnosis.name)}, image {diagnosis.image.sha256[:16]}")
