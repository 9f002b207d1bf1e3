"""What images are like, apart from what a network makes of them: by these, images of something else are told.

A network that learned from a few grey pictures is blind to much: to colour, to where things lie, to grain. Each view is
a function of images uint8 N×H×W×3 that gives float32 N×D.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from synthoscope.classifier.reliability.histograms import input_statistics

Images = NDArray[np.uint8]
View = NDArray[np.float32]

_SIDE = 64
"""Side that texture and edges are looked at in, pixels: the same for every network's images."""

_CELLS = 4
_SCALES = (1.0, 2.0, 4.0)  # of blurring, pixels
_RINGS = (0.0, 1.5, 3.0, 5.0, 8.0, 12.0, 16.0, 22.0, 32.0)  # of spatial frequency, periods per side
_DIRECTIONS = 8
_LAYOUT = 8


def statistics(images: Images) -> View:
    """Brightness, contrast, sharpness, and how far colours lie apart (0 for grey pictures), in grey levels: D = 4."""
    spread = images.max(axis=3).astype(np.int16) - images.min(axis=3)
    return np.stack([*input_statistics(images).values(), spread.mean(axis=(1, 2))], axis=1).astype(np.float32)


def layout(images: Images) -> View:
    """Where it is bright and dark: 8×8 means, whatever the brightness and contrast of the whole; rows of length 1."""
    flat = _stacked([_resized(picture, _LAYOUT).ravel() for picture in _grey(images)])
    flat -= flat.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    return (flat / np.maximum(lengths, 1.0)).astype(np.float32)


def texture(images: Images) -> View:
    """How rough it is at three scales, in 4×4 places, and how much there is of eight ranges of frequencies: D = 56."""
    return _stacked([np.concatenate([_roughness(picture), _spectrum(picture)]) for picture in _small(images)])


def edges(images: Images) -> View:
    """How strong edges of eight directions are, in 4×4 places: D = 128."""
    return _stacked([_directions(picture) for picture in _small(images)])


def _roughness(picture: View) -> View:
    found, rest = [], picture
    for scale in _SCALES:
        blurred = cv2.GaussianBlur(rest, (0, 0), scale)
        found.append(_means(np.abs(rest - blurred)))
        rest = np.asarray(blurred, np.float32)
    return np.log1p(np.concatenate(found))


def _spectrum(picture: View) -> View:
    power = np.abs(np.fft.rfft2((picture - picture.mean()) * _WINDOW)) ** 2
    sums = np.bincount(_RING, weights=power.ravel(), minlength=len(_RINGS) + 1)[1 : len(_RINGS)]
    return np.log1p(sums / _RING_SIZES).astype(np.float32)


def _directions(picture: View) -> View:
    across, down = (cv2.Sobel(picture, cv2.CV_32F, x, y) for x, y in ((1, 0), (0, 1)))
    strength = np.hypot(across, down)
    direction = (np.arctan2(down, across) % np.pi * (_DIRECTIONS / np.pi)).astype(np.int64) % _DIRECTIONS
    return np.log1p(_means(np.where(direction == np.arange(_DIRECTIONS)[:, None, None], strength, np.float32(0))))


def _means(planes: View) -> View:
    """The means of 4×4 places of each plane, one after the other, of one plane S×S or several."""
    places = planes.reshape(-1, _CELLS, _SIDE // _CELLS, _CELLS, _SIDE // _CELLS)
    means: View = places.mean(axis=(2, 4)).ravel()
    return means


def _grey(images: Images) -> list[NDArray[np.uint8]]:
    return [np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8) for image in images]


def _small(images: Images) -> list[View]:
    return [_resized(picture.astype(np.float32), _SIDE) for picture in _grey(images)]


def _resized(picture: NDArray[np.uint8] | View, side: int) -> View:
    # Means of areas, where there are more pixels than asked for.
    how = cv2.INTER_AREA if picture.shape[0] >= side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (side, side), interpolation=how), np.float32)


def _stacked(rows: Sequence[NDArray[np.generic]]) -> View:
    return np.stack(rows).astype(np.float32)


_WINDOW = np.outer(np.hanning(_SIDE), np.hanning(_SIDE)).astype(np.float32)
_FREQUENCIES = np.hypot(np.fft.fftfreq(_SIDE, 1 / _SIDE)[:, None], np.fft.rfftfreq(_SIDE, 1 / _SIDE))
_RING = np.digitize(_FREQUENCIES.ravel(), _RINGS)
_RING_SIZES = np.bincount(_RING, minlength=len(_RINGS) + 1)[1 : len(_RINGS)]
