"""The options of `synthoscope synth generate`: how images are made, and which are refused."""

from typing import Annotated

import typer
from rich.table import Table

from synthoscope.api.synthesis.v1.synthesis_pb2 import (
    GenerationCheckpoint,
    GenerationFilters,
    InfoganCodes,
    SyntheticSet,
)
from synthoscope.cli.console import table
from synthoscope.client import Client
from synthoscope.synthetic.extractors import EFFICIENTNET, INCEPTION

_PREFIX = "GENERATION_CHECKPOINT_"

Truncation = Annotated[
    float, typer.Option(help="Cut normal latent numbers off at this value, such as 0.7: more alike, fewer oddities.")
]
CheckpointName = Annotated[
    str, typer.Option(help="Weights: last, average or best (by Fréchet distance); empty: average if there, else last.")
]
Category = Annotated[int, typer.Option(help="InfoGAN's category, 0 to 9; -1: drawn for each image.")]
Code = Annotated[
    list[str] | None,
    typer.Option(help="InfoGAN's continuous codes: POSITION=VALUE, such as 0=-0.5; else drawn."),
]
KeepLast = Annotated[
    float,
    typer.Option(help="Keep the last share of what is generated, such as 0.07; counts are of what is kept."),
]
OutputSize = Annotated[int, typer.Option(help="Side of the stored images in pixels, such as 128; 0: the generator's.")]
DiscriminatorShare = Annotated[
    float, typer.Option(help="Keep this share of the candidates, those that the discriminator likes best; 0: all.")
]
ClassifierName = Annotated[
    str, typer.Option(help="A classifier, `cnn` or `cnn@VERSION`, that must agree with the class.")
]
ClassifierProbability = Annotated[float, typer.Option(help="The least probability of the class; 0: 0.5.")]
Distinct = Annotated[bool, typer.Option("--distinct", help="Refuse near-copies of the set's earlier images.")]
MeasureWith = Annotated[
    str,
    typer.Option(
        help="Measure the set by everything there is, in these features: efficientnet-lite0, inception-v3, or a "
        "classifier, `cnn` or `cnn@VERSION`; `synth show --json` has the report."
    ),
]


def parse_checkpoint(text: str) -> str:
    """The enum value's name for `last`, `average`, `best` or nothing."""
    known = {name.removeprefix(_PREFIX).lower(): name for name in GenerationCheckpoint.keys()[1:]}
    if text and text not in known:
        raise typer.BadParameter(f"must be one of {', '.join(known)}", param_hint="--checkpoint")
    return known.get(text, GenerationCheckpoint.keys()[0])


def parse_codes(category: int, codes: list[str] | None) -> InfoganCodes | None:
    """InfoGAN's codes of `--category 3 --code 0=-0.5`; None when none is given."""
    if category < 0 and not codes:
        return None
    continuous = {}
    for text in codes or []:
        position, _, value = text.partition("=")
        try:
            continuous[int(position)] = float(value)
        except ValueError:
            raise typer.BadParameter(f"{text!r} must be POSITION=VALUE, such as 0=-0.5", param_hint="--code") from None
    return InfoganCodes(category=category if category >= 0 else None, continuous=continuous)


def filters_of(client: Client, share: float, classifier: str, probability: float, distinct: bool) -> GenerationFilters:
    """The filters asked for."""
    return GenerationFilters(
        discriminator_share=share,
        classifier=client.model_name(classifier) if classifier else "",
        classifier_probability=probability,
        distinct=distinct,
    )


def extractor_of(client: Client, name: str) -> str:
    """What `--measure-with` means: the name of a network, or of a classifier's version."""
    return name if name in ("", EFFICIENTNET, INCEPTION) else client.model_name(name)


def tallies_of(item: SyntheticSet) -> Table:
    """What became of the candidates of each class."""
    reasons = sorted({reason for tally in item.tallies.values() for reason in tally.refused})
    rows = table("candidates", "class", "asked", "made", *(f"refused: {reason}" for reason in reasons), "kept")
    for label, tally in sorted(item.tallies.items()):
        refused = [str(tally.refused.get(reason, 0)) for reason in reasons]
        rows.add_row(label or "(none)", str(tally.asked), str(tally.made), *refused, str(tally.kept))
    return rows


def shortfall_of(item: SyntheticSet) -> str:
    """One sentence when the set is smaller than was asked for; else nothing."""
    missing = sum(tally.asked - tally.kept for tally in item.tallies.values())
    return f"{missing} images fewer than asked for: the filters refused too many candidates" if missing else ""
