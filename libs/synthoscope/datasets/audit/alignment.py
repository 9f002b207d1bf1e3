"""Lays one picture over another: affine, with brightness and contrast.

Lucas–Kanade, inverse compositional: S. Baker, I. Matthews, "Lucas–Kanade 20 Years On", IJCV 56(3), 2004. Pictures are
float32 tensors, batch × side × side; affine maps batch × 2 × 3, in coordinates from -1 to 1, from the fixed picture's
to the moving one's.
"""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

BORDER = 0.06
"""How much of every side, in half sides, is left out of comparisons: what cropping and turning by a little touch."""

_DAMPING = 1e-4
_LARGEST_STEP = 0.1


def identity(count: int) -> Tensor:
    """Maps that change nothing."""
    return torch.eye(2, 3).expand(count, 2, 3)


def warp(moving: Tensor, maps: Tensor, outside: str = "border") -> tuple[Tensor, Tensor]:
    """The moving pictures where the maps lead, and weights: 1 where both pictures are known, off the border, else 0.

    Outside of the picture lies its "border", or "zeros".
    """
    count, side, _ = moving.shape
    # What F.affine_grid gives, in a fraction of its time, which for pictures as small as these goes into many products.
    x, y = _coordinates(side)
    grid = (maps[:, :, :1] * x + maps[:, :, 1:2] * y + maps[:, :, 2:]).view(count, 2, side, side)
    warped = F.grid_sample(moving[:, None], grid.permute(0, 2, 3, 1), padding_mode=outside, align_corners=False)[:, 0]
    return warped, (grid.abs().amax(1) <= 1 - 1 / side) * _inner(side)


def align(fixed: Tensor, moving: Tensor, maps: Tensor, steps: int) -> Tensor:
    """Better maps, after so many Gauss–Newton steps."""
    basis = _basis(fixed)
    for _ in range(steps):
        warped, weights = warp(moving, maps)
        weighted = basis * weights.flatten(1)[:, None]
        normal = weighted @ basis.transpose(1, 2)
        normal = normal + torch.diag_embed(normal.diagonal(dim1=1, dim2=2) * _DAMPING + 1e-6)
        solution = torch.linalg.solve(normal, weighted @ warped.flatten(1)[:, :, None])[:, :, 0]
        step = solution[:, 2:] / solution[:, :1].clamp_min(0.1)
        maps = _compose(maps, step.clamp(-_LARGEST_STEP, _LARGEST_STEP))
    return maps


def _basis(fixed: Tensor) -> Tensor:
    """The picture, a constant, and how the picture changes with each number of the map: batch × 8 × pixels."""
    x, y = _coordinates(fixed.shape[-1])
    across = F.pad(fixed[:, :, 2:] - fixed[:, :, :-2], (1, 1)).flatten(1) * (fixed.shape[-1] / 4)
    down = F.pad(fixed[:, 2:] - fixed[:, :-2], (0, 0, 1, 1)).flatten(1) * (fixed.shape[-1] / 4)
    flat = fixed.flatten(1)
    return torch.stack([flat, torch.ones_like(flat), across * x, across * y, across, down * x, down * y, down], dim=1)


def _compose(maps: Tensor, step: Tensor) -> Tensor:
    last = torch.tensor([[[0.0, 0.0, 1.0]]]).expand(len(maps), 1, 3)
    moved = torch.cat([identity(len(maps)) + step.reshape(-1, 2, 3), last], dim=1)
    return (torch.cat([maps, last], dim=1) @ torch.linalg.inv(moved))[:, :2]


@lru_cache
def _coordinates(side: int) -> tuple[Tensor, Tensor]:
    centres = (torch.arange(side) + 0.5) * (2 / side) - 1
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    return x.flatten(), y.flatten()


@lru_cache
def _inner(side: int) -> Tensor:
    x, y = _coordinates(side)
    return ((x.abs() < 1 - BORDER) & (y.abs() < 1 - BORDER)).float().reshape(side, side)
