"""What moves a network's weights: optimiser, learning rates of backbone and head, frozen parts, averaged weights."""

from collections.abc import Iterable

import torch
from torch import nn

from synthoscope.classifier.config import ALL_EPOCHS, ClassifierConfig, Optimizer
from synthoscope.classifier.networks.network import Network

_MOMENTUM = 0.9
_KERAS_ALPHA, _KERAS_EPSILON = 0.9, 1e-7


def build_optimiser(config: ClassifierConfig, network: Network) -> torch.optim.Optimizer:
    """The optimiser, with one group for the head and one, which learns at its own rate, for a backbone."""
    backbone = list(_backbone(network))
    ids = {id(parameter) for parameter in backbone}
    head = [parameter for parameter in network.parameters() if id(parameter) not in ids]
    groups = [{"params": head, "rate": 1.0}]
    if backbone:
        groups.append({"params": backbone, "rate": config.backbone_rate})
    decay = config.weight_decay
    match config.optimizer:
        case Optimizer.ADAM:
            return torch.optim.Adam(groups, config.learning_rate, weight_decay=decay, fused=True)
        case Optimizer.ADAMW:
            return torch.optim.AdamW(groups, config.learning_rate, weight_decay=decay, fused=True)
        case Optimizer.SGD:
            return torch.optim.SGD(
                groups, config.learning_rate, momentum=_MOMENTUM, nesterov=True, weight_decay=decay, fused=True
            )
        case Optimizer.RMSPROP:
            return torch.optim.RMSprop(groups, config.learning_rate, _KERAS_ALPHA, _KERAS_EPSILON, weight_decay=decay)


def set_learning_rate(optimiser: torch.optim.Optimizer, learning_rate: float) -> None:
    """Sets the head's rate; the backbone's follows."""
    for group in optimiser.param_groups:
        group["lr"] = learning_rate * group["rate"]


def is_frozen(config: ClassifierConfig, epoch: int) -> bool:
    """Whether the backbone stays as it is in an epoch, counted from 0."""
    return config.is_transfer and (config.frozen_epochs == ALL_EPOCHS or epoch < config.frozen_epochs)


def prepare(network: Network, *, frozen: bool) -> None:
    """Puts a network into training mode; a frozen backbone keeps its weights and its batch norms' statistics."""
    network.train().requires_grad_(True)
    if frozen:
        backbone = network.get_submodule("backbone")
        backbone.eval().requires_grad_(False)


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Moves averaged weights (Polyak & Juditsky 1992) after a step, counted from 1; buffers are those of the network.

    The first steps count more, so that the average soon forgets the random weights it began with.
    """
    decay = min(decay, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1.0 - decay)
    for copied, buffer in zip(average.buffers(), network.buffers(), strict=True):
        copied.copy_(buffer)


def running_statistics(network: nn.Module) -> list[torch.Tensor]:
    """The batch norms' running means and variances, which workers see different images for."""
    norms = (module for module in network.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d))
    return [norm.get_buffer(name) for norm in norms for name in ("running_mean", "running_var")]


def _backbone(network: Network) -> Iterable[nn.Parameter]:
    return network.get_submodule("backbone").parameters() if network.head_parts else ()
