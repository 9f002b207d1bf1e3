"""`synthoscope classifier weights`: files that transfer networks start from."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from synthoscope.cli.console import AsJson, console, print_message, progress_console
from synthoscope.client import Client
from synthoscope.rpc.errors import FailedPrecondition

app = typer.Typer(no_args_is_help=True, help="Weights that transfer networks start from: convert, upload.")

LARGEST_UNPACKED = 4 << 30
"""Bytes that a zip may unpack to."""

_Source = Annotated[Path, typer.Argument(exists=True, dir_okay=False, show_default=False)]


@app.command("upload")
def upload(file: _Source, as_json: AsJson = False) -> None:
    """Stores a safetensors file; prints the name that `--weights` takes."""
    progress_console.print(f"uploading {file.stat().st_size / 1e6:.1f} MB", highlight=False)
    with Client() as client:
        name = client.models.upload_weights(file)
    if as_json:
        print_message({"name": name})
    else:
        typer.echo(name)


@app.command("convert")
def convert(
    file: _Source,
    to: Annotated[Path, typer.Argument(dir_okay=False, help="The safetensors file to write.", show_default=False)],
) -> None:
    """Writes a .pth, a .pt, or a zip that holds one, as safetensors, less its output layer; runs no code in it."""
    try:
        from synthoscope.classifier.pretrained.imagenet import without_output
        from synthoscope.classifier.pretrained.pickled import read_tensors, unzip
        from synthoscope.models.weights import dump_weights
    except ImportError as error:
        raise FailedPrecondition("this needs PyTorch: pip install 'synthoscope[torch]'") from error
    with tempfile.TemporaryDirectory() as folder:
        pickled = file
        if file.suffix == ".zip":
            pickled = Path(folder, file.stem)
            unzip(file, pickled, LARGEST_UNPACKED)
        weights = without_output(read_tensors(pickled))
    to.write_bytes(dump_weights(weights))
    console.print(f"{len(weights)} tensors written to {to}", soft_wrap=True, highlight=False, markup=False)
