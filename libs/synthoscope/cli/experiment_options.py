"""The options of `synthoscope experiment run`: what is compared, on how many real images, how often."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from synthoscope.api.experiments.v1.experiments_pb2 import Arm
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanTrainingConfig
from synthoscope.classifier.parsing import from_message
from synthoscope.classifier.presets import PRESETS
from synthoscope.cli.fields import enum_words, set_fields
from synthoscope.gan.presets import PRESETS as GAN_PRESETS

DEFAULT_SHARES = (0.05, 0.1, 0.25, 1.0)
DEFAULT_RATIOS = (0.25, 0.5, 1.0, 2.0)
DEFAULT_PRESET = "cnn-64"
DEFAULT_EPOCHS = 20
DEFAULT_GAN_EPOCHS = 50


def _listed(numbers: Sequence[float]) -> str:
    return ", ".join(f"{number:g}" for number in numbers)


_ARMS = enum_words(Arm.DESCRIPTOR)

Shares = Annotated[
    list[float] | None,
    typer.Option("--fraction", help=f"Share of the real images; repeatable; else {_listed(DEFAULT_SHARES)}."),
]
Presets = Annotated[
    list[str] | None,
    typer.Option(
        "--preset",
        help=f"Network to try: {', '.join(sorted(PRESETS))}; repeatable; else {DEFAULT_PRESET}. The best "
        "takes part in all arms.",
    ),
]
GanPreset = Annotated[
    str, typer.Option("--gan", help=f"Train this GAN on each fraction: {', '.join(GAN_PRESETS)}; empty: none.")
]
GanSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--gan-set", metavar="FIELD=VALUE", help="Any field of the GAN's configuration, such as epochs=50; repeatable."
    ),
]
SyntheticSets = Annotated[
    list[str] | None,
    typer.Option("--synthetic", metavar="FRACTION=SET", help="Instead of --gan: a set that is there; repeatable."),
]
FilteredSets = Annotated[
    list[str] | None, typer.Option("--filtered", metavar="FRACTION=SET", help="The same, a filtered set; repeatable.")
]
Arms = Annotated[
    list[str] | None, typer.Option("--arm", help=f"Only these: {', '.join(_ARMS)}; repeatable. Real always is.")
]
Ratios = Annotated[
    list[float] | None,
    typer.Option("--ratio", help=f"Synthetic images, times the real ones; repeatable; else {_listed(DEFAULT_RATIOS)}."),
]
Seeds = Annotated[int, typer.Option(min=2, max=50, help="Runs of each arm.")]
Epochs = Annotated[int, typer.Option(min=1, max=10_000, help="Epochs of each run; all arms take as many steps.")]
BudgetMinutes = Annotated[
    float, typer.Option(min=0.0, help="Minutes after which no further run begins; 0: as long as it takes.")
]
SplitSeed = Annotated[int, typer.Option("--seed", min=0, help="Of the draw of fractions and validation images.")]


def check_shares(shares: Sequence[float]) -> Sequence[float]:
    """The shares, from the smallest. Raises BadParameter for one that is none, or is there twice."""
    if not all(0 < share <= 1 for share in shares) or len(set(shares)) < len(shares):
        raise typer.BadParameter("must be in (0, 1], each once", param_hint="--fraction")
    return sorted(shares)


def parse_training(presets: Sequence[str], epochs: int, settings: Sequence[str]) -> ClassifierTrainingConfig:
    """How every network is trained. Raises BadParameter or InvalidInput, naming the field, when one cannot be."""
    if unknown := [preset for preset in presets if preset not in PRESETS]:
        known = ", ".join(sorted(PRESETS))
        raise typer.BadParameter(f"{unknown[0]!r} is none of {known}", param_hint="--preset")
    if len(set(presets)) < len(presets):
        raise typer.BadParameter("each network once", param_hint="--preset")
    training = ClassifierTrainingConfig(epochs=epochs)
    set_fields(training, settings)
    for preset in presets:
        tried = ClassifierTrainingConfig()
        tried.CopyFrom(training)
        tried.preset = preset
        from_message(tried, "training")
    return training


def parse_gan(preset: str, settings: Sequence[str], named: Sequence[str]) -> GanTrainingConfig | None:
    """The GAN's configuration; None without one. `named` are the sets that are given instead. Raises BadParameter."""
    if not preset:
        if settings:
            raise typer.BadParameter("needs --gan", param_hint="--gan-set")
        return None
    if preset not in GAN_PRESETS:
        raise typer.BadParameter(f"{preset!r} is none of {', '.join(GAN_PRESETS)}", param_hint="--gan")
    if named:
        raise typer.BadParameter("makes the sets itself: leave out --synthetic and --filtered", param_hint="--gan")
    config = GanTrainingConfig(preset=preset, epochs=DEFAULT_GAN_EPOCHS)
    try:
        set_fields(config, settings)
    except typer.BadParameter as error:
        error.param_hint = "--gan-set"
        raise
    return config


def parse_arms(texts: Sequence[str]) -> Sequence[str]:
    """The contract's names of `synthetic-only` and the like. Raises BadParameter."""
    if unknown := [text for text in texts if text not in _ARMS]:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {', '.join(_ARMS)}", param_hint="--arm")
    return [_ARMS[text] for text in texts]


def check_arms(
    arms: Sequence[str], shares: Sequence[float], *, generated: bool, synthetic: bool, filtered: bool
) -> None:
    """Raises BadParameter for an arm, by the contract's name, that will have images on none of these shares.

    `generated` says whether a GAN makes the sets, the others whether such sets are named instead.
    """
    lacking: dict[str, str] = {}
    if not (generated or synthetic):
        lacking |= dict.fromkeys(("ARM_SYNTHETIC", "ARM_BALANCED", "ARM_SYNTHETIC_ONLY"), "--gan or --synthetic")
    if not (generated or filtered):
        lacking["ARM_FILTERED"] = "--gan or --filtered"
    if min(shares) == 1:
        lacking["ARM_ORACLE"] = "a --fraction below 1, which leaves further real images"
    words = {name: word for word, name in _ARMS.items()}
    for arm in arms:
        if arm in lacking:
            raise typer.BadParameter(f"{words[arm]} needs {lacking[arm]}", param_hint="--arm")


def parse_ratios(ratios: Sequence[float]) -> Sequence[float]:
    """The ratios, from the smallest. Raises BadParameter for one that is out of range."""
    if not all(0 < ratio <= 10 for ratio in ratios):
        raise typer.BadParameter("must be in (0, 10]", param_hint="--ratio")
    return sorted(set(ratios))


def parse_sets(texts: Sequence[str], shares: Sequence[float], option: str) -> Mapping[float, Sequence[str]]:
    """The sets of `0.25=SET` and the like by fraction, each one of `shares`. Raises BadParameter."""
    found: dict[float, list[str]] = {}
    for text in texts:
        number, _, name = text.partition("=")
        try:
            share = float(number)
        except ValueError:
            share = 0.0
        if not name or share not in shares:
            known = ", ".join(f"{share:g}" for share in shares)
            raise typer.BadParameter(f"{text!r} must be FRACTION=SET, the fraction one of {known}", param_hint=option)
        found.setdefault(share, []).append(name)
    return found
