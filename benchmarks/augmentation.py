"""Augmenting training images: images per second of a whole batch at once against one image at a time with Pillow.

The same seven changes of the same images, drawn from the same numbers: rotation, shear, shift, zoom, flip, brightness,
contrast. Both begin with decoded images, uint8 N×S×S×3, and end with what a network takes, float32 N×3×S×S.

- batch: `images.augmenting`, a resampling and a pass over a batch of 32
- Pillow, step by step: each change an operation of its own, as a chain of transforms does
- Pillow, one resampling: the five movements multiplied into one transform first

One thread each, and seconds are that thread's on the processor, so that what else runs on the machine counts little.
Rounds alternate, and a row is the median of its rounds. Grey pictures, as most are, and coloured ones, which cost more.
With a GPU there is a row for it, by the clock.
"""

import itertools
import math
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor

from benchmarks.reporting import Target, publish
from synthoscope.classifier.networks import to_input
from synthoscope.images.augmentation import Augmentation
from synthoscope.images.augmenting import apply_changes, draw_changes
from synthoscope.training.randomness import torch_generator

CHANGES = Augmentation(horizontal_flip=True, zoom=0.1, contrast=0.15)
BATCH = 32
BATCHES = 4
ROUNDS = 9
SIZES = (64, 128)
BILINEAR = Image.Resampling.BILINEAR
AFFINE = Image.Transform.AFFINE

Pixels = NDArray[np.uint8]
Way = Callable[[Pixels, int], Tensor]


def main() -> None:
    torch.set_num_threads(1)
    ways: dict[str, Way] = {
        "batch": on("cpu"),
        "Pillow, step by step": one_by_one(step_by_step),
        "Pillow, one resampling": one_by_one(one_resampling),
    }
    if torch.cuda.is_available():
        ways["batch, GPU"] = on("cuda")
    rows, targets = [], []
    for size, colour in itertools.product(SIZES, ("grey", "colour")):
        images = pictures(size, colour == "colour")
        rates = measure(ways, images)
        rows += [
            {"way": way, "size": size, "pictures": colour, "images_per_second": round(rate, 1)}
            for way, rate in rates.items()
        ]
        times = rates["batch"] / rates["Pillow, step by step"]
        difference = (ways["batch"](images, 0) - ways["Pillow, one resampling"](images, 0)).abs().mean()
        targets += [
            Target(f"batch over Pillow step by step, {colour}, {size} px", round(times, 2), ">=", 5),
            Target(f"mean difference from Pillow, of 1, {colour}, {size} px", round(float(difference), 4), "<=", 0.02),
        ]
    publish("augmentation", rows, targets, ("torch", "pillow"))


def measure(ways: dict[str, Way], images: Pixels) -> dict[str, float]:
    """Images per second of each way: the median over rounds in which all ways take turns."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for round_number in range(ROUNDS + 1):
        for name, way in ways.items():
            clock = time.perf_counter if name.endswith("GPU") else time.process_time
            began = clock()
            for batch in range(BATCHES):
                way(images, batch)
            if name.endswith("GPU"):
                torch.cuda.synchronize()
            if round_number:  # the first one warms up
                seconds[name].append(clock() - began)
    return {way: BATCH * BATCHES / statistics.median(times) for way, times in seconds.items()}


def on(device: str) -> Way:
    def way(images: Pixels, seed: int) -> Tensor:
        changes = draw_changes(CHANGES, len(images), torch_generator(seed))
        return apply_changes(to_input(torch.from_numpy(images).to(device)), changes)

    return way


def one_by_one(change: Callable[[Image.Image, "Draw"], Image.Image]) -> Way:
    def way(images: Pixels, seed: int) -> Tensor:
        changed = [
            np.asarray(change(Image.fromarray(pixels), draw))
            for pixels, draw in zip(images, draws(len(images), seed), strict=True)
        ]
        return to_input(torch.from_numpy(np.stack(changed)))

    return way


class Draw:
    """One image's changes: in degrees, shares of the side, factors; `affine` from output to input in [-1, 1]."""

    def __init__(self, numbers: Sequence[float], mirrored: bool, zoom: float, contrast: float) -> None:
        angle, shear, shift_x, shift_y, brightness = numbers
        self.angle, self.shear = CHANGES.rotation_degrees * angle, CHANGES.shear_degrees * shear
        self.shift = CHANGES.width_shift * shift_x, CHANGES.height_shift * shift_y
        self.mirrored, self.zoom = mirrored, 1 + CHANGES.zoom * zoom
        self.brightness, self.contrast = 1 + CHANGES.brightness * brightness, 1 + CHANGES.contrast * contrast


def draws(count: int, seed: int) -> list[Draw]:
    """The numbers that `draw_changes` draws for the same seed."""
    generator = torch_generator(seed)
    numbers = (torch.rand(5, count, generator=generator) * 2 - 1).T.tolist()
    mirrored = (torch.rand(count, generator=generator) < 0.5).tolist()
    zoom, contrast = (torch.rand(2, count, generator=generator) * 2 - 1).tolist()
    return [Draw(*values) for values in zip(numbers, mirrored, zoom, contrast, strict=True)]


def step_by_step(image: Image.Image, draw: Draw) -> Image.Image:
    size, middle = image.size, image.width / 2
    image = image.rotate(draw.angle, BILINEAR)
    lean = math.tan(math.radians(draw.shear))
    image = image.transform(size, AFFINE, (1, -lean, lean * middle, 0, 1, 0), BILINEAR)
    image = image.transform(size, AFFINE, (1, 0, draw.shift[0] * size[0], 0, 1, draw.shift[1] * size[1]), BILINEAR)
    scale = 1 / draw.zoom
    rest = middle * (1 - scale)
    image = image.transform(size, AFFINE, (scale, 0, rest, 0, scale, rest), BILINEAR)
    if draw.mirrored:
        image = ImageOps.mirror(image)
    return adjusted(image, draw)


def one_resampling(image: Image.Image, draw: Draw) -> Image.Image:
    side = image.width
    angle, shear = math.radians(draw.angle), math.radians(draw.shear)
    a, b = math.cos(angle) / draw.zoom, -math.sin(angle + shear) / draw.zoom
    d, e = math.sin(angle) / draw.zoom, math.cos(angle + shear) / draw.zoom
    if draw.mirrored:
        a, d = -a, -d
    # From coordinates in [-1, 1] about the middle to pixels from the corner.
    x = side / 2 * (1 - a - b) + draw.shift[0] * side
    y = side / 2 * (1 - d - e) + draw.shift[1] * side
    return adjusted(image.transform(image.size, AFFINE, (a, b, x, d, e, y), BILINEAR), draw)


def adjusted(image: Image.Image, draw: Draw) -> Image.Image:
    return ImageEnhance.Contrast(ImageEnhance.Brightness(image).enhance(draw.brightness)).enhance(draw.contrast)


def pictures(size: int, colour: bool) -> Pixels:
    """Smooth pictures with dark margins, uint8 BATCH × size × size × 3."""
    generator = np.random.default_rng(0)
    rows, columns = (np.mgrid[:size, :size] + 0.5) / size
    made = []
    for _ in range(BATCH):
        level, x, y = generator.uniform((80, 4, 4), (160, 12, 12))
        inside = (rows - 0.5) ** 2 + (columns - 0.5) ** 2 < 0.08
        made.append(inside * (level + 40 * np.sin(x * rows) * np.cos(y * columns)))
    tint = np.array([1.0, 0.8, 0.6] if colour else [1.0, 1.0, 1.0])
    return (np.stack(made)[:, :, :, None] * tint).astype(np.uint8)


if __name__ == "__main__":
    main()
