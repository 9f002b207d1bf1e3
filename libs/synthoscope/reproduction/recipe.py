"""What a recipe consists of: images, what is trained on them, and a page that shows claims beside results.

A recipe is a configuration. Its steps are named, and refer to earlier ones by name; the amounts are the paper's, which
`budget` scales down.
"""

from collections.abc import Mapping, Sequence
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
    """What a generator makes: images by class."""

    gan: str
    counts: Mapping[str, int]
    options: GenerationOptions = field(default_factory=GenerationOptions)


@dataclass(frozen=True)
class Network:
    """A classifier, trained with each of the seeds 0, 1, … on the training split of `data`, and on synthetic images.

    `alone` means on the synthetic images only.
    """

    data: str
    config: ClassifierTrainingConfig
    synthetic: Sequence[str] = ()
    alone: bool = False
    seeds: int = 1


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
class Seconds:
    """How long a network's training took, from start to end, mean over seeds."""

    network: str


@dataclass(frozen=True)
class Nearness:
    """How near synthetic images are to their nearest training images: "psnr" in dB, "ssim" or "mse".

    With a `label`, only those of that class, to real images of the same.
    """

    synthetic: str
    name: str
    label: str = ""


@dataclass(frozen=True)
class AtEpoch:
    """A network's accuracy on validation at a share of its epochs, in (0, 1], mean over seeds."""

    network: str
    share: float


Cell = Score | Seconds | Nearness | AtEpoch | str | float | None
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
    """One paper. `differences` says what is not as in the paper, and why; `unknown` what the paper leaves open."""

    title: str
    paper: str
    steps: Mapping[str, Step]
    rows: Sequence[Row]
    sections: Sequence[Section]
    differences: Sequence[str]
