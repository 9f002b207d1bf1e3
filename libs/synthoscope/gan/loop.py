"""The training loop of every family: resumable at any step, data-parallel (steps.py says how)."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthoscope.gan import sampling, steps, transfer
from synthoscope.gan.config import Conditioning, GanConfig
from synthoscope.gan.families import Family, family_of
from synthoscope.gan.families.family import along_cosine
from synthoscope.gan.history import History
from synthoscope.gan.plan import Part, plan
from synthoscope.gan.players import Players
from synthoscope.gan.quality import Meter, Quality, efficientnet
from synthoscope.gan.steps import Data
from synthoscope.gan.watch import LOOKS, Watch
from synthoscope.metrics.feature_extractor import FeatureExtractor
from synthoscope.rpc.errors import Cancelled
from synthoscope.training.callbacks import Checkpoint, LoopCallbacks, NoCallbacks, Picture, Report
from synthoscope.training.parallel import World
from synthoscope.training.randomness import derive_seed, torch_generator

GRID = 25
"""Images of a sample grid."""


def train(
    config: GanConfig,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    classes: Sequence[str],
    world: World | None = None,
    callbacks: LoopCallbacks | None = None,
    resume: Checkpoint | None = None,
    start: Mapping[str, Tensor] | None = None,
    extractor: Callable[[], FeatureExtractor] = efficientnet,
) -> None:
    """Trains a GAN from its start, or from a checkpoint of the same run; the callbacks get the last checkpoint.

    Args:
        config: How to train; `batch_size` is the global one.
        images: Training images, uint8 N×S×S×3, S the preset's image size.
        labels: Their class numbers, int64 N.
        classes: The classes' names.
        world: This worker's place among all; its process group must exist when there are several.
        callbacks: What to tell, and to ask whether to stop.
        resume: Where to go on.
        start: Tensors of another model version to start from (transfer.py), for generators that have not begun yet.
        extractor: Gives the features in which generated images are measured; asked for when they are first needed.

    Raises:
        Cancelled: The callbacks asked to stop.
        FailedPrecondition: A loss is not finite (the message names the step), there are too few images, or nothing
            of `start` fits.
    """
    world, callbacks = world or World(), callbacks or NoCallbacks()
    data = Data(images, labels, tuple(classes))
    parts = plan(config, labels, classes)
    total = parts[-1].end_step
    family = family_of(config, len(classes) if config.conditioning is Conditioning.CONDITIONAL else 0)
    finished, history, quality = _restore(resume)
    step = resume.step if resume else 0
    for part in parts:
        if step >= part.end_step:
            continue
        own = resume if step > part.first_step else None
        players, remark = _players(config, family, part, own, start)
        watch, meter = _watch(config, family, data, part, own), Meter(config, family, data, part, extractor)
        while step < part.end_step:
            if world.any(callbacks.should_stop()):
                raise Cancelled(f"stopped after step {step}")
            losses = _advance(config, family, players, data, part, step, world)
            step += 1
            before = watch.flags
            flags = _observe(config, family, players, watch, part, step, losses)
            history.add(step, total, losses | flags)
            measured = meter.due(step - part.first_step)
            if measured:
                _measure(players, part, step, meter, quality, world)
            if not world.is_first:
                continue
            metrics = losses | flags | quality.latest
            remark = remark or _remark(step, before, flags)
            callbacks.on_report(Report(step, total, step * config.batch_size, metrics, remark))
            remark = ""
            first = step == part.first_step + 1  # what the last ones are to be compared with
            if first or measured or step % config.sample_every == 0 or step == part.end_step:
                callbacks.on_pictures(step, sample_grids(config, family, players, part, data.classes))
            if step % config.checkpoint_every == 0 or step == total:
                tensors = {**finished, **players.tensors(part.index)}
                state = {"history": history.to_json(), "watch": watch.to_json(), "quality": quality.to_json()}
                callbacks.on_checkpoint(Checkpoint(step, tensors, state))
        finished |= players.weights(part.index)


def sample_grids(
    config: GanConfig, family: Family, players: Players, part: Part, classes: Sequence[str]
) -> list[Picture]:
    """A 5×5 grid for each class that the generator can be asked for, of the same latent vectors at every step."""
    latent = family.latent(GRID, torch_generator(config.seed, "grid"))
    network = players.published
    if config.conditioning is not Conditioning.CONDITIONAL:
        return [Picture(sampling.grid(family, network, latent), part.label)]
    return [
        Picture(sampling.grid(family, network, latent, torch.full((GRID,), number)), name)
        for number, name in enumerate(classes)
    ]


def _advance(
    config: GanConfig, family: Family, players: Players, data: Data, part: Part, step: int, world: World
) -> dict[str, float]:
    """Takes step number `step`; returns what it reports, averaged over the workers."""
    progress, done = part.progress(step), step - part.first_step
    if config.final_rate != 1:
        players.set_rates(along_cosine(progress, config.final_rate))
    family.begin_step(players.networks, progress)
    shards = steps.draw(config, family, data, part, step, world, players.device)
    moves = _generator_moves(config, done + 1)
    metrics = world.average(steps.alternate(family, players, shards, world, moves))
    players.update_average((done + 1) * config.batch_size)
    return metrics


def _generator_moves(config: GanConfig, done: int) -> bool:
    """Whether the generator moves in the step after which `done` of its part are done."""
    return done % config.critic_steps == 0


def _observe(
    config: GanConfig,
    family: Family,
    players: Players,
    watch: Watch,
    part: Part,
    step: int,
    losses: Mapping[str, float],
) -> dict[str, float]:
    """What the monitors say after a step."""
    done = step - part.first_step
    return watch.observe(family, players, losses, step, done, part.progress(step), _generator_moves(config, done))


def _remark(step: int, before: Mapping[str, float], flags: Mapping[str, float]) -> str:
    """What the monitors flag since this step; empty for nothing."""
    new = [name.replace("_", " ") for name, flag in flags.items() if flag > before[name]]
    return f"at step {step} its monitors found {', '.join(new)}" if new else ""


def _measure(players: Players, part: Part, step: int, meter: Meter, quality: Quality, world: World) -> None:
    """The first worker measures the published weights after a step, and keeps them if they are the best so far."""
    with world.first_works() as mine:
        if mine and quality.add(part, step, meter.measure(players.published)):
            players.keep_best()


def _watch(config: GanConfig, family: Family, data: Data, part: Part, resume: Checkpoint | None) -> Watch:
    """The monitors of a part, with real images to compare with: of each class that the generator knows apart."""
    groups = [part.rows[data.labels[part.rows] == number] for number in range(family.classes)] or [part.rows]
    real = {
        number: steps.real_images(config, data.images[rows[:: max(1, len(rows) // LOOKS)][:LOOKS]])
        for number, rows in enumerate(groups)
        if len(rows) > 1
    }
    return Watch.restored(real, resume.state.get("watch", {}) if resume else {})


def _players(
    config: GanConfig, family: Family, part: Part, resume: Checkpoint | None, start: Mapping[str, Tensor] | None
) -> tuple[Players, str]:
    """Both players of a part, new or as they were in a checkpoint, on the GPU if this process has one.

    And what to say of it: how much of `start` new ones took over.
    """
    nets = family.build(derive_seed(config.seed, "weights", part.index))
    players = Players.new(nets, config, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    if resume:
        players.load(part.index, resume.tensors)
    elif start:
        taken = transfer.adopt(players, start, part.index)
        shares = " and ".join(f"{share:.0%} of its {network}" for network, share in taken.items())
        return players, f"it started with the weights of {config.start_from or 'another'} in {shares}"
    return players, ""


def _restore(resume: Checkpoint | None) -> tuple[dict[str, Tensor], History, Quality]:
    """The weights of the parts that are finished, and the course of losses and measurements, of a checkpoint."""
    if resume is None:
        return {}, History(), Quality()
    weights = {name: tensor for name, tensor in resume.tensors.items() if not Players.is_moment(name)}
    quality = Quality.from_json(resume.state["quality"]) if "quality" in resume.state else Quality()
    return weights, History.from_json(resume.state["history"]), quality
