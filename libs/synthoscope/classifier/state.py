"""All that a run of the training loop carries from epoch to epoch, and its form as a checkpoint."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor

from synthoscope.classifier.config import ClassifierConfig
from synthoscope.classifier.networks import SeedCnn, build_network, channels_last
from synthoscope.classifier.schedule import Schedule
from synthoscope.training.callbacks import Checkpoint
from synthoscope.training.checkpoints import DamagedCheckpoint

Curves = Mapping[str, tuple[float, ...]]
"""Values per epoch, from the first, by metric."""


@dataclass
class TrainingState:
    """Network and optimiser, which change in place, and what is known after `epoch` epochs and `step` steps."""

    network: SeedCnn
    optimiser: torch.optim.Adam
    best: dict[str, Tensor]
    schedule: Schedule
    epoch: int = 0
    step: int = 0
    images_seen: int = 0
    curves: Curves = field(default_factory=dict)

    @classmethod
    def fresh(cls, config: ClassifierConfig, classes: int, device: torch.device) -> "TrainingState":
        """The state before the first epoch; depends on the configuration's seed alone."""
        network = build_network(config.preset, classes, config.seed).to(device)
        optimiser = torch.optim.Adam(network.parameters(), lr=config.learning_rate, fused=True)
        return cls(network, optimiser, copy_weights(network), Schedule(config.learning_rate))

    def extend_curves(self, metrics: Mapping[str, float]) -> None:
        """Adds one epoch's values."""
        self.curves = {name: (*self.curves.get(name, ()), value) for name, value in metrics.items()}

    def follow(self, schedule: Schedule) -> None:
        """Takes a schedule over: remembers the weights when they are the best, sets the optimiser's rate."""
        if schedule.best_epoch == self.epoch:
            self.best = copy_weights(self.network)
        for group in self.optimiser.param_groups:
            group["lr"] = schedule.learning_rate
        self.schedule = schedule

    def checkpoint(self) -> Checkpoint:
        """The state as named tensors and JSON."""
        tensors = {f"network.{name}": value for name, value in copy_weights(self.network).items()}
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
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


def trained_network(config: ClassifierConfig, classes: int, checkpoint: Checkpoint) -> SeedCnn:
    """The network with its best weights, frozen, on the CPU."""
    network = build_network(config.preset, classes)
    network.load_state_dict(best_weights(checkpoint))
    return network.requires_grad_(False)


def curves_of(checkpoint: Checkpoint) -> dict[str, tuple[float, ...]]:
    """The curves up to the checkpoint."""
    return {name: tuple(values) for name, values in checkpoint.state["curves"].items()}


def copy_weights(network: SeedCnn) -> dict[str, Tensor]:
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
