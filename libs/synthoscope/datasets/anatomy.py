"""The anatomy of a drawn brain slice, and the lesions that can be laid into it.

Lengths are in halves of the image's side; intensities are relative, about 0 (air, bone) to 1 (fat).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthoscope.datasets.fields import Field, Random, smooth_noise


@dataclass(frozen=True)
class Head:
    """Coordinates of every pixel (fields of size × size) in the head's own frame.

    `x` to the right and `y` down are lengths; `depth` is 0 at the centre and 1 at the skin in every direction; `brain`
    is the depth at which the brain ends; `width` and `height` are the half-axes; `pixel` is the length of a pixel.
    """

    x: Field
    y: Field
    depth: Field
    brain: float
    width: float
    height: float
    pixel: float

    def inside(self, depth: float) -> Field:
        """1 nearer to the centre than `depth`, 0 farther out, with an edge of about a pixel."""
        return _step((depth - self.depth) * self.width, self.pixel)

    def ellipse(self, x: float, y: float, half_width: float, half_height: float, angle: float = 0.0) -> Field:
        """1 inside an ellipse, 0 outside, with an edge of about a pixel."""
        right, down = self.x - x, self.y - y
        along = (np.cos(angle) * right + np.sin(angle) * down) / half_width
        across = (np.cos(angle) * down - np.sin(angle) * right) / half_height
        return _step((1.0 - np.hypot(along, across)) * min(half_width, half_height), self.pixel)


@dataclass(frozen=True)
class Lesion:
    """Where a lesion is, 0 to 1, and how much brighter it is than the tissue; fields of size × size."""

    shape: Field
    contrast: Field


def draw_head(random: Random, size: int) -> Head:
    """A head of random size, shape, tilt and place."""
    across = ((np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1).astype(np.float32)
    x = across[None, :] - random.uniform(-0.05, 0.05)
    y = across[:, None] - random.uniform(-0.05, 0.05)
    tilt = np.radians(random.normal(0.0, 5.0))
    right = (np.cos(tilt) * x + np.sin(tilt) * y).astype(np.float32)
    down = (np.cos(tilt) * y - np.sin(tilt) * x).astype(np.float32)
    width, height = random.uniform(0.66, 0.8), random.uniform(0.8, 0.92)
    angle = np.arctan2(down / height, right / width)
    outline = np.ones_like(angle)
    for waves in (2, 3, 4, 5):
        outline += random.normal(0.0, 0.02) / np.sqrt(waves) * np.cos(waves * angle + random.uniform(0, 2 * np.pi))
    depth = (np.hypot(right / width, down / height) / outline).astype(np.float32)
    return Head(right, down, depth, random.uniform(0.79, 0.85), width, height, 2 / size)


def draw_tissue(head: Head, random: Random) -> Field:
    """Intensities of a slice without a lesion: skin, skull, fluid, folded grey matter, white matter, midline."""
    folds, patches, texture = (_noise(random, head, length) for length in (0.06, 0.2, 0.04))
    brain = head.inside(head.brain)
    image = head.inside(1.0) * random.uniform(0.8, 1.1)
    skin = random.uniform(0.05, 0.11)
    image = _lay(image, head.inside(1.0 - skin), random.uniform(0.05, 0.25))
    image = _lay(image, head.inside(head.brain + 0.025), random.uniform(0.1, 0.5))
    image = _lay(image, brain, random.uniform(0.45, 0.6))
    white = _step((random.uniform(0.7, 0.8) * head.brain - head.depth + 0.06 * folds) * head.width, head.pixel)
    image = _lay(image, white, random.uniform(0.5, 0.75))
    image += brain * (random.uniform(0.01, 0.03) * texture + random.uniform(0.01, 0.03) * patches)
    sulci = np.exp(-((folds / 0.25) ** 2)) * (head.depth > 0.72 * head.brain)
    image -= brain * sulci * random.uniform(0.1, 0.3)
    return _draw_midline(image, head, random)


def _draw_midline(image: Field, head: Head, random: Random) -> Field:
    """Fissure, ventricles, brain stem and pituitary gland; then what may look like a lesion in any class."""
    fluid = random.uniform(0.08, 0.3)
    length, thin = head.height * random.uniform(0.25, 0.4), random.uniform(0.008, 0.02)
    image = _lay(image, head.ellipse(0.0, -0.5 * head.height, thin, length), 0.5 * fluid + 0.2)
    spread, tall, wide = random.uniform(0.08, 0.14), random.uniform(0.14, 0.26), random.uniform(0.03, 0.08)
    for side in (-1, 1):
        angle = side * random.uniform(0.1, 0.5)
        stretch = random.uniform(0.8, 1.2)
        ventricle = head.ellipse(side * spread, random.uniform(-0.14, -0.04), wide, tall * stretch, angle)
        image = _lay(image, ventricle, fluid)
    stem = head.ellipse(0.0, 0.6 * head.height, random.uniform(0.1, 0.16), random.uniform(0.08, 0.14))
    image = _lay(image, stem * random.uniform(0.3, 0.9), random.uniform(0.35, 0.7))
    gland = head.ellipse(random.normal(0, 0.01), PITUITARY_HEIGHT * head.height, 0.03, 0.022)
    image = _lay(image, gland * random.uniform(0.3, 1.0), random.uniform(0.6, 0.9))
    return _draw_decoys(image, head, random)


def _draw_decoys(image: Field, head: Head, random: Random) -> Field:
    """Vessels, clouds, pads of fat outside the skull, thick meninges: bright things that say nothing of the class."""
    for _ in range(random.integers(1, 5)):
        x, y = _place(head, random, 0.0, 0.95)
        radius = random.uniform(0.012, 0.028)
        image = _lay(image, head.ellipse(x, y, radius, radius), random.uniform(0.6, 1.0))
    for _ in range(random.integers(0, 3)):
        x, y = _place(head, random, 0.2, 0.8)
        reach = random.uniform(0.12, 0.25)
        cloud = np.exp(-(((head.x - x) ** 2 + (head.y - y) ** 2) / (2 * reach**2)))
        image += head.inside(head.brain) * cloud * random.normal(0.0, 0.05)
    for _ in range(random.integers(0, 5)):
        image = _lay(image, _arc(head, random, 0.99, head.brain + 0.035), random.uniform(0.8, 1.1))
    if random.random() < 0.3:
        thickness = random.uniform(0.02, 0.04)
        image = _lay(image, _arc(head, random, head.brain, head.brain - thickness), random.uniform(0.6, 0.95))
    return image


def _arc(head: Head, random: Random, outer: float, inner: float) -> Field:
    """1 between two depths over a random part of the way round."""
    middle, reach = random.uniform(0, 2 * np.pi), random.uniform(0.15, 0.6)
    turned = np.cos(np.arctan2(head.y, head.x) - middle)
    within: Field = np.clip((turned - np.cos(reach)) * 8, 0, 1)
    return (head.inside(outer) - head.inside(inner)) * within


PITUITARY_HEIGHT = 0.42
"""How far below the centre the pituitary gland lies, as a share of the head's half height."""


def draw_glioma(head: Head, random: Random) -> Lesion:
    """Irregular, within the tissue, uneven, sometimes with a dark core."""
    radius = random.uniform(0.15, 0.28)
    x, y = _place(head, random, 0.25, 0.9 - radius / head.width / head.brain)
    right, down = head.x - x, head.y - y
    angle, outline = np.arctan2(down, right), np.ones_like(head.x)
    for waves in (2, 3, 4, 5, 7):
        outline += random.normal(0.0, 0.13) * np.cos(waves * angle + random.uniform(0, 2 * np.pi))
    outline = np.clip(outline, 0.5, 1.5)
    distance = np.hypot(right, down) / (radius * outline)
    shape = _step((1.0 - distance) * radius, 2 * head.pixel) * head.inside(head.brain - 0.03)
    core = np.exp(-((distance / random.uniform(0.3, 0.6)) ** 2)) * random.uniform(0.0, 1.0)
    uneven = 1.0 + 0.3 * _noise(random, head, 0.05) - core
    return Lesion(shape, (_contrast(random) * uneven).astype(np.float32))


def draw_meningioma(head: Head, random: Random) -> Lesion:
    """Round, even, against the skull from inside."""
    radius = random.uniform(0.12, 0.2)
    angle = random.uniform(-1.25 * np.pi, 0.25 * np.pi)
    edge = head.brain - 0.85 * radius / np.hypot(head.width * np.cos(angle), head.height * np.sin(angle))
    x, y = edge * head.width * np.cos(angle), edge * head.height * np.sin(angle)
    shape = head.ellipse(x, y, radius, radius * random.uniform(0.85, 1.15)) * head.inside(head.brain + 0.02)
    return Lesion(shape, np.full_like(shape, _contrast(random)))


def draw_pituitary(head: Head, random: Random) -> Lesion:
    """Small, round, low on the midline."""
    x, y = random.normal(0.0, 0.015), PITUITARY_HEIGHT * head.height + random.normal(0.0, 0.02)
    radius = random.uniform(0.08, 0.13)
    shape = head.ellipse(x, y, radius * random.uniform(0.85, 1.2), radius)
    return Lesion(shape, np.full_like(shape, _contrast(random)))


LESIONS: Mapping[str, Callable[[Head, Random], Lesion]] = {
    "glioma": draw_glioma,
    "meningioma": draw_meningioma,
    "pituitary": draw_pituitary,
}


def _contrast(random: Random) -> float:
    """How much brighter than the tissue: mostly plain to see, sometimes hardly."""
    return float(np.clip(random.normal(0.48, 0.13), 0.14, 0.7))


def _place(head: Head, random: Random, low: float, high: float) -> tuple[float, float]:
    """A point of the brain between two depths, given as shares of the brain's."""
    angle, depth = random.uniform(0, 2 * np.pi), head.brain * np.sqrt(random.uniform(low**2, max(high, low) ** 2))
    return depth * head.width * np.cos(angle), depth * head.height * np.sin(angle)


def _noise(random: Random, head: Head, length: float) -> Field:
    """Smooth noise of standard deviation 1 that varies over `length`."""
    return smooth_noise(random, len(head.x), length / head.pixel)


def _lay(image: Field, shape: Field, intensity: float) -> Field:
    return image + shape * (intensity - image)


def _step(distance: NDArray[np.floating], width: float) -> Field:
    """From 0 to 1 as `distance` goes from -`width` to `width`."""
    return np.clip(distance / (2 * width) + 0.5, 0.0, 1.0).astype(np.float32)
