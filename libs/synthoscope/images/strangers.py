"""Made-up images that are not of any radiological task, to see whether a classifier refuses them.

Some are no photographs at all (noise, text, screens), some look like other things that are photographed in hospitals
and outside. Each is drawn from a seed; nothing is copied from anywhere. Half of them are grey, so that it is not enough
to refuse colours.
"""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Random = np.random.Generator
Plane = NDArray[np.float32]
Pixels = NDArray[np.uint8]


def strangers(kind: str, count: int, size: int, seed: int = 0) -> NDArray[np.uint8]:
    """Images of one of KINDS, uint8 N×S×S×3, S at least 16; the same for the same seed.

    Raises KeyError for a kind that is none.
    """
    drawn = [_DRAW[kind](np.random.default_rng([seed, index]), size) for index in range(count)]
    return np.stack([_in_grey(pixels) if index % 2 else pixels for index, pixels in enumerate(drawn)])


def _noise(random: Random, size: int) -> Pixels:
    """Uniform, normal, or salt and pepper; grey or coloured."""
    channels = int(random.choice([1, 3]))
    match int(random.integers(3)):
        case 0:
            values = random.uniform(0, 255, (size, size, channels))
        case 1:
            values = random.normal(random.uniform(60, 200), random.uniform(15, 70), (size, size, channels))
        case _:
            values = random.choice([0.0, 128.0, 255.0], (size, size, channels), p=[0.15, 0.7, 0.15])
    return _pixels(np.broadcast_to(values, (size, size, 3)))


def _flat(random: Random, size: int) -> Pixels:
    """One colour, black and white among them, with next to no noise."""
    colour = random.choice([0, 255]) if random.random() < 0.3 else random.integers(0, 256, 3)
    return _pixels(np.full((size, size, 3), colour) + random.normal(0, 0.7, (size, size, 1)))


def _gradient(random: Random, size: int) -> Pixels:
    """From one colour to another, along a line or from a point."""
    x, y = _grid(size)
    angle = random.uniform(0, 2 * np.pi)
    along = x * np.cos(angle) + y * np.sin(angle) if random.random() < 0.5 else np.hypot(x - 0.3, y + 0.2)
    share = (along - along.min()) / np.ptp(along)
    first, second = random.integers(0, 256, (2, 3))
    return _pixels(first + share[:, :, None] * (second.astype(float) - first))


def _text(random: Random, size: int) -> Pixels:
    """A page of letters."""
    page = Image.new("RGB", (4 * size, 4 * size), tuple(random.integers(200, 256, 3).tolist()))
    pen = ImageDraw.Draw(page)
    letters = list("abcdefghijklmnopqrstuvwxyz       ABCDEFGH0123456789.,")
    height = int(random.integers(size // 6, size // 3))
    for top in range(height, 4 * size - height, int(height * 1.3)):
        line = "".join(random.choice(letters, 60))
        pen.text((size // 4, top), line, fill=tuple(random.integers(0, 60, 3).tolist()), font_size=height)
    return np.asarray(page.resize((size, size), Image.Resampling.BILINEAR))


def _shapes(random: Random, size: int) -> Pixels:
    """Coloured polygons."""
    canvas = np.full((size, size, 3), random.integers(0, 256, 3), np.uint8)
    for _ in range(int(random.integers(3, 12))):
        corners = random.integers(0, size, (int(random.integers(3, 7)), 1, 2)).astype(np.int32)
        cv2.fillPoly(canvas, [corners], tuple(random.integers(0, 256, 3).tolist()), cv2.LINE_AA)
    return canvas


def _texture(random: Random, size: int) -> Pixels:
    """Stripes, boards or dots over the whole picture."""
    x, y = _grid(size)
    turn, frequency = random.uniform(0, np.pi), random.uniform(4, 20)
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    waves = [np.sin(np.pi * frequency * part) for part in (along, across)]
    pattern = [waves[0], np.sign(waves[0] * waves[1]), np.minimum(*waves)][int(random.integers(3))]
    first, second = random.integers(0, 256, (2, 3)).astype(float)
    return _pixels(first + (pattern[:, :, None] + 1) / 2 * (second - first))


def _screen(random: Random, size: int) -> Pixels:
    """A program's window: bars, boxes and lines of text."""
    canvas = np.full((size, size, 3), int(random.integers(225, 256)), np.uint8)
    accent = tuple(random.integers(0, 200, 3).tolist())
    cv2.rectangle(canvas, (0, 0), (size, size // 10), accent, -1)
    for row in range(size // 6, size, max(3, size // 14)):
        left = int(random.integers(size // 20, size // 4))
        cv2.line(canvas, (left, row), (int(random.integers(left, size)), row), (90, 90, 90), max(1, size // 64))
    for _ in range(int(random.integers(1, 5))):
        corner = random.integers(size // 8, size, 2)
        cv2.rectangle(canvas, corner.tolist(), (corner + size // 5).tolist(), accent, int(random.choice([-1, 1])))
    return canvas


def _photograph(random: Random, size: int) -> Pixels:
    """Leaves that lie over one another, with the edges and sizes of natural scenes (Lee, Mumford & Huang 2001)."""
    canvas = np.zeros((size, size, 3), np.float32)
    tints = random.uniform(20, 235, (6, 3))
    for radius in np.sort(size * 0.02 / np.maximum(random.power(2, 220), 0.05))[::-1]:
        colour = np.clip(tints[int(random.integers(6))] + random.normal(0, 25, 3), 0, 255)
        axes = (int(max(1, radius * random.uniform(1, 4))), int(max(1, radius * random.uniform(1, 4))))
        centre = tuple(random.integers(0, size, 2).tolist())
        cv2.ellipse(canvas, centre, axes, random.uniform(0, 180), 0, 360, colour.tolist(), -1, cv2.LINE_AA)
    light = 1 + 0.35 * _cloud(random, size, size / 3)
    return _pixels(canvas * light[:, :, None] + random.normal(0, 4, (size, size, 1)))


def _ultrasound(random: Random, size: int) -> Pixels:
    """A fan of speckle that fades with depth, grey on black."""
    x, y = _grid(size)
    depth, angle = np.hypot(x, y + 1.2), np.arctan2(x, y + 1.2)
    fan = (np.abs(angle) < random.uniform(0.5, 0.75)) & (depth > 0.45) & (depth < 2.0)
    tissue = 0.5 + 0.3 * _cloud(random, size, size / 10)
    speckle = cv2.GaussianBlur(random.rayleigh(1.0, (size, size)).astype(np.float32), (0, 0), size / 128)
    return _grey(255 * fan * tissue * speckle * np.exp(-0.6 * depth))


def _skin(random: Random, size: int) -> Pixels:
    """A dark spot on skin, as dermatoscopes show it."""
    x, y = _grid(size)
    skin = np.array([random.uniform(190, 240), random.uniform(140, 190), random.uniform(120, 170)])
    spot = np.array([random.uniform(60, 130), random.uniform(35, 80), random.uniform(30, 70)])
    edge = np.hypot(x - random.normal(0, 0.1), y) + 0.12 * _cloud(random, size, size / 8)
    inside = 1 / (1 + np.exp((edge - random.uniform(0.25, 0.55)) * 25))
    pixels = skin + inside[:, :, None] * (spot - skin) + 9 * _cloud(random, size, size / 40)[:, :, None]
    return _pixels(pixels)


def _histology(random: Random, size: int) -> Pixels:
    """Violet nuclei in pink tissue."""
    pink = np.array([random.uniform(220, 245), random.uniform(160, 205), random.uniform(200, 230)], np.float32)
    canvas = (pink + 14 * _cloud(random, size, size / 16)[:, :, None]).astype(np.float32)
    for _ in range(int(random.integers(40, 160))):
        axes = random.integers(max(1, size // 60), max(2, size // 22), 2).tolist()
        violet = (random.uniform(70, 120), random.uniform(40, 90), random.uniform(110, 160))
        cv2.ellipse(canvas, random.integers(0, size, 2).tolist(), axes, random.uniform(0, 180), 0, 360, violet, -1)
    return _pixels(canvas)


def _retina(random: Random, size: int) -> Pixels:
    """An orange disc with vessels and a bright spot, on black."""
    x, y = _grid(size)
    canvas = np.zeros((size, size, 3), np.float32)
    canvas[:] = (random.uniform(150, 210), random.uniform(60, 110), random.uniform(20, 60))
    head = (int(size * random.uniform(0.25, 0.4)), int(size * random.uniform(0.42, 0.58)))
    for _ in range(10):
        bend = np.cumsum(random.normal(0, size / 60, (30, 2)), axis=0)
        way = np.array(head) + np.linspace(0, size, 30)[:, None] * random.normal(0, 0.6, 2) + bend
        cv2.polylines(canvas, [way.astype(np.int32)[:, None]], False, (110, 25, 20), max(1, size // 64), cv2.LINE_AA)
    cv2.circle(canvas, head, max(2, size // 14), (245, 215, 140), -1, cv2.LINE_AA)
    inside = (np.hypot(x, y) < 0.92).astype(np.float32)
    return _pixels(cv2.GaussianBlur(canvas, (0, 0), size / 150) * inside[:, :, None])


def _endoscopy(random: Random, size: int) -> Pixels:
    """Wet red folds around a dark way, with highlights."""
    x, y = _grid(size)
    depth = np.hypot(x - random.normal(0, 0.2), y - random.normal(0, 0.2))
    folds = 0.75 + 0.25 * np.sin(random.uniform(10, 18) * depth + 2 * _cloud(random, size, size / 6))
    red = np.array([random.uniform(190, 240), random.uniform(70, 120), random.uniform(60, 100)])
    pixels = red * (folds * np.clip(depth * 1.4, 0.05, 1))[:, :, None]
    shine = (_cloud(random, size, size / 25) > 2.2)[:, :, None]
    return _pixels(np.where(shine, 250, pixels))


def _grid(size: int) -> tuple[Plane, Plane]:
    """Coordinates of the pixels, from -1 to 1: to the right, and downwards."""
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j].astype(np.float32)
    return x, y


def _cloud(random: Random, size: int, width: float) -> Plane:
    """Smooth noise of mean 0 and deviation 1, its spots `width` pixels wide."""
    field = cv2.GaussianBlur(random.normal(size=(size, size)).astype(np.float32), (0, 0), max(0.5, width))
    return np.asarray((field - field.mean()) / (field.std() + 1e-6), np.float32)


def _in_grey(pixels: Pixels) -> Pixels:
    return cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB).astype(np.uint8)


def _grey(values: NDArray[np.floating]) -> Pixels:
    return _pixels(np.repeat(values[:, :, None], 3, axis=2))


def _pixels(values: NDArray[np.floating]) -> Pixels:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


_DRAW: Mapping[str, Callable[[Random, int], Pixels]] = {
    "noise": _noise,
    "flat": _flat,
    "gradient": _gradient,
    "text": _text,
    "shapes": _shapes,
    "texture": _texture,
    "screen": _screen,
    "photograph": _photograph,
    "ultrasound": _ultrasound,
    "skin": _skin,
    "histology": _histology,
    "retina": _retina,
    "endoscopy": _endoscopy,
}

KINDS = tuple(_DRAW)
"""What can be drawn; the last five are other modalities."""
