"""`synthoscope model`: aliases, promotions, cards and files of model versions."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from synthoscope import names
from synthoscope.api.models.v1.models_pb2 import Promotion
from synthoscope.cli.console import AsJson, console, print_message, print_messages, short_name, table
from synthoscope.client import Client
from synthoscope.datasets.paths import PATH_RULE, is_safe
from synthoscope.models.card import card_json, card_markdown
from synthoscope.rpc.errors import InvalidInput

app = typer.Typer(no_args_is_help=True, help="Models: promote, rollback, try-out, aliases, promotions, card, download.")

Model = Annotated[str, typer.Argument(help="`classifier`.", show_default=False)]
Version = Annotated[
    str, typer.Argument(help="`classifier`, `classifier@VERSION` or `classifier@ALIAS`.", show_default=False)
]


@app.command("promote")
def promote(
    version: Version,
    alias: Annotated[str, typer.Option("--as", help="Alias that it is to get.", show_default=False)],
    check_only: Annotated[bool, typer.Option("--check-only", help="Run the checks and change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Gives a version an alias of its model if all checks pass; if one does not, says why and exits with 1."""
    with Client() as client:
        promotion = client.models.promote(client.model_name(version), alias, check_only)
    if as_json:
        print_message(promotion)
        return
    for check in promotion.checks:
        _say(f"{check.name}: {check.reason}")
    if check_only:
        _say(f"{short_name(promotion.model_version)} may become {alias}")
    else:
        _say_moved(promotion)


@app.command("rollback")
def rollback(
    model: Model,
    alias: Annotated[str, typer.Option("--alias", help="Alias to take back.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Gives an alias back to the version that had it before; a second rollback goes further back."""
    with Client() as client:
        promotion = client.models.roll_back(client.name(names.MODEL, "model", model), alias)
    if as_json:
        print_message(promotion)
    else:
        _say_moved(promotion)


@app.command("try-out")
def try_out(
    version: Version,
    alias: Annotated[str, typer.Option("--beside", help="Alias whose requests it gets.", show_default=False)],
    canary: Annotated[float, typer.Option(min=0, max=100, help="Percentage of images that it answers.")] = 0,
    shadow: Annotated[
        float, typer.Option(min=0, max=100, help="Percentage of the others that it is asked, too, unseen.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Tries a version out among the requests for an alias; without percentages, ends that."""
    with Client() as client:
        candidate = client.model_name(version)
        model = candidate.partition("/versions/")[0]
        split = client.models.try_out(model, alias, candidate, canary / 100, shadow / 100)
    if as_json:
        print_message(split)
    elif canary or shadow:
        _say(f"{short_name(split.candidate)} answers {canary:g} % of {alias}'s images, and shadows {shadow:g} %")
    else:
        _say(f"nothing is tried out beside {alias} any more")


@app.command("aliases")
def aliases(model: Model, as_json: AsJson = False) -> None:
    """Lists a model's aliases and the versions that they stand for."""
    with Client() as client:
        found = client.models.aliases(client.name(names.MODEL, "model", model))
    if as_json:
        print_messages(found)
        return
    rows = table(f"aliases of {short_name(model)}", "alias", "version", "since")
    for item in found:
        since = item.update_time.ToDatetime().strftime("%Y-%m-%d %H:%M:%S")
        rows.add_row(item.name.rpartition("/")[2], short_name(item.model_version), since)
    console.print(rows)


@app.command("promotions")
def promotions(model: Model, as_json: AsJson = False) -> None:
    """Lists a model's promotions and rollbacks from the oldest, refused promotions too."""
    with Client() as client:
        found = client.models.promotions(client.name(names.MODEL, "model", model))
    if as_json:
        print_messages(found)
        return
    rows = table(f"promotions of {short_name(model)}", "promotion", "when", "alias", "version", "outcome")
    for item in found:
        when = item.create_time.ToDatetime().strftime("%Y-%m-%d %H:%M:%S")
        rows.add_row(short_name(item.name), when, item.alias, short_name(item.model_version), escape(_outcome(item)))
    console.print(rows)


@app.command("card")
def card(version: Version, as_json: AsJson = False) -> None:
    """Prints a version's model card as Markdown, or as JSON."""
    with Client() as client:
        record = client.models.get(client.model_name(version))
    if as_json:
        print_message(card_json(record, published=True))
    else:
        typer.echo(card_markdown(record, published=True), nl=False)


@app.command("download")
def download(
    version: Version,
    files: Annotated[
        list[str] | None,
        typer.Option("--file", help="A file of the version, repeatable; all of them unless told.", show_default=False),
    ] = None,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder for the files.")] = Path("model"),
) -> None:
    """Downloads a version's files, such as weights.safetensors and model.onnx; checks their SHA-256."""
    with Client() as client:
        record = client.models.get(client.model_name(version))
        for path in files or [file.path for file in record.files]:
            if not is_safe(path):
                raise InvalidInput("file", f"{path!r} {PATH_RULE}")
            data = client.models.download(record, path)
            target = out / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            _say(f"wrote {target}, {len(data):,} bytes")


def _outcome(promotion: Promotion) -> str:
    if not promotion.accepted:
        failed = [f"{check.name}: {check.reason}" for check in promotion.checks if not check.passed]
        return f"refused: {'; '.join(failed)}"
    return "rolled back" if promotion.rollback else "accepted"


def _say_moved(promotion: Promotion) -> None:
    before = f"; before, {short_name(promotion.previous)} was" if promotion.previous else ""
    _say(f"{short_name(promotion.model_version)} is now {promotion.alias}{before}")


def _say(text: str) -> None:
    console.print(text, soft_wrap=True, highlight=False, markup=False)
