"""BentoML: uvicorn in front; each worker batches by itself.

    python with_bentoml.py MODEL.onnx SIDE THREADS PORT WORKERS

What is batched must come as a list, so images come as files of a form, as its documentation has them. A service for
decoding before one for computing, its other advice, takes twice the processor time here. There is no wait to set: how
long a batch waits is learned, and `max_latency_ms` is after how long a request is refused instead.
"""

import os
import sys
from pathlib import Path

import bentoml
import numpy as np
from PIL.Image import Image

from benchmarks.serving.computing import LARGEST_BATCH, Classifier, resized

# `bentoml serve` imports this file, and gives it no arguments.
_GIVEN = os.environ.setdefault("BENCH_SERVING_ARGUMENTS", "\n".join(sys.argv[1:6]))
MODEL, SIDE, THREADS, PORT, WORKERS = _GIVEN.split("\n")


@bentoml.service(
    workers=int(WORKERS),
    logging={"access": {"enabled": False}},
    metrics={"enabled": False},
    traffic={"timeout": 60},
)
class Diagnoser:
    """Takes a form with one file, and gives probabilities as JSON."""

    def __init__(self) -> None:
        self._classifier = Classifier(Path(MODEL), int(THREADS))

    @bentoml.api(batchable=True, max_batch_size=LARGEST_BATCH, max_latency_ms=60_000)  # type: ignore[untyped-decorator]
    def predict(self, images: list[Image]) -> list[list[float]]:
        chances = self._classifier.chances(np.stack([resized(image, int(SIDE)) for image in images]))
        found: list[list[float]] = chances.tolist()
        return found


def main() -> None:
    os.environ["BENTOML_DO_NOT_TRACK"] = "True"
    os.chdir(Path(__file__).parent)  # it imports from there
    words = ["serve", "with_bentoml:Diagnoser", "--host", "127.0.0.1", "--port", PORT, "--quiet"]
    os.execv(sys.executable, [sys.executable, "-m", "bentoml", *words])


if __name__ == "__main__":
    main()
