"""How the networks compute, as configured: what leaves them is float32, and torch.compile translates them."""

from typing import Any

from torch import Tensor, nn

from synthoscope.gan.config import GanConfig
from synthoscope.gan.families import Networks


def prepare(networks: Networks, config: GanConfig) -> None:
    """Readies new networks for training; names of tensors stay as they are.

    torch.compile cannot differentiate twice, so a discriminator with a penalty on its gradient is not translated.
    """
    if config.mixed_precision:
        for network in (networks.generator, networks.discriminator):
            network.register_forward_hook(_to_float32)
    if config.compile:
        networks.generator.compile()
        if not (config.r1 or config.r2 or config.gradient_penalty):
            networks.discriminator.compile()


def _to_float32(network: nn.Module, arguments: Any, output: Tensor | tuple[Tensor, ...]) -> Any:
    return tuple(each.float() for each in output) if isinstance(output, tuple) else output.float()
