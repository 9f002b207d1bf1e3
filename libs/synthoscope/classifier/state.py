"""All that a run of the training loop carries from epoch to epoch, and its form as a checkpoint."""

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor

from synthoscope.classifier.config import ClassifierConfig
from synthoscope.classifier.networks import Network, build_network
from synthoscope.classifier.networks.network import channels_last
from synthoscope.classifier.optimisation import build_optimiser, set_learning_rate, update_average
from synthoscope.classifier.schedule import Schedule
from synthoscope.training.callbacks import Checkpoint
from synthoscope.training.checkpoints import DamagedCheckpoint

Curves = Mapping[str, tuple[float, ...]]
"""Values per epoch, from the first, by metric."""


@dataclass
class TrainingState:
    """Network and optimiser, which change in place, and what is known after `epoch` epochs and `step` steps.

    `average` is the network with averaged weights, None without; `best` has the weights of the best epoch.
    """

    config: ClassifierConfig
    network: Network
    optimiser: torch.optim.Optimizer
    average: Network | None
    best: dict[str, Tensor]
    schedule: Schedule
    epoch: int = 0
    step: int = 0
    images_seen: int = 0
    curves: Curves = field(default_factory=dict)

    @classmethod
    def fresh(cls, config: ClassifierConfig, network: Network) -> "TrainingState":
        """The state before the first epoch of a network as it was built."""
        average = copy.deepcopy(network).requires_grad_(False).eval() if config.ema_decay else None
        schedule = Schedule(config.learning_rate)
        return cls(config, network, build_optimiser(config, network), average, copy_weights(network), schedule)

    @property
    def published(self) -> Network:
        """The network that is validated and published: the averaged one if there is one."""
        return self.network if self.average is None else self.average

    def stepped(self, images: int) -> None:
        """Counts an optimiser step and moves the average."""
        self.step += 1
        self.images_seen += images
        if self.average is not None:
            update_average(self.average, self.network, self.config.ema_decay, self.step)

    def extend_curves(self, metrics: Mapping[str, float]) -> None:
        """Adds one epoch's values."""
        self.curves = {name: (*self.curves.get(name, ()), value) for name, value in metrics.items()}

    def follow(self, schedule: Schedule) -> None:
        """Takes a schedule over: remembers the weights when they are the best, sets the optimiser's rate."""
        if schedule.best_epoch == self.epoch:
            self.best = copy_weights(self.published)
        set_learning_rate(self.optimiser, schedule.learning_rate)
        self.schedule = schedule

    def checkpoint(self) -> Checkpoint:
        """The state as named tensors and JSON."""
        tensors = {f"network.{name}": value for name, value in copy_weights(self.network).items()}
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
        if self.average is not None:
            tensors |= {f"average.{name}": value for name, value in copy_weights(self.average).items()}
        for index, moments in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": value.detach().clone() for name, value in moments.items()}
        state = {
            "epoch": self.epoch,
            "images_seen": self.images_seen,
            "schedule": asdict(self.schedule),
            "curves": {name: list(values) for name, values in self.curves.items()},
        }
        return Checkpoint(self.step, tensors, state)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Takes a checkpoint's state over. Raises DamagedCheckpoint when it is not one of this network."""
        try:
            self.network.load_state_dict(select(checkpoint.tensors, "network."))
            if self.average is not None:
                self.average.load_state_dict(select(checkpoint.tensors, "average."))
            groups = self.optimiser.state_dict()["param_groups"]
            moments = _optimiser_state(select(checkpoint.tensors, "optimiser."))
            self.optimiser.load_state_dict({"state": moments, "param_groups": groups})
            self.epoch, self.step = checkpoint.state["epoch"], checkpoint.step
            self.images_seen = checkpoint.state["images_seen"]
            self.curves = curves_of(checkpoint)
            best = best_weights(checkpoint)
            self.follow(Schedule(**checkpoint.state["schedule"]))
            self.best = best
        except (KeyError, RuntimeError, ValueError, TypeError) as error:
            raise DamagedCheckpoint("the checkpoint does not fit the network that it is to resume") from error


def best_weights(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """The network's weights of the epoch with the lowest validation loss."""
    return select(checkpoint.tensors, "best.")


def trained_network(config: ClassifierConfig, outputs: int, checkpoint: Checkpoint) -> Network:
    """The network with its best weights, frozen, in evaluation mode, on the CPU."""
    network = network_of(config, outputs)
    network.load_state_dict(best_weights(checkpoint))
    return network.requires_grad_(False).eval()


def network_of(config: ClassifierConfig, outputs: int) -> Network:
    """A configuration's network with random weights."""
    return build_network(config.preset, outputs, config.seed, config.image_size, config.head, config.output)


def curves_of(checkpoint: Checkpoint) -> dict[str, tuple[float, ...]]:
    """The curves up to the checkpoint."""
    return {name: tuple(values) for name, values in checkpoint.state["curves"].items()}


def copy_weights(network: Network) -> dict[str, Tensor]:
    """A network's weights as they are now."""
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def select(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose name starts with a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _optimiser_state(tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    """The optimiser's state; laid out as the weights are, which the fused optimiser takes for granted."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, _, moment = name.partition(".")
        state.setdefault(int(index), {})[moment] = channels_last(value)
    return state
