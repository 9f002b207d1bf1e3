"""What each step got of the paper's amounts, and whether that is enough to judge a claim by."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from google.protobuf.json_format import MessageToDict

from synthoscope.api.models.v1.models_pb2 import ModelVersion
from synthoscope.gan import config as gan_config
from synthoscope.gan.config import Conditioning
from synthoscope.reproduction import sides
from synthoscope.reproduction.recipe import (
    Cell,
    Evaluated,
    Gan,
    Network,
    Recipe,
    Section,
    SyntheticImages,
    named_by,
    shown_in,
)
from synthoscope.reproduction.running import Results

FEWEST_GAN_STEPS = 500
"""Before which a generator has hardly begun."""


@dataclass(frozen=True)
class Amount:
    """In words, as a share of the paper's in (0, 1], and whether a claim can be judged by it."""

    text: str
    share: float
    enough: bool


def amounts(recipe: Recipe, results: Results) -> Mapping[str, Amount]:
    """Of every generator, synthetic set and network, by step."""
    found: dict[str, Amount] = {}
    for name, step in recipe.steps.items():
        match step:
            case Gan():
                found[name] = _at_side(_of_gan(name, step, results), results.gans[name], recipe)
            case SyntheticImages():
                made, asked = sum(results.sets[name].counts.values()), sum(step.counts.values())
                share = min(1.0, made / asked)
                found[name] = Amount(f"{made:,} of {asked:,} images", share, found[step.gan].enough)
            case Network():
                learned_enough = all(found[made].enough for made in step.synthetic)
                amount = _of_network(name, step, results, learned_enough)
                found[name] = _at_side(amount, results.networks[name][0], recipe)
    return found


def scaled(recipe: Recipe, results: Results) -> str:
    """What every figure of a run with less than the paper's amounts says; empty for a run of all of them."""
    plan, told = results.plan, []
    parts = {"generators": plan.generators, "synthetic images": plan.images, "classifiers": plan.classifiers}
    if shares := [f"{name} {100 * share:.2g} %" for name, share in parts.items() if share < 1]:
        told.append(f"scaled to {plan.minutes:g} minutes: of the paper's amounts, {', '.join(shares)}")
    if plan.one_seed:
        told.append("one seed of each classifier")
    if smaller := sides_told(recipe):
        told.append(smaller)
    return "; ".join(told)


def sides_told(recipe: Recipe) -> str:
    """That images are smaller than the paper's; empty where they are not."""
    return f"sides of images divided by {recipe.divisor}, down to {sides.LEAST} pixels" if recipe.divisor > 1 else ""


def told_of(section: Section, recipe: Recipe, of_paper: Mapping[str, Amount]) -> str:
    """How much of the paper's amounts the steps of a section got, those that they learned from included."""
    kinds: dict[str, list[str]] = {}
    for name in dict.fromkeys(with_sources(_measured(shown_in(section), recipe), recipe)):
        kind = {Gan: "generators", SyntheticImages: "synthetic images", Network: "classifiers"}.get(
            type(recipe.steps[name])
        )
        if kind and of_paper[name].text not in kinds.setdefault(kind, []):
            kinds[kind].append(of_paper[name].text)
    told = [f"{kind} {'; '.join(texts)}" for kind, texts in kinds.items()]
    return f"scaled: {'. '.join(told)}" if told else ""


def steps_behind(recipe: Recipe, cell: Cell) -> Iterator[str]:
    """The networks or synthetic images that a cell's value is of."""
    return _measured(named_by(cell), recipe)


def _measured(names: Iterable[str], recipe: Recipe) -> Iterator[str]:
    """The steps, and in place of measurements what they measure."""
    for name in names:
        step = recipe.steps[name]
        yield step.network if isinstance(step, Evaluated) else name


def _at_side(amount: Amount, model: ModelVersion, recipe: Recipe) -> Amount:
    """With the side in its words, where recipe's are smaller than the paper's."""
    return replace(amount, text=f"{amount.text} at {model.image_size} px") if recipe.divisor > 1 else amount


def _of_gan(name: str, step: Gan, results: Results) -> Amount:
    asked, got = step.config.epochs, results.plan.gan(step.config).epochs
    steps = max((int(curve.steps[-1]) for curve in results.gans[name].curves if curve.steps), default=0)
    share = min(1.0, got / asked)
    text = f"{got:,} of {asked:,} epochs, {steps:,} steps"
    if gan_config.from_message(step.config).conditioning is Conditioning.PER_CLASS:
        classes = max(1, len(results.versions[step.data].classes))
        steps, text = steps // classes, f"{text} of {classes} generators"
    return Amount(text, share, share == 1 or steps >= FEWEST_GAN_STEPS)


def _of_network(name: str, step: Network, results: Results, learned_enough: bool) -> Amount:
    asked, share = step.config.epochs, results.plan.share_of(step)
    epochs = asked * share
    if epochs >= 1:
        done = _epochs_done(name, results)
        early = ", stopped early" if done < round(epochs) else ""
        return Amount(f"{done:,} of {asked:,} epochs{early}", share, learned_enough)
    steps = int(MessageToDict(results.networks[name][0].config)["steps_per_epoch"])
    return Amount(f"{steps:,} steps, less than the first of {asked:,} epochs", share, enough=False)


def with_sources(steps: Iterable[str], recipe: Recipe) -> Iterator[str]:
    """The steps, each after the generators and synthetic images that it is made with."""
    for name in steps:
        step = recipe.steps[name]
        if isinstance(step, Network):
            yield from with_sources(step.synthetic, recipe)
        elif isinstance(step, SyntheticImages):
            yield step.gan
        yield name


def _epochs_done(name: str, results: Results) -> int:
    """Of the first seed."""
    curves = results.networks[name][0].curves
    return max((len(curve.values) for curve in curves if curve.metric == "validation_accuracy"), default=0)
