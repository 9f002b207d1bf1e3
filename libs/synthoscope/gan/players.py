"""The two networks with their optimisers, and how they are laid down as named tensors.

Names: `{part}.generator.{parameter}` and `{part}.discriminator.{parameter}` are weights;
`{part}.generator_adam.{parameter}.{moment}` is the optimisers' state, moments `step`, `exp_avg` and `exp_avg_sq`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from synthoscope.gan.config import GanConfig
from synthoscope.gan.networks import Networks

_BETA2 = 0.999
"""Adam's second decay rate: not printed in the paper; the default everywhere."""

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class Players:
    """A generator and a discriminator, each with its Adam optimiser."""

    networks: Networks
    generator_optimizer: torch.optim.Adam
    discriminator_optimizer: torch.optim.Adam
    device: torch.device

    @classmethod
    def new(cls, networks: Networks, config: GanConfig, device: torch.device) -> "Players":
        """Moves both networks to the device and gives them fresh optimisers."""

        def adam(network: nn.Module) -> torch.optim.Adam:
            network.to(device)
            return torch.optim.Adam(network.parameters(), config.learning_rate, (config.beta1, _BETA2), fused=True)

        return cls(networks, adam(networks.generator), adam(networks.discriminator), device)

    def weights(self, part: int) -> dict[str, Tensor]:
        """Both networks' weights by name: views, which change with the next step."""
        return {
            f"{part}.{player}.{name}": tensor
            for player, network, _ in self._sides()
            for name, tensor in network.state_dict().items()
        }

    def tensors(self, part: int) -> dict[str, Tensor]:
        """Weights and optimiser state by name: views, which change with the next step."""
        moments = {
            f"{part}.{player}_adam.{name}.{moment}": optimizer.state[parameter][moment]
            for player, network, optimizer in self._sides()
            for name, parameter in network.named_parameters()
            for moment in _MOMENTS
        }
        return self.weights(part) | moments

    def load(self, part: int, tensors: Mapping[str, Tensor]) -> None:
        """Takes over what `tensors` gave."""
        for player, network, optimizer in self._sides():
            network.load_state_dict(
                {name: tensors[f"{part}.{player}.{name}"] for name in network.state_dict()}, strict=True
            )
            for name, parameter in network.named_parameters():
                stored = {moment: tensors[f"{part}.{player}_adam.{name}.{moment}"] for moment in _MOMENTS}
                optimizer.state[parameter] = {
                    "step": stored["step"].clone().to(self.device),
                    "exp_avg": torch.empty_like(parameter).copy_(stored["exp_avg"]),
                    "exp_avg_sq": torch.empty_like(parameter).copy_(stored["exp_avg_sq"]),
                }

    @staticmethod
    def is_moment(name: str) -> bool:
        """Whether a tensor's name is that of optimiser state."""
        return name.split(".")[1].endswith("_adam")

    def _sides(self) -> list[tuple[str, nn.Module, torch.optim.Adam]]:
        return [
            ("generator", self.networks.generator, self.generator_optimizer),
            ("discriminator", self.networks.discriminator, self.discriminator_optimizer),
        ]
