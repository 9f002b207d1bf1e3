"""The gate on planted sets of 500 images: of held-out real images, which must pass, and bad ones, which must not.

Real images are phantoms of 64 px and, where ../shared/data has it, the training split of brain-tumor-mri at 64 px. They
are split in two so that no picture has a near-copy on the other side; one part is what the gate is told that the
generator was trained on, the other what a perfect generator makes. Every set is drawn anew:

- held out: as they are
- collapsed: 1, 5 or 20 held-out images of each class, noisy and shifted; or 5 of one class, the others as they are
- labels: shuffled; or those of two classes exchanged
- copies of training images: all; or a tenth, among held-out ones; as they are, noisy, mirrored, brighter, shifted,
  blurred

The features of an image are computed once. `--sets N` takes N sets of each
kind instead of 100, `--only phantoms` one of the two sources.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

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

HONEST: Plant = Source.real
BAD: Mapping[str, Plant] = {
    "collapsed to 1 a class": lambda source, count, random: collapsed(source, count, random, 1),
    "collapsed to 5 a class": lambda source, count, random: collapsed(source, count, random, 5),
    "collapsed to 20 a class": lambda source, count, random: collapsed(source, count, random, 20),
    "one class collapsed": collapsed_class,
    "labels shuffled": shuffled,
    "two classes exchanged": exchanged,
    "copies": lambda source, count, random: copied(source, count, random, 1.0),
    "a tenth copies": lambda source, count, random: copied(source, count, random, COPIED_SHARE),
}


def main() -> None:
    sets = int(sys.argv[sys.argv.index("--sets") + 1]) if "--sets" in sys.argv else SETS
    only = sys.argv[sys.argv.index("--only") + 1] if "--only" in sys.argv else ""
    rows: list[dict[str, object]] = []
    targets: list[Target] = []
    for source in sources(only):
        extractor = Remembering(EfficientNetLite0())
        for kind, plant in {"held out": HONEST, **BAD}.items():
            row = judged(source, kind, plant, sets, extractor)
            rows.append(row)
            print(row, file=sys.stderr, flush=True)
            wanted = "admitted" if kind == "held out" else "refused"
            bound = 0.95 if kind == "held out" else 1.0
            targets.append(Target(f"{source.name}, {kind}: {wanted}", float(str(row[wanted])) / sets, ">=", bound))
    publish("gate", rows, targets, ("numpy", "onnxruntime", "scikit-learn", "faiss-cpu"))


def judged(source: Source, kind: str, plant: Plant, sets: int, extractor: FeatureExtractor) -> dict[str, object]:
    """How many of so many sets of a kind got which verdict, and what kept them from admission."""
    training = LabelledImages(source.training, source.training_labels.tolist())
    finder = CopyFinder(source.training, threads=2)
    began, verdicts, values = time.perf_counter(), [], []
    for number in range(sets):
        images, labels = plant(source, IMAGES, np.random.default_rng([number, len(kind)]))
        verdict = judge(LabelledImages(images, labels.tolist()), training, extractor, seed=number, finder=finder)
        verdicts.append(described(verdict.admission))
        values.append({item.name: item.value for item in verdict.criteria})
    return {
        "source": source.name,
        "kind": kind,
        "sets": sets,
        "images": IMAGES,
        "training_images": len(training),
        "admitted": verdicts.count("admitted"),
        "for_study": verdicts.count("admitted for study only"),
        "refused": verdicts.count("refused"),
        "ranges": {name: spanned([found[name] for found in values]) for name in values[0]},
        "seconds": round(time.perf_counter() - began, 1),
    }


def spanned(values: list[float]) -> list[float]:
    """The least and the largest."""
    return [round(min(values), 3), round(max(values), 3)]


def sources(only: str) -> Iterator[Source]:
    """Phantoms, and brain slices where they are."""
    if only in ("", "phantoms"):
        yield phantom_source(TRAINING, HELD_OUT)
    if only in ("", "brain") and BRAIN.is_dir():
        yield brain_source()


def phantom_source(training: int, held_out: int, labels: tuple[str, ...] = phantoms.LABELS) -> Source:
    """Every phantom has a head of its own."""
    names = np.array([labels[number % len(labels)] for number in range(training + held_out)])
    images = np.stack([phantoms.generate(str(name), number, SIZE).image for number, name in enumerate(names)])
    return Source("phantoms", images[:training], names[:training], images[training:], names[training:])


def brain_source() -> Source:
    """Whole clusters of near-copies are on one side; what remains alike is what patients' neighbouring slices are."""
    files = sorted(BRAIN.glob("*/*.jpg"))
    files = [files[index] for index in np.random.default_rng(0).permutation(len(files))[: TRAINING + HELD_OUT]]
    images = np.stack([np.asarray(Image.open(file).convert("L").resize((SIZE, SIZE))) for file in files])
    names = np.array([file.parent.name for file in files])
    links = np.array([(copy.index, copy.reference) for copy in RepeatFinder(CopyFinder(images, 2)).find(images)]).T
    edges = coo_array((np.ones(links.shape[1]), (links[0], links[1])), shape=(len(images), len(images)))
    cluster = connected_components(edges, directed=False)[1]
    order = np.random.default_rng(1).permutation(cluster.max() + 1)
    held = order[cluster] < len(order) / 2
    return Source("brain-tumor-mri", images[~held], names[~held], images[held], names[held])


if __name__ == "__main__":
    main()
