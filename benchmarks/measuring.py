"""The part of the benchmark `measurement` that has a process of its own: measures the sets in a folder, prints JSON."""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from synthoscope.datasets.phantoms import LABELS
from synthoscope.metrics.efficientnet_lite0_onnx import EfficientNetLite0
from synthoscope.metrics.labelled_images import LabelledImages
from synthoscope.metrics.measuring import measure
from synthoscope.metrics.relative import OVERALL


def main(folder: Path) -> None:
    sets = [np.load(folder / f"{name}.npy") for name in ("generated", "real", "held out")]
    generated, real, held_out = (LabelledImages(images, of_classes(len(images))) for images in sets)
    parts: dict[str, float] = {}
    began = last = time.perf_counter()
    processors = time.process_time()

    def progress(what: str, done: int, total: int) -> None:
        nonlocal last
        now = time.perf_counter()
        parts[what], last = parts.get(what, 0.0) + now - last, now

    found = measure(generated, real, held_out, EfficientNetLite0(), progress=progress)
    seconds, processors = time.perf_counter() - began, time.process_time() - processors
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert found.memorisation is not None
    rows: list[dict[str, object]] = [
        {"part": f"whole: {what}", "seconds": round(taken, 2)} for what, taken in parts.items()
    ]
    rows.append(
        {
            "part": "whole",
            "generated": len(generated),
            "real": len(real),
            "held_out": len(held_out),
            "size": generated.images.shape[1],
            "seconds": round(seconds, 1),
            "processor_seconds": round(processors, 1),
            "peak_mebibytes": round(peak),
            "frechet_ratio": {label: round(distance.ratio or 0.0, 3) for label, distance in found.frechet.items()},
            "kernel_excess": round(found.kernel[OVERALL].excess or 0.0, 2),
            "coverage": round(found.support[OVERALL].generated.coverage, 3),
            "real_coverage": round(found.support[OVERALL].real.coverage, 3),
            "copies": found.memorisation.copies,
            "membership": round(found.memorisation.membership, 3),
        }
    )
    results = {
        "rows": rows,
        "seconds": round(seconds, 1),
        "peak_mebibytes": round(peak),
        "found": found.memorisation.found,
    }
    print(json.dumps(results))


def of_classes(count: int) -> list[str]:
    return [LABELS[number % len(LABELS)] for number in range(count)]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
