"""The training loop: the first seed paper's alternating scheme, data-parallel, resumable at any step.

All random numbers of a step come from the seed and the step's number, drawn for the global batch; every worker takes
its slice. So neither the number of workers nor an interruption changes what is drawn.

Two workers give the very bits of one: one worker takes the global batch as two halves, as two workers would, and adds
their gradients. Without that, the order of sums differs by 1e-7, which the game between the networks makes 1e-3 within
twenty steps.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from synthoscope.gan import networks, sampling
from synthoscope.gan.config import Conditioning, GanConfig
from synthoscope.gan.history import History
from synthoscope.gan.losses import generated_is_generated, generated_is_real, real_is_real
from synthoscope.gan.networks import LATENT_SIZE, Networks
from synthoscope.gan.plan import Part, plan
from synthoscope.gan.players import Players
from synthoscope.rpc.errors import Cancelled, FailedPrecondition
from synthoscope.training.callbacks import Checkpoint, LoopCallbacks, NoCallbacks, Picture, Report
from synthoscope.training.parallel import World
from synthoscope.training.randomness import derive_seed, torch_generator

GRID = 25
"""Images of a sample grid."""


@dataclass(frozen=True)
class Data:
    """Training images, uint8 N×S×S×3, their class numbers, int64 N, and the classes' names."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Batch:
    """A shard of a step's batch: real images in [-1, 1], their labels, latent vectors and three dropout masks."""

    images: Tensor
    labels: Tensor
    latent: Tensor
    keep: tuple[Tensor, Tensor, Tensor]


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
    finished, history = _restore(config, resume)
    step = resume.step if resume else 0
    for part in parts:
        if step >= part.end_step:
            continue
        players = _players(config, data, part, resume if step > part.first_step else None)
        while step < part.end_step:
            if world.any(callbacks.should_stop()):
                raise Cancelled(f"stopped after step {step}")
            losses = world.average(alternate(players, _draw(config, data, part, step, world, players.device), world))
            step += 1
            _check_finite(losses, step)
            history.add(step, total, losses)
            if not world.is_first:
                continue
            callbacks.on_report(Report(step, total, step * config.batch_size, losses))
            if step % config.sample_every == 0 or step == part.end_step:
                callbacks.on_pictures(step, sample_grids(config, players.networks, part, data.classes))
            if step % config.checkpoint_every == 0 or step == total:
                tensors = {**finished, **players.tensors(part.index)}
                callbacks.on_checkpoint(Checkpoint(step, tensors, {"history": history.to_json()}))
        finished |= players.weights(part.index)


def alternate(players: Players, shards: Sequence[Batch], world: World) -> dict[str, Tensor]:
    """One step of both players; returns this worker's losses and mean probabilities of being real, scalars."""
    generator, discriminator = players.networks.generator, players.networks.discriminator
    generated = [generator(shard.latent, shard.labels) for shard in shards]
    pairs = list(zip(shards, generated, strict=True))

    # The discriminator learns to tell real from generated.
    on_real = [discriminator(shard.images, shard.labels, shard.keep[0]) for shard in shards]
    on_generated = [discriminator(images.detach(), shard.labels, shard.keep[1]) for shard, images in pairs]
    discriminator_losses = [
        real_is_real(real) + generated_is_generated(fake) for real, fake in zip(on_real, on_generated, strict=True)
    ]
    _step(players.discriminator_optimizer, discriminator, discriminator_losses, world)

    # The generator learns to pass its images off as real.
    discriminator.requires_grad_(False)
    generator_losses = [
        generated_is_real(discriminator(images, shard.labels, shard.keep[2])) for shard, images in pairs
    ]
    _step(players.generator_optimizer, generator, generator_losses, world)
    discriminator.requires_grad_(True)

    return {
        "generator_loss": _mean(generator_losses),
        "discriminator_loss": _mean(discriminator_losses),
        "real_probability": _mean([torch.sigmoid(logits).mean() for logits in on_real]),
        "generated_probability": _mean([torch.sigmoid(logits).mean() for logits in on_generated]),
    }


def sample_grids(config: GanConfig, nets: Networks, part: Part, classes: Sequence[str]) -> list[Picture]:
    """A 5×5 grid for each class that the generator can be asked for, of the same latent vectors at every step."""
    latent = torch.randn(GRID, LATENT_SIZE, generator=torch_generator(config.seed, "grid"))
    if config.conditioning is not Conditioning.CONDITIONAL:
        return [Picture(sampling.grid(nets.generator, latent), part.label)]
    return [
        Picture(sampling.grid(nets.generator, latent, torch.full((GRID,), number)), name)
        for number, name in enumerate(classes)
    ]


def _step(optimizer: torch.optim.Optimizer, network: nn.Module, losses: Sequence[Tensor], world: World) -> None:
    """Moves a network along the mean gradient of the losses of all shards of all workers."""
    optimizer.zero_grad()
    for loss in losses:
        (loss / len(losses)).backward()  # type: ignore[no-untyped-call]
    world.average_gradients(network.parameters())
    optimizer.step()


def _mean(values: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(values)).mean()


def _draw(config: GanConfig, data: Data, part: Part, step: int, world: World, device: torch.device) -> list[Batch]:
    """This worker's shards of the global batch of a step."""
    size = config.batch_size
    epoch, position = divmod(step - part.first_step, part.steps_per_epoch)
    order = torch.randperm(len(part.rows), generator=torch_generator(config.seed, "order", part.index, epoch)).numpy()
    rows = part.rows[order[position * size : (position + 1) * size]]
    numbers = torch_generator(config.seed, "step", step)
    latent = torch.randn(size, LATENT_SIZE, generator=numbers)
    masks = [networks.dropout_mask(size, networks.feature_count(config.image_size), numbers) for _ in range(3)]
    shards = []
    for mine in _slices(size, world):
        pixels = torch.from_numpy(data.images[rows[mine]]).to(device).permute(0, 3, 1, 2)
        labels = torch.from_numpy(data.labels[rows[mine]]).to(device)
        keep = (masks[0][mine].to(device), masks[1][mine].to(device), masks[2][mine].to(device))
        shards.append(Batch(pixels.float() / 127.5 - 1, labels, latent[mine].to(device), keep))
    return shards


def _slices(global_batch: int, world: World) -> list[slice]:
    """A worker's part of the global batch; one that is alone takes what two workers would take."""
    if world.size > 1 or global_batch % 2:
        return [world.slice(global_batch)]
    return [World(rank, 2).slice(global_batch) for rank in range(2)]


def _players(config: GanConfig, data: Data, part: Part, resume: Checkpoint | None) -> Players:
    """Both players of a part, new or as they were in a checkpoint, on the GPU if this process has one."""
    classes = len(data.classes) if config.conditioning is Conditioning.CONDITIONAL else 0
    nets = networks.build(config.preset, classes, derive_seed(config.seed, "weights", part.index))
    players = Players.new(nets, config, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    if resume:
        players.load(part.index, resume.tensors)
    return players


def _restore(config: GanConfig, resume: Checkpoint | None) -> tuple[dict[str, Tensor], History]:
    """The weights of the parts that are finished, and the history, of a checkpoint."""
    if resume is None:
        return {}, History()
    weights = {name: tensor for name, tensor in resume.tensors.items() if not Players.is_moment(name)}
    return weights, History.from_json(resume.state["history"])


def _check_finite(losses: dict[str, float], step: int) -> None:
    for name, value in losses.items():
        if not math.isfinite(value):
            raise FailedPrecondition(
                f"training diverged: {name} is {value} at step {step}; a lower config.learning_rate may help"
            )
