"""What every server here but ours does with an image. Needs nothing of ours: peers have Pythons of their own."""

import io
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

LARGEST_BATCH = 32
LONGEST_WAIT = 0.002
"""Seconds that an image waits for others, where a server can be told."""


def pixels(data: bytes, side: int) -> NDArray[np.uint8]:
    """A PNG as uint8 S×S×3."""
    return resized(Image.open(io.BytesIO(data)), side)


def resized(opened: Image.Image, side: int) -> NDArray[np.uint8]:
    """An image that was opened and not yet decoded, as uint8 S×S×3."""
    image = np.asarray(opened.convert("RGB"))
    return np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


class Classifier:
    """An exported model, computed by ONNX Runtime."""

    def __init__(self, model: Path, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(model.read_bytes(), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def chances(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities N×C of images N×S×S×3."""
        logits = self._session.run(None, {self._input: images})[0]
        chances = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(chances / chances.sum(axis=1, keepdims=True), np.float32)
