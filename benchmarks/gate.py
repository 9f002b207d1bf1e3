"""The gate on planted sets of 500 images: of held-out real images, which must pass, and bad ones, which must not.

Real images are phantoms of 64 px and, where ../shared/data has it, the training split of brain-tumor-mri at 64 px. They
are split in two so that no picture has a near-copy on the other side; one part is what the gate is told that the
generator was trained on, the other what a perfect generator makes. Every set is drawn anew:

- held out: as they are
- collapsed: 1, 5 or 20 held-out images of each class, noisy and shifted; or 5 of one class, the others as they are
- labels: shuffled; or those of two classes exchanged
- copies of training images: all; or a tenth, among held-out ones; as they are, noisy, mirrored, brighter, shifted,
  blurred

Every kind's sets take turns in its variants. Each processor judges the sets of a kind and a source, in one thread.
`--sets N` makes N sets of each kind and source instead of 100, `--only phantoms` takes one of the two sources.
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from benchmarks.reporting import Target, publish
from synthoscope.datasets import phantoms
from synthoscope.metrics.efficientnet_lite0_onnx import EfficientNetLite0
from synthoscope.metrics.feature_extractor import FeatureExtractor
from synthoscope.metrics.labelled_images import LabelledImages
from synthoscope.synthetic.copies import CopyFinder, RepeatFinder
from synthoscope.synthetic.criteria import ADMITTED, FOR_STUDY, REFUSED
from synthoscope.synthetic.gate import judge
from synthoscope.synthetic.verdicts import described

BRAIN = Path(__file__).resolve().parents[2] / "shared" / "data" / "brain-tumor-mri" / "train"
SIZE, IMAGES, SETS = 64, 500, 100
TRAINING, HELD_OUT = 1600, 1600
COPIED_SHARE = 0.1

Pixels = NDArray[np.uint8]
Labels = NDArray[np.str_]
Random = np.random.Generator


@dataclass(frozen=True)
class Remembering:
    """An extractor that computes the features of an image once."""

    extractor: FeatureExtractor
    known: dict[bytes, NDArray[np.float32]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.extractor.name

    @property
    def dimensions(self) -> int:
        return self.extractor.dimensions

    def features(self, images: Pixels) -> NDArray[np.float32]:
        keys = [image.tobytes() for image in images]
        new = {key: row for row, key in enumerate(keys) if key not in self.known}
        if new:
            self.known.update(zip(new, self.extractor.features(images[list(new.values())]), strict=True))
        return np.stack([self.known[key] for key in keys])


@dataclass(frozen=True)
class Source:
    """Real images of one kind: what the generator was trained on, and others."""

    name: str
    training: Pixels
    training_labels: Labels
    held_out: Pixels
    held_out_labels: Labels

    def real(self, count: int, random: Random) -> tuple[Pixels, Labels]:
        """Held-out images."""
        rows = random.permutation(len(self.held_out))[:count]
        return self.held_out[rows], self.held_out_labels[rows]


def noisy(images: Pixels, random: Random) -> Pixels:
    return np.clip(images + random.normal(0, 5, images.shape), 0, 255).astype(np.uint8)


def mirrored(images: Pixels, random: Random) -> Pixels:
    return images[:, :, ::-1]


def brightened(images: Pixels, random: Random) -> Pixels:
    return np.clip(images * 1.15 + 8.0, 0, 255).astype(np.uint8)


def shifted(images: Pixels, random: Random) -> Pixels:
    return np.stack([np.roll(image, random.integers(-1, 2, 2), (0, 1)) for image in images])


def blurred(images: Pixels, random: Random) -> Pixels:
    return np.stack([cv2.GaussianBlur(image, (0, 0), 0.8) for image in images])


CHANGES: Mapping[str, Callable[[Pixels, Random], Pixels]] = {
    "same": lambda images, random: images,
    "noisy": noisy,
    "mirrored": mirrored,
    "brighter": brightened,
    "shifted": shifted,
    "blurred": blurred,
}


def collapsed(source: Source, count: int, random: Random, modes: int) -> tuple[Pixels, Labels]:
    """A few images of each class again and again."""
    images, labels = source.real(count, random)
    for label in np.unique(labels):
        images = repeated(images, labels, str(label), modes, random)
    return images, labels


def collapsed_class(source: Source, count: int, random: Random) -> tuple[Pixels, Labels]:
    images, labels = source.real(count, random)
    return repeated(images, labels, str(random.choice(labels)), 5, random), labels


def repeated(images: Pixels, labels: Labels, label: str, modes: int, random: Random) -> Pixels:
    """The images, those of a class replaced by a few of them, noisy and shifted."""
    rows = np.flatnonzero(labels == label)
    replaced = images.copy()
    replaced[rows] = noisy(shifted(images[random.choice(rows[:modes], len(rows))], random), random)
    return replaced


def shuffled(source: Source, count: int, random: Random) -> tuple[Pixels, Labels]:
    images, labels = source.real(count, random)
    return images, random.permutation(labels)


def exchanged(source: Source, count: int, random: Random) -> tuple[Pixels, Labels]:
    images, labels = source.real(count, random)
    one, other = random.choice(np.unique(labels), 2, replace=False)
    return images, np.where(labels == one, other, np.where(labels == other, one, labels))


def copied(source: Source, count: int, random: Random, share: float) -> tuple[Pixels, Labels]:
    """Training images, changed in one way, among held-out ones."""
    images, labels = source.real(count, random)
    copies = round(share * count)
    rows = random.permutation(len(source.training))[:copies]
    change = CHANGES[str(random.choice(list(CHANGES)))]
    images, labels = images.copy(), labels.copy()
    images[:copies], labels[:copies] = change(source.training[rows], random), source.training_labels[rows]
    return images, labels


Plant = Callable[[Source, int, Random], tuple[Pixels, Labels]]

HONEST = "held out"
KINDS: Mapping[str, Mapping[str, Plant]] = {
    HONEST: {"as they are": Source.real},
    "collapsed": {
        "to 1 a class": partial(collapsed, modes=1),
        "to 5 a class": partial(collapsed, modes=5),
        "to 20 a class": partial(collapsed, modes=20),
        "one class": collapsed_class,
    },
    "labels": {"shuffled": shuffled, "of two classes exchanged": exchanged},
    "copies": {"all": partial(copied, share=1.0), "a tenth": partial(copied, share=COPIED_SHARE)},
}
ADMISSIONS = tuple(described(admission) for admission in (ADMITTED, FOR_STUDY, REFUSED))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sets", type=int, default=SETS)
    parser.add_argument("--only", choices=SOURCES, help="one of the two sources")
    parser.add_argument("--out")
    arguments = parser.parse_args()
    # Inherited by the processes that judge: one thread in each.
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    names = [arguments.only] if arguments.only else [name for name in SOURCES if name != "brain" or BRAIN.is_dir()]
    rows = []
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        runs = list(product(names, KINDS))
        for row in pool.map(judged, *zip(*runs, strict=True), [arguments.sets] * len(runs)):
            rows.append(row)
            print(row, file=sys.stderr, flush=True)
    publish("gate", rows, [target(row) for row in rows], ("numpy", "onnxruntime", "scikit-learn", "faiss-cpu"))


def target(row: Mapping[str, Any]) -> Target:
    """What is asked of the sets of a kind."""
    wanted, bound = ("admitted", 0.95) if row["kind"] == HONEST else ("refused", 1.0)
    verdicts = row["verdicts"]
    return Target(f"{row['source']}, {row['kind']}: {wanted}", verdicts[wanted] / row["sets"], ">=", bound)


def judged(name: str, kind: str, sets: int) -> dict[str, Any]:
    """How many of so many sets of a kind got which verdict, by variant too, and what their criteria's values were."""
    source, extractor, finder = prepared(name)
    training = LabelledImages(source.training, source.training_labels.tolist())
    variants = list(KINDS[kind])
    began, verdicts = time.perf_counter(), {variant: Counter[str]() for variant in variants}
    values: list[Mapping[str, float]] = []
    for number in range(sets):
        variant = variants[number % len(variants)]
        random = np.random.default_rng([2, number, list(KINDS).index(kind)])
        images, labels = KINDS[kind][variant](source, IMAGES, random)
        verdict = judge(LabelledImages(images, labels.tolist()), training, extractor, seed=number, finder=finder)
        verdicts[variant][described(verdict.admission)] += 1
        values.append({item.name: item.value for item in verdict.criteria})
    total = sum(verdicts.values(), Counter[str]())
    return {
        "source": source.name,
        "kind": kind,
        "sets": sets,
        "images": IMAGES,
        "training_images": len(training),
        "verdicts": {admission: total[admission] for admission in ADMISSIONS},
        "by_variant": verdicts,
        "ranges": {name: spanned([found[name] for found in values]) for name in values[0]},
        "seconds": round(time.perf_counter() - began, 1),
    }


@lru_cache
def prepared(name: str) -> tuple[Source, FeatureExtractor, CopyFinder]:
    """A source, and what a process keeps of it from one kind to the next."""
    source = SOURCES[name]()
    return source, Remembering(EfficientNetLite0()), CopyFinder(source.training)


def spanned(values: list[float]) -> list[float]:
    """The least and the largest."""
    return [round(min(values), 3), round(max(values), 3)]


def phantom_source(
    training: int = TRAINING, held_out: int = HELD_OUT, labels: tuple[str, ...] = phantoms.LABELS
) -> Source:
    """Every phantom has a head of its own."""
    names = np.array([labels[number % len(labels)] for number in range(training + held_out)])
    images = np.stack([phantoms.generate(str(name), number, SIZE).image for number, name in enumerate(names)])
    return Source("phantoms", images[:training], names[:training], images[training:], names[training:])


def brain_source() -> Source:
    """Whole clusters of near-copies are on one side; what remains alike is what patients' neighbouring slices are."""
    files = sorted(BRAIN.glob("*/*.jpg"))
    files = [files[index] for index in np.random.default_rng(3).permutation(len(files))[: TRAINING + HELD_OUT]]
    images = np.stack([np.asarray(Image.open(file).convert("L").resize((SIZE, SIZE))) for file in files])
    names = np.array([file.parent.name for file in files])
    links = np.array([(copy.index, copy.reference) for copy in RepeatFinder(CopyFinder(images, 2)).find(images)]).T
    edges = coo_array((np.ones(links.shape[1]), (links[0], links[1])), shape=(len(images), len(images)))
    cluster = connected_components(edges, directed=False)[1]
    # The limits were set by another split, and by other draws of sets.
    order = np.random.default_rng(2).permutation(cluster.max() + 1)
    held = order[cluster] < len(order) / 2
    return Source("brain-tumor-mri", images[~held], names[~held], images[held], names[held])


SOURCES: Mapping[str, Callable[[], Source]] = {"brain": brain_source, "phantoms": phantom_source}

if __name__ == "__main__":
    main()
