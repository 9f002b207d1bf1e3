"""`synthoscope dataset`: import, download, audit, derive, compare, delete and list versions, make phantoms."""

from pathlib import Path
from typing import Annotated

import typer

from synthoscope.cli.audit import audit
from synthoscope.cli.console import AsJson, console, print_messages, short_name, table
from synthoscope.cli.deriving import compare, delete, derive
from synthoscope.cli.downloading import download
from synthoscope.cli.importing import import_source
from synthoscope.cli.versions import origin, show_version
from synthoscope.client import Client

app = typer.Typer(no_args_is_help=True, help="Datasets: import, audit, derive, compare, delete.")
app.command("import")(import_source)
app.command("download")(download)
app.command("audit")(audit)
app.command("derive")(derive)
app.command("compare")(compare)
app.command("delete")(delete)


@app.command("list")
def list_versions(as_json: AsJson = False) -> None:
    """Lists all dataset versions."""
    with Client() as client:
        versions = client.datasets.list()
    if as_json:
        print_messages(versions)
        return
    rows = table("datasets", "version", "classes", "images", "made", "how")
    rows.columns[0].no_wrap = True
    for version in versions:
        when = version.create_time.ToDatetime().strftime("%Y-%m-%d %H:%M")
        rows.add_row(
            short_name(version.name), ", ".join(version.classes), str(version.image_count), when, origin(version)
        )
    console.print(rows)


@app.command("show")
def show(dataset: Annotated[str, typer.Argument(help="`brain` or `brain@VERSION`.")], as_json: AsJson = False) -> None:
    """Shows the counts of a dataset version, by default of the latest."""
    with Client() as client:
        version = client.datasets.get(client.dataset_name(dataset))
    show_version(version, as_json)


@app.command("phantoms")
def phantoms(
    folder: Annotated[Path, typer.Argument(help="Where to write split/class/image and masks/.")],
    train_per_class: Annotated[int, typer.Option(min=1)] = 200,
    test_per_class: Annotated[int, typer.Option(min=0)] = 50,
    size: Annotated[int, typer.Option(min=32, max=512, help="Side, pixels.")] = 128,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Writes a made-up data set: brain slices of four classes with known lesions."""
    from synthoscope.datasets.phantoms import write_dataset  # SciPy is slow to import

    write_dataset(folder, train_per_class, test_per_class, size, seed)
    console.print(f"wrote {4 * (train_per_class + test_per_class)} images to {folder}")
