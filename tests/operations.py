"""What a network computes, in order, without a look at its source."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

KINDS = {
    "linear",
    "conv2d",
    "conv_transpose2d",
    "batch_norm",
    "group_norm",
    "relu",
    "leaky_relu",
    "tanh",
    "interpolate",
    "avg_pool2d",
}


class Operations(TorchFunctionMode):
    """Notes the name and the output's shape, without the batch, of every layer and activation that is computed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, tuple[int, ...]]] = []

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, arguments: Any = (), named: Any = None
    ) -> Any:
        output = function(*arguments, **(named or {}))
        name = getattr(function, "__name__", "")
        if name in KINDS:
            self.seen.append((name, tuple(output.shape[1:])))
        return output


def operations(network: nn.Module, *inputs: Tensor) -> list[tuple[str, tuple[int, ...]]]:
    """The operations of one pass; on the meta device it costs nothing."""
    with Operations() as noted, torch.no_grad():
        network(*inputs)
    return noted.seen


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
