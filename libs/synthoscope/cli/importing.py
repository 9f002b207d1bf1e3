"""`synthoscope dataset import`: a dataset version from whatever holds images."""

from pathlib import Path
from typing import Annotated

import typer

from synthoscope.cli.console import AsJson, bar
from synthoscope.cli.versions import show_version
from synthoscope.client import Client
from synthoscope.rpc.errors import InvalidInput


def import_source(
    source: Annotated[str, typer.Argument(help="A folder, a .zip, a .npz, a .csv, or s3://bucket/key.")],
    name: Annotated[str, typer.Option("--name", help="Id of the dataset.")],
    labels: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="CSV with labels for a folder, ZIP archive or S3 prefix."),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(help="patient=COLUMN: which column of a CSV to take for one of ours; device= takes none."),
    ] = None,
    attribute: Annotated[
        list[str] | None, typer.Option(help="A further column of the CSV to keep for results by subgroup; repeatable.")
    ] = None,
    class_names: Annotated[str, typer.Option(help="Names of an .npz file's labels 0, 1, …; with commas.")] = "",
    preprocessing: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="JSON file: what is done to every image.")
    ] = None,
    allow_burned_in_annotation: Annotated[
        bool, typer.Option("--allow-burned-in-annotation", help="Someone has looked and found no identity in pixels.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Chooses the test split of a source that has none.")] = 0,
    s3_endpoint: Annotated[str, typer.Option(help="https://host:port; by default $AWS_ENDPOINT_URL.")] = "",
    as_json: AsJson = False,
) -> None:
    """Imports images as an immutable version; a second import sends only what is missing."""
    from synthoscope.datasets.sources import S3Access, SourceOptions  # slow to import
    from synthoscope.images.preprocessing import preprocessing_from_json

    options = SourceOptions(
        labels=labels,
        columns=_columns(column or []),
        kept=tuple(attribute or ()),
        class_names=tuple(part.strip() for part in class_names.split(",")) if class_names else (),
        seed=seed,
        s3=S3Access.find(s3_endpoint) if source.startswith("s3://") else None,
    )
    steps = preprocessing_from_json(preprocessing.read_bytes()) if preprocessing else None
    with Client() as client, bar() as progress:
        task = progress.add_task("importing", total=None, note="")
        version = client.datasets.import_source(
            source,
            name,
            options,
            preprocessing=steps,
            allow_burned_in_annotation=allow_burned_in_annotation,
            on_progress=lambda phase, done, total: progress.update(task, completed=done, total=total, note=phase),
            on_note=lambda note: progress.console.print(f"note: {note}", soft_wrap=True, highlight=False, markup=False),
        )
    show_version(version, as_json)


def _columns(given: list[str]) -> dict[str, str]:
    columns = {}
    for item in given:
        ours, equals, theirs = item.partition("=")
        if not (ours and equals):
            raise InvalidInput("column", f"{item!r} must have the form patient=COLUMN")
        columns[ours] = theirs
    return columns
