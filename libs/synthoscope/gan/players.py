"""The two networks with their optimisers and averaged weights, and how they are laid down as named tensors.

Names: `{part}.generator.{tensor}` and `{part}.discriminator.{tensor}` are weights and buffers,
`{part}.average.{tensor}` the generator's averaged ones, `{part}.best.{tensor}` those of the published generator when it
was measured best (quality.py); `{part}.generator_adam.{parameter}.{moment}` is the optimisers'
state, moments `step`, `exp_avg` and `exp_avg_sq`; with RMSprop `{part}.generator_rmsprop.…`, moments `step` and
`square_avg`.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from synthoscope.gan import numerics
from synthoscope.gan.config import GanConfig, Optimizer
from synthoscope.gan.families import Networks
from synthoscope.training.checkpoints import DamagedCheckpoint

_MOMENTS = {Optimizer.ADAM: ("step", "exp_avg", "exp_avg_sq"), Optimizer.RMSPROP: ("step", "square_avg")}

_RMSPROP_FORGETS, _RMSPROP_EPSILON = 0.9, 1e-7
"""Keras's, whose RMSprop the fourth seed paper uses; "wgan" has them too, where most take PyTorch's 0.99 and 1e-8."""

_YOUNG = 0.05
"""In a run's beginning the averaged weights' half-life is this share of the images seen (Karras et al. 2020)."""


@dataclass(frozen=True)
class Players:
    """A generator and a discriminator, each with its optimiser; the generator's average, None without one.

    `best` holds copies of the published generator's tensors, by name, as they were when `keep_best` was last called.
    """

    networks: Networks
    generator_optimizer: torch.optim.Optimizer
    discriminator_optimizer: torch.optim.Optimizer
    average: nn.Module | None
    config: GanConfig
    device: torch.device
    best: dict[str, Tensor] = field(default_factory=dict)

    @classmethod
    def new(cls, networks: Networks, config: GanConfig, device: torch.device) -> "Players":
        """Moves both networks to the device, readies them to compute as configured, gives them fresh optimisers."""
        for network in (networks.generator, networks.discriminator):
            network.to(device)
        average = copy.deepcopy(networks.generator).requires_grad_(False).eval() if config.ema_kimg else None
        numerics.prepare(networks, config)
        generator = _optimizer(networks.generator, config, config.learning_rate * config.generator_rate)
        return cls(
            networks,
            generator,
            _optimizer(networks.discriminator, config, config.learning_rate),
            average,
            config,
            device,
        )

    @property
    def published(self) -> nn.Module:
        """The generator whose images count: the averaged one if there is one."""
        return self.networks.generator if self.average is None else self.average

    def set_rates(self, factor: float) -> None:
        """Sets both learning rates to their configured values times a factor."""
        own = {"generator": self.config.generator_rate, "discriminator": 1.0}
        for player, _, optimizer in self._sides():
            for group in optimizer.param_groups:
                group["lr"] = self.config.learning_rate * own[player] * factor

    @torch.no_grad()
    def update_average(self, images_seen: int) -> None:
        """Moves the averaged weights after a step; the buffers are those of the generator."""
        if self.average is None:
            return
        half_life = min(1000 * self.config.ema_kimg, _YOUNG * images_seen)
        forgets = 1 - 0.5 ** (self.config.batch_size / half_life)
        generator = self.networks.generator
        for mean, parameter in zip(self.average.parameters(), generator.parameters(), strict=True):
            mean.lerp_(parameter, forgets)
        for copied, buffer in zip(self.average.buffers(), generator.buffers(), strict=True):
            copied.copy_(buffer)

    def keep_best(self) -> None:
        """Keeps a copy of the published generator as it is now, in place of the one before."""
        self.best.update({name: tensor.clone() for name, tensor in self.published.state_dict().items()})

    def weights(self, part: int) -> dict[str, Tensor]:
        """The networks' weights and buffers by name: views, which change with the next step."""
        networks = {"generator": self.networks.generator, "discriminator": self.networks.discriminator}
        if self.average is not None:
            networks["average"] = self.average
        return {
            f"{part}.{name}.{key}": tensor
            for name, network in networks.items()
            for key, tensor in network.state_dict().items()
        } | {f"{part}.best.{key}": tensor for key, tensor in self.best.items()}

    def tensors(self, part: int) -> dict[str, Tensor]:
        """Weights and optimiser state by name: views, which change with the next step."""
        moments = {
            f"{part}.{player}_{self.config.optimizer}.{name}.{moment}": optimizer.state[parameter][moment]
            for player, network, optimizer in self._sides()
            for name, parameter in network.named_parameters()
            if parameter in optimizer.state  # a generator that has not moved yet has no moments
            for moment in _MOMENTS[self.config.optimizer]
        }
        return self.weights(part) | moments

    def load(self, part: int, tensors: Mapping[str, Tensor]) -> None:
        """Takes over what `tensors` gave. Raises DamagedCheckpoint when they are of other networks or some miss."""
        try:
            self._load(part, tensors)
        except (KeyError, RuntimeError) as error:
            raise DamagedCheckpoint(f"the checkpoint's tensors are not those of preset {self.config.preset}") from error

    def _load(self, part: int, tensors: Mapping[str, Tensor]) -> None:
        for player, network, optimizer in self._sides():
            _load_network(network, tensors, f"{part}.{player}.")
            for name, parameter in network.named_parameters():
                prefix = f"{part}.{player}_{self.config.optimizer}.{name}."
                if f"{prefix}step" in tensors:
                    optimizer.state[parameter] = {
                        moment: self._moment(moment, parameter, tensors[prefix + moment])
                        for moment in _MOMENTS[self.config.optimizer]
                    }
        if self.average is not None:
            _load_network(self.average, tensors, f"{part}.average.")
        if any(name.startswith(f"{part}.best.") for name in tensors):
            best = copy.deepcopy(self.published)
            _load_network(best, tensors, f"{part}.best.")
            self.best.update(best.state_dict())

    @staticmethod
    def is_moment(name: str) -> bool:
        """Whether a tensor's name is that of optimiser state."""
        return name.split(".")[1].endswith(tuple(f"_{optimizer}" for optimizer in Optimizer))

    def _moment(self, moment: str, parameter: nn.Parameter, stored: Tensor) -> Tensor:
        if moment == "step":
            return stored.clone().to(self.device if self.config.optimizer is Optimizer.ADAM else "cpu")
        return torch.empty_like(parameter.detach()).copy_(stored)

    def _sides(self) -> list[tuple[str, nn.Module, torch.optim.Optimizer]]:
        return [
            ("generator", self.networks.generator, self.generator_optimizer),
            ("discriminator", self.networks.discriminator, self.discriminator_optimizer),
        ]


def move(optimizer: torch.optim.Optimizer, weight_decay: float) -> None:
    """An optimiser's step after its weights have decayed, apart from the gradient, as Keras's do."""
    if weight_decay:
        with torch.no_grad():
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    parameter.mul_(1 - group["lr"] * weight_decay)
    optimizer.step()


def _optimizer(network: nn.Module, config: GanConfig, learning_rate: float) -> torch.optim.Optimizer:
    if config.optimizer is Optimizer.ADAM:
        return torch.optim.Adam(network.parameters(), learning_rate, (config.beta1, config.beta2), fused=True)
    return torch.optim.RMSprop(network.parameters(), learning_rate, _RMSPROP_FORGETS, _RMSPROP_EPSILON)


def _load_network(network: nn.Module, tensors: Mapping[str, Tensor], prefix: str) -> None:
    network.load_state_dict({name: tensors[prefix + name] for name in network.state_dict()}, strict=True)
