"""`synthoscope synth`: make and look at synthetic sets."""

from pathlib import Path
from typing import Annotated

import typer

from synthoscope import names
from synthoscope.api.synthesis.v1.synthesis_pb2 import GenerationOptions, SyntheticSet
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
from synthoscope.cli.generation_options import (
    Category,
    CheckpointName,
    ClassifierName,
    ClassifierProbability,
    Code,
    DiscriminatorShare,
    Distinct,
    KeepLast,
    MeasureWith,
    OutputSize,
    Truncation,
    extractor_of,
    filters_of,
    parse_checkpoint,
    parse_codes,
    shortfall_of,
    tallies_of,
)
from synthoscope.cli.verdicts import print_verdict
from synthoscope.client import Client
from synthoscope.synthetic.verdicts import described

app = typer.Typer(no_args_is_help=True, help="Synthetic sets: generate, list, show.")


@app.command("generate")
def generate(
    model: Annotated[str, typer.Argument(help="A GAN: `gan` or `gan@VERSION`.")],
    per_class: Annotated[int, typer.Option(help="Images of each class.")] = 25,
    count: Annotated[list[str] | None, typer.Option(help="Instead: CLASS=IMAGES, once per class.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same images.")] = 0,
    truncation: Truncation = 0.0,
    checkpoint: CheckpointName = "",
    category: Category = -1,
    code: Code = None,
    keep_last: KeepLast = 0.0,
    output_size: OutputSize = 0,
    discriminator_share: DiscriminatorShare = 0.0,
    classifier: ClassifierName = "",
    classifier_probability: ClassifierProbability = 0.0,
    distinct: Distinct = False,
    measure_with: MeasureWith = "",
    request_id: RequestId = "",
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Generates a synthetic set. Near-copies of training images are always refused, and replaced."""
    options = GenerationOptions(
        truncation=truncation,
        checkpoint=parse_checkpoint(checkpoint),
        codes=parse_codes(category, code),
        keep_last=keep_last,
        output_size=output_size,
    )
    with Client() as client:
        filters = filters_of(client, discriminator_share, classifier, classifier_probability, distinct)
        options.filters.CopyFrom(filters)
        options.measure_with = extractor_of(client, measure_with)
        version = client.models.get(client.model_name(model))
        counts = parse_counts(count) if count else dict.fromkeys(version.classes or [""], per_class)
        job = client.synthesis.generate(version.name, counts, seed, request_id, options)
        ended = finish(client, job, "generating", detach=detach, as_json=as_json)
        if ended is None:
            return
        synthetic_set = client.synthesis.get(ended.result)
    show_set(synthetic_set, as_json)


@app.command("list")
def list_sets(as_json: AsJson = False) -> None:
    """Lists all synthetic sets."""
    with Client() as client:
        sets = client.synthesis.list()
    if as_json:
        print_messages(sets)
        return
    rows = table("synthetic sets", "set", "generator", "images", "seed", "verdict")
    for item in sets:
        verdict = described(item.verdict.admission)
        sizes = str(item.image_count), str(item.seed)
        rows.add_row(short_name(item.name), short_name(item.model_version), *sizes, verdict)
    console.print(rows)


@app.command("show")
def show(
    synthetic_set: Annotated[str, typer.Argument(help="Id of a synthetic set.")],
    grid: Annotated[Path | None, typer.Option(help="Write 25 of its images to this PNG file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Shows a synthetic set."""
    with Client() as client:
        item = client.synthesis.get(client.name(names.SYNTHETIC_SET, "synthetic_set", synthetic_set))
        if grid:
            grid.write_bytes(client.images.download(item.grid.name))
    show_set(item, as_json)


def parse_counts(texts: list[str]) -> dict[str, int]:
    """The counts of `glioma=25` and the like."""
    counts = {}
    for text in texts:
        label, equals, number = text.rpartition("=")
        if not equals or not number.isdecimal():
            raise typer.BadParameter(f"{text!r} must be CLASS=IMAGES, such as glioma=25", param_hint="--count")
        counts[label] = int(number)
    return counts


def show_set(item: SyntheticSet, as_json: bool) -> None:
    """Prints a set's counts and verdict."""
    if as_json:
        print_message(item)
        return
    rows = table(short_name(item.name), "class", "images")
    for label, number in sorted(item.counts.items()):
        rows.add_row(label or "(none)", str(number))
    console.print(rows)
    if item.tallies:
        console.print(tallies_of(item))
    if shortfall := shortfall_of(item):
        console.print(shortfall)
    console.print(f"made by {short_name(item.model_version)} with seed {item.seed}")
    print_verdict(item)
