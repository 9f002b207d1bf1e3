from dataclasses import replace

import numpy as np
import pytest

from synthoscope.datasets.audit.pictures import Picture
from synthoscope.datasets.audit.shortcuts import shortcuts
from synthoscope.images.decoding import ImageFacts

LABELS = [("a", "b")[n % 2] for n in range(400)]


def picture(number: int) -> Picture:
    """Nothing of it depends on the label but chance."""
    random = np.random.default_rng(number)
    return Picture(
        digest=b"",
        facts=ImageFacts("image/png", 64, 64, "L"),
        size_bytes=int(random.integers(1000, 2000)),
        margins=(float(random.random()), 0, 0, 0),
        sharpness=float(random.random()),
        constant=False,
    )


def test_what_gives_the_label_away_comes_first() -> None:
    pictures = [picture(n) for n in range(400)]
    for n in range(0, 400, 2):
        pictures[n] = replace(pictures[n], facts=replace(pictures[n].facts, mode="RGB"))
        pictures[n] = replace(pictures[n], sharpness=pictures[n].sharpness + 0.5)
    found = shortcuts(pictures, list(range(400)), {"label": LABELS, "split": ["train"] * 400})
    assert [(one.property, one.target) for one in found[:2]] == [("mode", "label"), ("sharpness", "label")]
    assert found[0].accuracy == 1.0
    assert found[0].accuracy_low < 1.0
    assert found[0].chance == 0.5
    assert 0.6 < found[1].accuracy_low < found[1].accuracy < found[1].accuracy_high < 0.9


def test_chance_is_not_reported() -> None:
    assert shortcuts([picture(n) for n in range(400)], list(range(400)), {"label": LABELS}) == []


def test_copies_do_not_vouch_for_each_other() -> None:
    """Ten copies each of forty pictures: sharpness tells which picture it is, but nothing of its label."""
    pictures = [picture(n // 10) for n in range(400)]
    labels = [("a", "b")[int(np.random.default_rng([7, n // 10]).integers(2))] for n in range(400)]
    apart = {one.property for one in shortcuts(pictures, list(range(400)), {"label": labels})}
    together = {one.property for one in shortcuts(pictures, [n // 10 for n in range(400)], {"label": labels})}
    assert "sharpness" in apart
    assert "sharpness" not in together


@pytest.mark.parametrize("originals", [1, 2, 7])
def test_copies_of_a_few_pictures_are_too_little_to_guess_from(originals: int) -> None:
    """With two classes, seven pictures leave one of the classes with fewer of them than there are folds."""
    groups = [n % originals for n in range(60)]
    labels = [("a", "b")[group % 2] for group in groups]
    assert shortcuts([picture(n) for n in range(60)], groups, {"label": labels}) == []


def test_small_classes_are_left_out() -> None:
    assert shortcuts([picture(n) for n in range(30)], list(range(30)), {"label": ["a"] * 25 + ["b"] * 5}) == []
