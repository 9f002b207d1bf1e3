"""`synthoscope gan`: train a GAN."""

from pathlib import Path
from typing import Annotated

import typer

from synthoscope.api.models.v1.models_pb2 import ModelVersion
from synthoscope.api.training.v1.training_pb2 import GanConditioning, GanTrainingConfig
from synthoscope.cli.console import AsJson, Detach, RequestId, console, finish, print_message, short_name
from synthoscope.cli.fields import Settings, enum_words, set_fields
from synthoscope.cli.verdicts import AcceptUnadmitted, print_uses
from synthoscope.client import Client
from synthoscope.gan.monitors import FLAGS
from synthoscope.gan.presets import DEFAULT_PRESET, PRESETS

app = typer.Typer(no_args_is_help=True, help="GANs: train, grids.")


@app.command("train")
def train(
    dataset: Annotated[str, typer.Argument(help="`brain` or `brain@VERSION`.")],
    model: Annotated[str, typer.Option("--model", help="Id of the model to publish.")] = "gan",
    preset: Annotated[str, typer.Option(help=f"One of {', '.join(PRESETS)}.")] = DEFAULT_PRESET,
    conditioning: Annotated[
        str, typer.Option(help="unconditional, per-class or conditional; empty: the preset's.")
    ] = "",
    epochs: Annotated[int, typer.Option(help="Passes over the training images.")] = 50,
    batch_size: Annotated[int, typer.Option(help="Images per step; 0: the preset's.")] = 0,
    workers: Annotated[int, typer.Option(help="Ray Train workers; 0: the preset's.")] = 0,
    size: Annotated[int, typer.Option(help="Side of the images, pixels; 0: the preset's.")] = 0,
    channels: Annotated[int, typer.Option(help="1, grey, or 3, RGB; 0: the preset's.")] = 0,
    start_from: Annotated[
        str, typer.Option(help="GAN whose weights to start from, `gan` or `gan@VERSION`; empty: new weights.")
    ] = "",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    accept_unadmitted: AcceptUnadmitted = False,
    settings: Settings = None,
    request_id: RequestId = "",
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Trains a GAN on a dataset's training split and publishes a model version."""
    config = GanTrainingConfig(
        preset=preset,
        conditioning=parse_conditioning(conditioning),
        epochs=epochs,
        batch_size=batch_size,
        workers=workers,
        image_size=size,
        channels=channels,
        seed=seed,
    )
    set_fields(config, settings or ())
    with Client() as client:
        if start_from:
            config.start_from = client.models.get(client.model_name(start_from)).name
        job = client.models.train_gan(client.dataset_name(dataset), model, config, request_id, accept_unadmitted)
        ended = finish(client, job, "training the GAN", detach=detach, as_json=as_json)
        if ended is None:
            return
        version = client.models.get(ended.result)
    if as_json:
        print_message(version)
    else:
        print_uses(version)
        print_flags(version)
        console.print(f"published {short_name(version.name)}")


def print_flags(version: ModelVersion) -> None:
    """What the monitors flagged in its training."""
    for curve in version.curves:
        flagged = [step for step, value in zip(curve.steps, curve.values, strict=True) if value]
        if curve.metric in FLAGS and flagged:
            share = len(flagged) / len(curve.steps)
            name = curve.metric.replace("_", " ")
            console.print(f"[bold]{name}[/] was found in {share:.0%} of its steps, at last in step {flagged[-1]:.0f}")


@app.command("grids")
def grids(
    model: Annotated[str, typer.Argument(help="`gan` or `gan@VERSION`.")],
    folder: Annotated[Path, typer.Argument(help="Where to write the sample grids of its training.")],
) -> None:
    """Writes the sample grids of a GAN's training as PNG files."""
    folder.mkdir(parents=True, exist_ok=True)
    with Client() as client:
        for grid in client.models.get(client.model_name(model)).sample_grids:
            file = folder / f"step-{grid.step:06d}-{grid.label or 'all'}.png"
            file.write_bytes(client.images.download(grid.image.name))
            console.print(str(file))


def parse_conditioning(text: str) -> str:
    """The enum value's name for `per-class`, `unconditional` or `conditional`; for nothing, the unspecified one."""
    known = {"": GanConditioning.keys()[0]} | enum_words(GanConditioning.DESCRIPTOR)
    if text not in known:
        raise typer.BadParameter(f"must be one of {', '.join(filter(None, known))}", param_hint="--conditioning")
    return known[text]
