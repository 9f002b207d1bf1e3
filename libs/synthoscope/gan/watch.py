"""Shows a run to the monitors: measures what they look at, and says in the progress metrics what they flag."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synthoscope.gan.families import Family
from synthoscope.gan.monitors import FLAGS, DiscriminatorSaturation, ModeCollapse, NotFinite, VanishingGradients
from synthoscope.gan.players import Players
from synthoscope.gan.sampling import evaluating
from synthoscope.training.randomness import torch_generator

LOOKS = 16
"""Images of each class whose diversity is measured."""

EVERY = 50
"""Steps between measurements of diversity."""

_SIDE = 16


@dataclass
class Watch:
    """The monitors of one generator's training. `real` are some images by class number, N×C×S×S in [-1, 1]."""

    real: Mapping[int, Tensor]
    collapse: ModeCollapse = field(default_factory=ModeCollapse)
    vanishing: VanishingGradients = field(default_factory=VanishingGradients)
    saturation: DiscriminatorSaturation = field(default_factory=DiscriminatorSaturation)
    finite: NotFinite = field(default_factory=NotFinite)

    def observe(
        self,
        family: Family,
        players: Players,
        metrics: Mapping[str, float],
        step: int,
        done: int,
        progress: float,
        moved: bool,
    ) -> dict[str, float]:
        """What to add to a step's metrics: for each monitor 1 if it flags the run now, else 0.

        `step` counts the run's steps, `done` this generator's. Raises FailedPrecondition when a number is not finite.
        """
        if moved:
            norm = gradient_norm(players.networks.generator)
            self.finite.observe({**metrics, "gradient_norm": norm}, step)
            self.vanishing.observe(norm)
        else:
            self.finite.observe(metrics, step)
        certainty = family.certainty(metrics)
        if certainty is not None:
            self.saturation.observe(certainty)
        if done % EVERY == 0:
            self.collapse.observe(self._share_of_diversity(family, players.published), progress)
        return self.flags

    @property
    def flags(self) -> dict[str, float]:
        """For each monitor 1 if it flags the run, else 0."""
        flagged = (self.collapse.flagged, self.vanishing.flagged, self.saturation.flagged)
        return {name: float(flag) for name, flag in zip(FLAGS, flagged, strict=True)}

    def to_json(self) -> dict[str, Any]:
        """What the monitors remember, as JSON values."""
        return {name: asdict(getattr(self, name)) for name in _REMEMBERING}

    @classmethod
    def restored(cls, real: Mapping[int, Tensor], values: Mapping[str, Any]) -> "Watch":
        """A watch that goes on from what `to_json` gave; from the start where it gave nothing."""
        remembered = {name: kind(**values[name]) for name, kind in _REMEMBERING.items() if name in values}
        return cls(real, **remembered)

    @torch.no_grad()
    def _share_of_diversity(self, family: Family, generator: nn.Module) -> float:
        """The diversity of generated images over that of real ones, in the class where it is least.

        One class may collapse while others do well. The latent vectors are the same each time.
        """
        device = next(generator.parameters()).device
        shares = []
        for number, images in self.real.items():
            latent = family.latent(len(images), torch_generator(family.config.seed, "watch", number)).to(device)
            labels = torch.full((len(images),), number, device=device) if family.classes else None
            with evaluating(generator):
                generated = diversity(family.sample(generator, latent, labels).clamp(-1, 1))
            real = diversity(images)
            shares.append(generated / real if real > 0 else 1.0)
        return min(shares, default=1.0)


_REMEMBERING: Mapping[str, Any] = {
    "collapse": ModeCollapse,
    "vanishing": VanishingGradients,
    "saturation": DiscriminatorSaturation,
}


def diversity(images: Tensor) -> float:
    """The mean distance between two of the images, N×C×S×S, after shrinking them to 16×16: how unlike they are."""
    small = F.adaptive_avg_pool2d(images.float().cpu(), min(_SIDE, images.shape[-1])).flatten(1)
    return torch.pdist(small).mean().item()


def gradient_norm(network: nn.Module) -> float:
    """The Euclidean norm of all gradients of a network together."""
    norms = [parameter.grad.norm() for parameter in network.parameters() if parameter.grad is not None]
    return torch.stack(norms).norm().item()
