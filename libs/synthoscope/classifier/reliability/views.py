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
    spread = np.array([_spread(image) for image in images])
    return np.stack([*input_statistics(images).values(), spread], axis=1).astype(np.float32)


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


def _spread(image: NDArray[np.uint8]) -> float:
    red, green, blue = cv2.split(image)
    spread = cv2.subtract(cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue))
    return float(cv2.mean(spread)[0])


def _roughness(picture: View) -> View:
    found, rest = [], picture
    for scale in _SCALES:
        blurred = cv2.GaussianBlur(rest, (0, 0), scale)
        # Areas of 16×16 pixels become one: their means.
        found.append(cv2.resize(cv2.absdiff(rest, blurred), (_CELLS, _CELLS), interpolation=cv2.INTER_AREA).ravel())
        rest = np.asarray(blurred, np.float32)
    return np.log1p(np.concatenate(found))


def _spectrum(picture: View) -> View:
    power = np.abs(np.fft.rfft2((picture - picture.mean()) * _WINDOW)) ** 2
    sums = np.bincount(_RING, weights=power.ravel(), minlength=len(_RINGS) + 1)[1 : len(_RINGS)]
    return np.log1p(sums / _RING_SIZES).astype(np.float32)


def _directions(picture: View) -> View:
    across, down = (cv2.Sobel(picture, cv2.CV_32F, x, y) for x, y in ((1, 0), (0, 1)))
    # OpenCV's magnitude has other last bits where memory is aligned otherwise.
    strength = np.sqrt(across * across + down * down)
    direction = (np.arctan2(down, across) % np.pi * (_DIRECTIONS / np.pi)).astype(np.int64) % _DIRECTIONS
    # Of every direction in every place, the sum over the place's pixels.
    sums = np.bincount(
        (direction * _CELLS**2 + _PLACE).ravel(), weights=strength.ravel(), minlength=_DIRECTIONS * _CELLS**2
    )
    return np.log1p(sums * (_CELLS / _SIDE) ** 2).astype(np.float32)


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


_PLACE = np.add.outer(np.arange(_SIDE) * _CELLS // _SIDE * _CELLS, np.arange(_SIDE) * _CELLS // _SIDE)
_WINDOW = np.outer(np.hanning(_SIDE), np.hanning(_SIDE)).astype(np.float32)
_FREQUENCIES = np.hypot(np.fft.fftfreq(_SIDE, 1 / _SIDE)[:, None], np.fft.rfftfreq(_SIDE, 1 / _SIDE))
_RING = np.digitize(_FREQUENCIES.ravel(), _RINGS)
_RING_SIZES = np.bincount(_RING, minlength=len(_RINGS) + 1)[1 : len(_RINGS)]
