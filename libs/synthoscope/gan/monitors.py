"""What goes wrong in GAN training, each recognised by a small class of its own; knows numbers, no networks.

A monitor is told of steps and says whether what it looks for is there now. What it remembers is in its fields, so that
it travels in a checkpoint as JSON and a resumed run flags what an undisturbed one would.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from synthoscope.rpc.errors import FailedPrecondition

FLAGS = ("mode_collapse", "vanishing_gradients", "discriminator_saturation")
"""The metrics that are 1 while a monitor flags a run, else 0."""


@dataclass
class ModeCollapse:
    """The generator makes nearly the same image again and again.

    `share` is the diversity of a fixed latent batch over that of as many real images, the last one measured, in the
    class where it is least. Below a fifth it is a collapse, once it has been twice as high or a quarter of the run is
    over: an untrained generator's images are all alike too.
    """

    share: float = 0.0
    best: float = 0.0
    flagged: bool = False

    LEAST = 0.2
    GRACE = 0.25

    def observe(self, share: float, progress: float) -> bool:
        """Whether the generator has collapsed, `progress` being the share of the run that is done, in [0, 1]."""
        self.share, self.best = share, max(self.best, share)
        grown_up = self.best >= 2 * self.LEAST or progress >= self.GRACE
        self.flagged = grown_up and share < self.LEAST
        return self.flagged


@dataclass
class VanishingGradients:
    """What the generator learns from has faded: its gradient's norm stays far below that of its first moves.

    Flagged while 20 moves in a row are below a ten-thousandth of the mean of the first 20.
    """

    moves: int = 0
    first_norms: float = 0.0
    faint: int = 0

    FIRST = 20
    IN_A_ROW = 20
    SHARE = 1e-4

    def observe(self, norm: float) -> bool:
        """Whether gradients have vanished, after a move with a gradient of this norm."""
        self.moves += 1
        if self.moves <= self.FIRST:
            self.first_norms += norm / self.FIRST
            return False
        self.faint = self.faint + 1 if norm <= self.SHARE * self.first_norms else 0
        return self.flagged

    @property
    def flagged(self) -> bool:
        """Whether they have."""
        return self.faint >= self.IN_A_ROW


@dataclass
class DiscriminatorSaturation:
    """The discriminator is always right and sure of it, so that the generator hears nothing but "no".

    Flagged while it has been surer than 99 % for 50 steps in a row.
    """

    sure: int = 0

    IN_A_ROW = 50
    CERTAINTY = 0.99

    def observe(self, certainty: float) -> bool:
        """Whether it is saturated, after a step in which it was right with this mean probability, in [0, 1]."""
        self.sure = self.sure + 1 if certainty > self.CERTAINTY else 0
        return self.flagged

    @property
    def flagged(self) -> bool:
        """Whether it is."""
        return self.sure >= self.IN_A_ROW


@dataclass(frozen=True)
class NotFinite:
    """A number that is NaN or infinite: nothing after it can be trusted, so the run ends."""

    def observe(self, metrics: Mapping[str, float], step: int) -> None:
        """Raises FailedPrecondition, naming the metric and the step, when one is not finite."""
        for name, value in metrics.items():
            if not math.isfinite(value):
                raise FailedPrecondition(
                    f"training diverged: {name} is {value} at step {step}; a lower config.learning_rate may help"
                )
