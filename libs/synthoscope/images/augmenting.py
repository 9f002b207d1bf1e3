"""Random changes of training images, a whole batch at once, on the CPU or a GPU.

Rotation, shear, shift, zoom, crop and flips are one resampling; brightness and contrast are one more pass.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from synthoscope.images.augmentation import Augmentation

_PIXELS_TOGETHER = 2**16
"""Pixels of a piece of a batch on the CPU: 768 KiB of numbers, which a core's own cache holds."""


@dataclass(frozen=True)
class Changes:
    """What happens to each image: `affine` N×2×3 from output to input coordinates in [-1, 1], `brightness` N.

    `contrast` N, or None when it stays as it is.
    """

    affine: Tensor
    brightness: Tensor
    contrast: Tensor | None = None

    def part(self, rows: slice) -> "Changes":
        """The changes of some of the images."""
        contrast = None if self.contrast is None else self.contrast[rows]
        return Changes(self.affine[rows], self.brightness[rows], contrast)


def draw_changes(augmentation: Augmentation, batch: int, generator: torch.Generator) -> Changes:
    """Changes for a batch, uniform within the bounds, the same on every device.

    All numbers are drawn whatever is switched off, so that switching one change off leaves the others as they were.
    """
    angle, shear, shift_x, shift_y, brightness = torch.rand(5, batch, generator=generator) * 2 - 1
    mirrored = torch.rand(batch, generator=generator) < 0.5
    zoom, contrast = torch.rand(2, batch, generator=generator) * 2 - 1
    flipped = torch.rand(batch, generator=generator) < 0.5
    cut, place = torch.rand(2, batch, 2, generator=generator)
    angle = torch.deg2rad(angle * augmentation.rotation_degrees)
    shear = torch.deg2rad(shear * augmentation.shear_degrees)
    # As in Keras: the shear leans the vertical axis, after the rotation.
    rows = [
        [torch.cos(angle), -torch.sin(angle + shear), 2 * augmentation.width_shift * shift_x],
        [torch.sin(angle), torch.cos(angle + shear), 2 * augmentation.height_shift * shift_y],
    ]
    affine = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
    affine[:, :, :2] /= (1.0 + augmentation.zoom * zoom)[:, None, None]
    if augmentation.horizontal_flip:
        affine[:, :, 0] *= torch.where(mirrored, -1.0, 1.0)[:, None]
    if augmentation.vertical_flip:
        affine[:, :, 1] *= torch.where(flipped, -1.0, 1.0)[:, None]
    if augmentation.crop:
        # Last, so of what the other changes would have left: x ↦ A (k x + c) + t, with the cut in (width, height).
        cut = augmentation.crop * cut
        affine[:, :, 2] += (affine[:, :, :2] * (cut * (2 * place - 1))[:, None]).sum(dim=2)
        affine[:, :, :2] *= (1.0 - cut)[:, None]
    return Changes(
        affine,
        1.0 + augmentation.brightness * brightness,
        1.0 + augmentation.contrast * contrast if augmentation.contrast else None,
    )


def apply_changes(images: Tensor, changes: Changes) -> Tensor:
    """The changed images: float32 N×3×H×W in [0, 1], channels last in memory.

    Bilinear; what comes in from outside repeats the border. Contrast is about each image's own mean.
    """
    changed = torch.empty_like(images, memory_format=torch.channels_last)
    if images.is_cuda:
        return changed.copy_(_changed(images, changes))
    # Grey pictures in three equal channels are what there is most of: one channel is changed, and holds for all.
    first, second, third = images.unbind(1)
    source = first[:, None] if torch.equal(first, second) and torch.equal(first, third) else images
    piece = max(1, _PIXELS_TOGETHER // (images.shape[2] * images.shape[3]))
    for start in range(0, len(images), piece):
        rows = slice(start, start + piece)
        # Resampling reads along slanted lines: from a copy, which the cache has just seen, that takes half the time.
        near = source[rows].clone(memory_format=torch.channels_last)
        changed[rows] = _changed(near, changes.part(rows))
    return changed


def sampling_grid(affine: Tensor, height: int, width: int) -> Tensor:
    """Where each output pixel is taken from, N×H×W×2 (x, y) in [-1, 1], of `affine` N×2×3.

    What `affine_grid` gives with align_corners=False but for rounding, without its slow product of thin matrices.
    """
    x, y = (torch.linspace(-1, 1, side, device=affine.device) * (side - 1) / side for side in (width, height))
    of_x, of_y, shift = (affine[:, :, column, None, None] for column in range(3))
    return (x * of_x + y[:, None] * of_y).add_(shift).permute(0, 2, 3, 1)


def _changed(images: Tensor, changes: Changes) -> Tensor:
    grid = sampling_grid(changes.affine.to(images.device), images.shape[2], images.shape[3])
    moved = F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    brightness = _per_image(changes.brightness, images)
    if changes.contrast is None:
        return moved.mul_(brightness).clamp_(0.0, 1.0)
    contrast = _per_image(changes.contrast, images)
    mean = moved.mean(dim=(1, 2, 3), keepdim=True)
    return moved.mul_(brightness * contrast).add_(mean * brightness * (1.0 - contrast)).clamp_(0.0, 1.0)


def _per_image(values: Tensor, images: Tensor) -> Tensor:
    return values.to(images.device)[:, None, None, None]
