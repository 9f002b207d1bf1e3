"""Measuring 5,000 generated against 5,000 real images: seconds and memory of the whole, and of its parts beside peers.

Both sets are grey phantoms of 128×128 pixels in four classes, each with a head of its own; another 1,000 are held out.
The "generated" ones are phantoms too, so the answers are known: ratios near 1, nothing
memorised. Then 500 of them are replaced by mirrored training images with a little noise, which must be found.

- whole: `metrics.measuring.measure` with the default features, in a process of its own, whose peak is what is reported,
  images included; a row for each part, by when its progress is told
- features: images a second through ONNX Runtime, and through torch
- Fréchet distance and kernel distance of the same features against torchmetrics, precision, recall, density and
  coverage against prdc: seconds, and the largest relative difference

Seconds are by the clock, with as many threads as there are cores; those of the whole are given on the processors, too,
which tells whether the machine was idle.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from prdc import compute_prdc
from torchmetrics.image.fid import _compute_fid
from torchmetrics.image.kid import poly_mmd

from benchmarks.reporting import Target, publish
from synthoscope.datasets.phantoms import LABELS, generate
from synthoscope.metrics import efficientnet_lite0
from synthoscope.metrics.density_coverage import density_coverage
from synthoscope.metrics.efficientnet_lite0_onnx import EfficientNetLite0
from synthoscope.metrics.frechet_distance import frechet_distance
from synthoscope.metrics.kernel_distance import kernel_distance
from synthoscope.metrics.memorisation import memorisation
from synthoscope.metrics.precision_recall import precision_recall

IMAGES, HELD_OUT, COPIES = 5000, 1000, 500
SIZE = 128
SECONDS, MEBIBYTES = 180.0, 1024.0

Row = dict[str, object]


def main(images: int = IMAGES, held_out: int = HELD_OUT, copies: int = COPIES) -> None:
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        for name, count, first in (
            ("generated", images, 0),
            ("real", images, images),
            ("held out", held_out, 2 * images),
        ):
            np.save(folder / f"{name}.npy", phantoms(count, first))
        command = [sys.executable, "-m", "benchmarks.measuring", directory]
        whole = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        sets = {name: in_colour(np.load(folder / f"{name}.npy")) for name in ("generated", "real", "held out")}
        rates, features = extraction(sets["generated"], sets["real"])
        differences = against_peers(features)
        planted = with_copies(features, sets, copies)
    rows = [*whole["rows"], *rates, *differences, planted]
    targets = [
        Target("seconds", whole["seconds"], "<=", SECONDS),
        Target("peak memory, MiB", whole["peak_mebibytes"], "<=", MEBIBYTES),
        *(Target(str(row["part"]), float(str(row["difference"])), "<=", 1e-3) for row in differences),
        Target("copies among honest images found", float(whole["found"]), "==", 0),
        Target("planted mirrored copies found", float(bool(planted["found"])), "==", 1),
    ]
    publish("measurement", rows, targets, ("torch", "onnxruntime", "torchmetrics", "prdc", "numpy"))


def phantoms(count: int, first: int) -> NDArray[np.uint8]:
    """As many phantoms, uint8 N×128×128, classes in turn; every one has a seed, and so a head, of its own."""
    return np.stack([generate(LABELS[number % len(LABELS)], first + number, SIZE).image for number in range(count)])


def in_colour(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.broadcast_to(images[..., None], (*images.shape, 3))


def extraction(generated: NDArray[np.uint8], real: NDArray[np.uint8]) -> tuple[list[Row], dict[str, Any]]:
    """Images a second of each way, and the features of both sets."""
    extractor = EfficientNetLite0()
    extractor.features(generated[:32])
    features, seconds = timed(lambda: {"generated": extractor.features(generated), "real": extractor.features(real)})
    few = generated[:1000]
    by_torch, torch_seconds = timed(lambda: efficientnet_lite0.features(few))
    rates = {"ONNX Runtime": 2 * len(generated) / seconds, "torch": len(few) / torch_seconds}
    rows: list[Row] = [{"part": f"features: {way}", "images_per_second": round(rate, 1)} for way, rate in rates.items()]
    rows[0]["largest_difference"] = float(np.abs(by_torch - features["generated"][: len(few)]).max())
    return rows, features


def against_peers(features: dict[str, Any]) -> list[Row]:
    """Seconds of ours and theirs on the same features, and how far apart the answers are, relatively."""
    a, b = features["real"], features["generated"]
    real, generated = torch.from_numpy(a).double(), torch.from_numpy(b).double()

    def frechet_by_torchmetrics() -> list[float]:
        return [float(_compute_fid(real.mean(0), real.T.cov(), generated.mean(0), generated.T.cov()))]

    def prdc_by_ours() -> list[float]:
        first, second = precision_recall(a, b, k=5), density_coverage(a, b, k=5)
        return [first.precision, first.recall, second.density, second.coverage]

    return [
        compared("Fréchet distance, torchmetrics", lambda: [frechet_distance(a, b)], frechet_by_torchmetrics),
        compared(
            "kernel distance, torchmetrics",
            lambda: [kernel_distance(a, b + 0.05)],  # of one distribution it is 0 but for chance
            lambda: [float(poly_mmd(real, generated + 0.05))],
        ),
        compared("precision to coverage, prdc", prdc_by_ours, lambda: list(compute_prdc(a, b, nearest_k=5).values())),
    ]


def compared(part: str, ours: Callable[[], list[float]], theirs: Callable[[], list[float]]) -> Row:
    (mine, seconds), (peer, peer_seconds) = timed(ours), timed(theirs)
    difference = float(np.max(np.abs(np.array(mine) / np.array(peer) - 1.0)))
    return {
        "part": part,
        "seconds": round(seconds, 2),
        "peer_seconds": round(peer_seconds, 2),
        "difference": difference,
    }


def with_copies(features: dict[str, Any], sets: dict[str, NDArray[np.uint8]], copies: int) -> Row:
    """What the audit says when some generated images are training images, mirrored, with noise of 2 grey levels."""
    extractor = EfficientNetLite0()
    noise = np.random.default_rng(0).normal(0, 2, sets["real"][:copies].shape)
    planted = np.clip(sets["real"][:copies, :, ::-1] + noise, 0, 255).astype(np.uint8)
    generated = np.stack(
        [
            np.concatenate([extractor.features(images), features["generated"][copies:]])
            for images in (planted, planted[:, :, ::-1])
        ]
    )
    held_out = np.stack([extractor.features(sets["held out"][:, :, ::step]) for step in (1, -1)])
    found = memorisation(generated, features["real"], held_out)
    return {"part": "planted copies", "copies": found.copies, "copy_limit": found.copy_limit, "found": found.found}


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    return work(), time.perf_counter() - began


if __name__ == "__main__":
    main()
