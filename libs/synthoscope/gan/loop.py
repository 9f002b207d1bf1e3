"""The training loop of every family: resumable at any step, data-parallel (steps.py says how)."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthoscope.gan import sampling, steps
from synthoscope.gan.config import Conditioning, GanConfig
from synthoscope.gan.families import Family, family_of
from synthoscope.gan.families.family import along_cosine
from synthoscope.gan.history import History
from synthoscope.gan.plan import Part, plan
from synthoscope.gan.players import Players
from synthoscope.gan.steps import Data
from synthoscope.rpc.errors import Cancelled, FailedPrecondition
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

    Raises:
        Cancelled: The callbacks asked to stop.
        FailedPrecondition: A loss is not finite (the message names the step), or there are too few images.
    """
    world, callbacks = world or World(), callbacks or NoCallbacks()
    data = Data(images, labels, tuple(classes))
    parts = plan(config, labels, classes)
    total = parts[-1].end_step
    family = family_of(config, len(classes) if config.conditioning is Conditioning.CONDITIONAL else 0)
    finished, history = _restore(resume)
    step = resume.step if resume else 0
    for part in parts:
        if step >= part.end_step:
            continue
        players = _players(config, family, part, resume if step > part.first_step else None)
        while step < part.end_step:
            if world.any(callbacks.should_stop()):
                raise Cancelled(f"stopped after step {step}")
            losses = _advance(config, family, players, data, part, step, world)
            step += 1
            _check_finite(losses, step)
            history.add(step, total, losses)
            if not world.is_first:
                continue
            callbacks.on_report(Report(step, total, step * config.batch_size, losses))
            if step % config.sample_every == 0 or step == part.end_step:
                callbacks.on_pictures(step, sample_grids(config, family, players, part, data.classes))
            if step % config.checkpoint_every == 0 or step == total:
                tensors = {**finished, **players.tensors(part.index)}
                callbacks.on_checkpoint(Checkpoint(step, tensors, {"history": history.to_json()}))
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
    moves = (done + 1) % config.critic_steps == 0
    metrics = world.average(steps.alternate(family, players, shards, world, moves))
    players.update_average((done + 1) * config.batch_size)
    return metrics


def _players(config: GanConfig, family: Family, part: Part, resume: Checkpoint | None) -> Players:
    """Both players of a part, new or as they were in a checkpoint, on the GPU if this process has one."""
    nets = family.build(derive_seed(config.seed, "weights", part.index))
    players = Players.new(nets, config, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    if resume:
        players.load(part.index, resume.tensors)
    return players


def _restore(resume: Checkpoint | None) -> tuple[dict[str, Tensor], History]:
    """The weights of the parts that are finished, and the history, of a checkpoint."""
    if resume is None:
        return {}, History()
    weights = {name: tensor for name, tensor in resume.tensors.items() if not Players.is_moment(name)}
    return weights, History.from_json(resume.state["history"])


def _check_finite(losses: Mapping[str, float], step: int) -> None:
    for name, value in losses.items():
        if not math.isfinite(value):
            raise FailedPrecondition(
                f"training diverged: {name} is {value} at step {step}; a lower config.learning_rate may help"
            )
