"""What a recipe consists of: images, what is trained on them, and a page that shows claims beside results.

A recipe is a configuration. Its steps are named, and refer to earlier ones by name; the amounts are the paper's, which
`budget` scales down.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from synthoscope.api.datasets.v1.datasets_pb2 import Derivation, Split
from synthoscope.api.images.v1.preprocessing_pb2 import Preprocessing
from synthoscope.api.synthesis.v1.synthesis_pb2 import GenerationOptions
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanTrainingConfig


@dataclass(frozen=True)
class Imported:
    """A folder of images below the data folder; `patients` is the column of its manifest.csv that tells them apart.

    `made_up` are the phantoms' classes that stand for the folder's where there is no data, by its own.
    """

    folder: str
    made_up: Mapping[str, str]
    patients: str = ""
    preprocessing: Preprocessing | None = None


@dataclass(frozen=True)
class Derived:
    """A version made of another one."""

    parent: str
    rule: Derivation


@dataclass(frozen=True)
class Gan:
    """A generator that learns the training split of `data`."""

    data: str
    config: GanTrainingConfig


@dataclass(frozen=True)
class SyntheticImages:
    """What a generator makes: images by class. Another `seed` makes other ones."""

    gan: str
    counts: Mapping[str, int]
    options: GenerationOptions = field(default_factory=GenerationOptions)
    seed: int = 0


@dataclass(frozen=True)
class Network:
    """A classifier, trained with each of the seeds 0, 1, … on the training split of `data`, and on synthetic images.

    `alone` means on the synthetic images only. `as_long_as` names a network that takes as many optimiser steps an
    epoch, though it has other images: what is compared for a gain must not differ in them.
    """

    data: str
    config: ClassifierTrainingConfig
    synthetic: Sequence[str] = ()
    alone: bool = False
    seeds: int = 1
    as_long_as: str = ""
    part: float = 1.0
    whole: bool = False


@dataclass(frozen=True)
class Evaluated:
    """A network, every seed of it, measured on other images; those of synthetic sets count as well if named."""

    network: str
    data: str
    split: Split = Split.SPLIT_TEST
    synthetic: Sequence[str] = ()


Step = Imported | Derived | Gan | SyntheticImages | Network | Evaluated


@dataclass(frozen=True)
class Score:
    """A score by its name in the message Evaluation, or with a `label` in ClassMetrics.

    Of a network on a split of its own dataset ("test", "test-deduplicated", "validation"), or of an Evaluated step,
    which has no `split`.
    """

    of: str
    name: str = "accuracy"
    split: str = ""
    label: str = ""


@dataclass(frozen=True)
class Gain:
    """How much more of the test images of its own dataset one network gets right than another that is tested on them.

    Paired by seed and image, with a 95 % interval over seeds and groups of images (`experiment.comparing`).
    """

    network: str
    reference: str


@dataclass(frozen=True)
class Count:
    """How many images of a class, or of all, a synthetic set has."""

    synthetic: str
    label: str = ""


@dataclass(frozen=True)
class Seconds:
    """How long a network's whole job took, calibration and measurement included, mean over seeds."""

    network: str


@dataclass(frozen=True)
class Nearness:
    """How near synthetic images are to their nearest training images.

    "psnr" in dB, "ssim", or "mse" of values in [0, 1]. With a `label`, only those of that class, to real images of the
    same.
    """

    synthetic: str
    name: str
    label: str = ""


@dataclass(frozen=True)
class AtEpoch:
    """A network's accuracy on validation after a share of the epochs that its configuration has, in (0, 1].

    Not measured where training ended before, or where the share is less than an epoch.
    """

    network: str
    share: float


Cell = Score | Gain | Count | Seconds | Nearness | AtEpoch | str | float | None
"""What stands in a table: a result, or the paper's word or number; None leaves it empty."""


@dataclass(frozen=True)
class Row:
    """A claim of the paper, and what comes out: the way it was done there, and as it should be.

    A `claimed` number is compared with the results, in the same unit as they are.
    """

    what: str
    claimed: str | float
    as_they_did: Cell = None
    done_right: Cell = None


@dataclass(frozen=True)
class Table:
    """A table of the page."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


@dataclass(frozen=True)
class Pictures:
    """25 images of each set; of generators the sample grids at their first and last iteration."""

    title: str
    of: Sequence[str]


@dataclass(frozen=True)
class Courses:
    """Accuracy and loss of networks over epochs, of the first seed."""

    title: str
    networks: Sequence[str]


@dataclass(frozen=True)
class Confusions:
    """Confusion matrices, summed over seeds, by title."""

    title: str
    of: Mapping[str, Score]


@dataclass(frozen=True)
class Overlays:
    """Grad-CAM of a network's first seed, on the first test image of each class."""

    title: str
    network: str


@dataclass(frozen=True)
class Changed:
    """A network's accuracy on brighter, noisier, smaller images, of the first seed."""

    title: str
    network: str


Section = Table | Pictures | Courses | Confusions | Overlays | Changed


@dataclass(frozen=True)
class Recipe:
    """One paper. `differences` says what is not as in the paper, and why; sides are the paper's over `divisor`."""

    title: str
    paper: str
    steps: Mapping[str, Step]
    rows: Sequence[Row]
    sections: Sequence[Section]
    differences: Sequence[str]
    divisor: int = 1

    @property
    def changed(self) -> frozenset[str]:
        """The networks that are measured on changed images."""
        return frozenset(section.network for section in self.sections if isinstance(section, Changed))

    @property
    def in_step(self) -> frozenset[str]:
        """The networks that take as many optimiser steps an epoch as another one."""
        networks = {name: step for name, step in self.steps.items() if isinstance(step, Network) and step.as_long_as}
        return frozenset(networks) | {step.as_long_as for step in networks.values()}

    @property
    def compared(self) -> frozenset[str]:
        """The networks that a gain is asked of: none of a pair may stop before the other."""
        gains = (cell for cell in self.cells if isinstance(cell, Gain))
        return frozenset(name for gain in gains for name in (gain.network, gain.reference))

    @property
    def cells(self) -> Iterator[Cell]:
        """All cells of its rows and tables, and the scores of its confusion matrices."""
        for row in self.rows:
            yield from (row.as_they_did, row.done_right)
        for section in self.sections:
            if isinstance(section, Table):
                yield from (cell for line in section.rows for cell in line)
            elif isinstance(section, Confusions):
                yield from section.of.values()


def named_by(cell: Cell) -> Iterator[str]:
    """The steps that a cell names."""
    match cell:
        case Score():
            yield cell.of
        case Gain():
            yield from (cell.network, cell.reference)
        case Nearness() | Count():
            yield cell.synthetic
        case Seconds() | AtEpoch():
            yield cell.network


def shown_in(section: Section) -> Iterator[str]:
    """The steps that a section names."""
    match section:
        case Table():
            for row in section.rows:
                for cell in row:
                    yield from named_by(cell)
        case Pictures():
            yield from section.of
        case Courses():
            yield from section.networks
        case Confusions():
            for score in section.of.values():
                yield from named_by(score)
        case Overlays() | Changed():
            yield section.network
