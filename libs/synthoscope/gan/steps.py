"""One step of the alternating game: its random numbers, and both players' moves.

All random numbers of a step come from the seed and the step's number, drawn for the global batch; every worker takes
its slice. So neither the number of workers nor an interruption changes what is drawn.

Two workers give the very bits of one: one worker takes the global batch as two halves, as two workers would, and adds
their gradients. Without that, the order of sums differs by 1e-7, which the game between the networks makes 1e-3 within
twenty steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from synthoscope.gan import augmentation, layers
from synthoscope.gan.config import GanConfig
from synthoscope.gan.families import Batch, Family
from synthoscope.gan.plan import Part
from synthoscope.gan.players import Players, move
from synthoscope.training.parallel import World
from synthoscope.training.precision import lower_precision
from synthoscope.training.randomness import torch_generator


@dataclass(frozen=True)
class Data:
    """Training images, uint8 N×S×S×3, their class numbers, int64 N, and the classes' names."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]


def alternate(
    family: Family, players: Players, shards: Sequence[Batch], world: World, generator_moves: bool = True
) -> dict[str, Tensor]:
    """One step of both players, or of the discriminator alone; returns what this worker reports, scalars."""
    generator, discriminator = players.networks.generator, players.networks.discriminator
    decay, lower = players.config.weight_decay, players.config.mixed_precision

    # The generator's pass carries gradients only if the generator moves.
    with torch.set_grad_enabled(generator_moves), lower_precision(players.device, lower):
        generated = []
        for number, shard in enumerate(shards):
            layers.enter_shard(generator, number)
            generated.append(family.generate(generator, shard))

    # The discriminator learns to tell real from generated.
    judged = []
    with lower_precision(players.device, lower):
        for number, shard in enumerate(shards):
            layers.enter_shard(discriminator, number)
            judged.append(family.discriminator_loss(discriminator, shard, generated[number].detach()))
    _step(players.discriminator_optimizer, discriminator, [outcome.loss for outcome in judged], world, decay)
    family.end_discriminator_step(discriminator)

    # The generator learns to pass its images off as real.
    discriminator.requires_grad_(False)
    with torch.set_grad_enabled(generator_moves), lower_precision(players.device, lower):
        passed = []
        for number, shard in enumerate(shards):
            layers.enter_shard(discriminator, number)
            passed.append(family.generator_loss(discriminator, shard, generated[number]))
    if generator_moves:
        losses = [family.with_weights(generator, outcome.loss) for outcome in passed]
        _step(players.generator_optimizer, generator, losses, world, decay)
    discriminator.requires_grad_(True)

    for network in (generator, discriminator):
        layers.settle(network, world)
    return {
        name: torch.stack([outcome.metrics[name] for outcome in outcomes]).mean()
        for outcomes in (passed, judged)
        for name in outcomes[0].metrics
    }


def draw(
    config: GanConfig, family: Family, data: Data, part: Part, step: int, world: World, device: torch.device
) -> list[Batch]:
    """This worker's shards of the global batch of a step."""
    size = config.batch_size
    epoch, position = divmod(step - part.first_step, part.steps_per_epoch)
    order = torch.randperm(len(part.rows), generator=torch_generator(config.seed, "order", part.index, epoch)).numpy()
    rows = part.rows[order[position * size : (position + 1) * size]]
    numbers = family.draw(size, torch_generator(config.seed, "step", step))
    penalised = (step - part.first_step) % config.penalty_every == 0
    return [
        Batch(
            images=_mirrored(real_images(config, data.images[rows[mine]], device), numbers, mine),
            labels=torch.from_numpy(data.labels[rows[mine]]).to(device),
            numbers={name: values[mine].to(device) for name, values in numbers.items()},
            progress=part.progress(step),
            penalised=penalised,
        )
        for mine in _slices(size, world)
    ]


def real_images(config: GanConfig, pixels: NDArray[np.uint8], device: torch.device | None = None) -> Tensor:
    """Pixels, uint8 N×S×S×3, as float N×C×S×S in [-1, 1]: a mean over colours where C is 1."""
    images = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
    if not config.channels_last:
        images = images.contiguous()
    return images.mean(1, keepdim=True) if config.channels == 1 else images


def _mirrored(images: Tensor, numbers: Mapping[str, Tensor], mine: slice) -> Tensor:
    if "mirror" not in numbers:
        return images
    return augmentation.mirror(images, numbers["mirror"][mine].to(images.device))


def _step(
    optimizer: torch.optim.Optimizer, network: nn.Module, losses: Sequence[Tensor], world: World, decay: float
) -> None:
    """Moves a network along the mean gradient of the losses of all shards of all workers."""
    optimizer.zero_grad()
    for loss in losses:
        (loss / len(losses)).backward()  # type: ignore[no-untyped-call]
    world.average_gradients(network.parameters())
    move(optimizer, decay)


def _slices(global_batch: int, world: World) -> list[slice]:
    """A worker's part of the global batch; one that is alone takes what two workers would take."""
    if world.size > 1 or global_batch % 2:
        return [world.slice(global_batch)]
    return [World(rank, 2).slice(global_batch) for rank in range(2)]
