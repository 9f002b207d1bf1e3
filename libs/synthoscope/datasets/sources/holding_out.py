"""A test split for sources that come without one."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from synthoscope.api.datasets.v1.datasets_pb2 import Split
from synthoscope.datasets.sources.scan import SourceImage

TEST_SHARE = 0.2


def hold_out(images: Sequence[SourceImage], seed: int) -> list[SourceImage]:
    """Moves a fifth of every class to the test split, chosen by `seed` and path; the rest is for training.

    The images of a patient stay together: a patient is passed over whose images would make more than a fifth of any of
    their classes. So every class keeps training images, and where patients have many images each the share may be less
    than a fifth.
    """
    groups: defaultdict[str, list[SourceImage]] = defaultdict(list)
    for image in images:
        groups[f"patient {image.patient}" if image.patient else image.path].append(image)
    room = {label: round(TEST_SHARE * count) for label, count in Counter(image.label for image in images).items()}
    held_out: list[SourceImage] = []
    for key in sorted(groups, key=lambda key: hashlib.sha256(f"{seed}/{key}".encode()).digest()):
        wanted = Counter(image.label for image in groups[key])
        if all(count <= room[label] for label, count in wanted.items()):
            held_out += groups[key]
            for label, count in wanted.items():
                room[label] -= count
    tested = {image.path for image in held_out}
    return [replace(image, split=Split.SPLIT_TEST if image.path in tested else Split.SPLIT_TRAIN) for image in images]


def note(seed: int) -> str:
    """What to tell the user of it."""
    return f"no train and test split: {TEST_SHARE:.0%} of every class was set aside as test images (seed {seed})"
