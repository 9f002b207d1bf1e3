"""Copies of images, as they turn up in datasets: the kinds that an audit is asked to find."""

import io
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image

Random = np.random.Generator


def jpeg(image: Image.Image, random: Random) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=int(random.integers(60, 96)))
    return Image.open(buffer)


def resized(image: Image.Image, random: Random) -> Image.Image:
    factor = random.uniform(0.7, 1.4)
    return image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.BICUBIC)


def mirrored(image: Image.Image, random: Random) -> Image.Image:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def turned(image: Image.Image, random: Random) -> Image.Image:
    ways = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
    return image.transpose(ways[random.integers(len(ways))])


def brightened(image: Image.Image, random: Random) -> Image.Image:
    values = np.asarray(image, np.float32)
    contrast, brightness = random.uniform(0.9, 1.1), random.uniform(-0.1, 0.1) * 255
    changed = (values - values.mean()) * contrast + values.mean() + brightness
    return Image.fromarray(np.clip(changed, 0, 255).round().astype(np.uint8))


def cropped(image: Image.Image, random: Random) -> Image.Image:
    left, right, top, bottom = random.uniform(0, 0.03, 4)
    width, height = image.size
    box = (left * width, top * height, (1 - right) * width, (1 - bottom) * height)
    return image.crop((round(box[0]), round(box[1]), round(box[2]), round(box[3])))


def tilted(image: Image.Image, random: Random) -> Image.Image:
    return image.rotate(random.uniform(-3, 3), Image.Resampling.BICUBIC)


KINDS: Mapping[str, Callable[[Image.Image, Random], Image.Image]] = {
    "JPEG quality 60-95": jpeg,
    "resized 70-140 %": resized,
    "mirrored": mirrored,
    "turned 90/180/270": turned,
    "brightness, contrast ±10 %": brightened,
    "cropped up to 3 % a side": cropped,
    "rotated up to 3°": tilted,
}
