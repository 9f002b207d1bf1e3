"""`synthoscope dataset download`: published datasets by name."""

from pathlib import Path
from typing import Annotated

import typer

from synthoscope.cli.console import AsJson, bar, console, print_message, progress_console


def download(
    name: Annotated[str, typer.Argument(help="brain-tumor-mri, chest-xray-pneumonia, pneumoniamnist, …")],
    to: Annotated[Path, typer.Option("--to", file_okay=False, help="Where to put it.")] = Path("datasets"),
    as_json: AsJson = False,
) -> None:
    """Downloads a published dataset, shows its licence, and verifies what arrives."""
    from synthoscope.datasets import published  # slow to import

    found = published.published_set(name)
    progress_console.print(f"{found.title}\nlicence: {found.licence}\n{found.page}", soft_wrap=True, highlight=False)
    with bar() as progress:
        task = progress.add_task("downloading", total=None, note="bytes")
        path = published.download(
            found, to, lambda done, total: progress.update(task, completed=done, total=total or None)
        )
    command = f"synthoscope dataset import {path} --name {found.name}"
    if found.class_names:
        command += f" --class-names '{','.join(found.class_names)}'"
    if as_json:
        print_message({"name": name, "path": str(path), "licence": found.licence, "import": command})
    else:
        console.print(f"downloaded and verified; next:\n  {command}", soft_wrap=True, highlight=False, markup=False)
