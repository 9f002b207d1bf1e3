"""Differentiable changes of what the discriminator sees (Zhao et al. 2020, "Differentiable augmentation").

All are safe for grey images: shift, cutout, brightness and contrast; none moves colours or mirrors. Each is applied to
an image with the same probability. Below about one half, what is changed does not leak into what is generated (Karras
et al. 2020). What a shift or a cutout uncovers is black, which medical images have at their borders anyway.
"""

import torch
from torch import Tensor

NUMBERS = 10
"""Random numbers, uniform in [0, 1), for each image: four that decide, six that say how much."""

SHIFT = 1 / 8
CUTOUT = 1 / 2
BRIGHTNESS = 0.5
CONTRAST = 0.5


def augment(images: Tensor, numbers: Tensor, probability: float) -> Tensor:
    """Images in [-1, 1], N×C×S×S, changed as numbers, N×10, say; unchanged, bit for bit, at probability 0."""
    if probability == 0:
        return images
    applied = (numbers[:, :4] < probability).to(images.dtype)
    amounts = (2 * numbers[:, 4:] - 1) * applied[:, [0, 0, 1, 1, 2, 3]]
    x = _shift(images + 1, amounts[:, 0], amounts[:, 1])
    x = x * _uncovered(x.shape[-1], numbers[:, 6:8], applied[:, 1]) - 1
    x = x + BRIGHTNESS / 2 * _per_image(amounts[:, 4])
    mean = x.mean((1, 2, 3), keepdim=True)
    return (x - mean) * (1 + CONTRAST * _per_image(amounts[:, 5])) + mean


def mirror(images: Tensor, numbers: Tensor) -> Tensor:
    """Images whose number, N in [0, 1), is below one half, mirrored left to right."""
    return torch.where(_per_image(numbers) < 0.5, images.flip(3), images)


def probability_at(progress: float, largest: float, ramp: float) -> float:
    """The probability after a share of the run, in [0, 1], when it grows to `largest` in the share `ramp`."""
    return largest if progress >= ramp else largest * progress / ramp


def _shift(images: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Shifts by whole pixels, as products with shift matrices: unlike gathering, that can be differentiated twice."""
    size = images.shape[-1]
    rows, columns = (_shift_matrix(size, (amount * SHIFT * size).round()) for amount in (down, right))
    return rows.unsqueeze(1) @ images @ columns.unsqueeze(1).transpose(2, 3)


def _shift_matrix(size: int, offsets: Tensor) -> Tensor:
    index = torch.arange(size, device=offsets.device, dtype=offsets.dtype)
    return (index.view(1, -1, 1) == index.view(1, 1, -1) + offsets.view(-1, 1, 1)).to(offsets.dtype)


def _uncovered(size: int, centres: Tensor, applied: Tensor) -> Tensor:
    """A mask, N×1×S×S, that is 0 in a square around the centre, N×2 in [0, 1), of the images it is applied to."""
    index = (torch.arange(size, device=centres.device, dtype=centres.dtype) + 0.5) / size
    near = (index.view(1, 1, -1) - centres.unsqueeze(2)).abs() <= CUTOUT / 2
    square = near[:, 0].unsqueeze(2) & near[:, 1].unsqueeze(1)
    return (1 - square.to(applied.dtype) * applied.view(-1, 1, 1)).unsqueeze(1)


def _per_image(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)
