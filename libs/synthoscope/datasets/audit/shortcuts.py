"""Properties of the files, not of the anatomy, from which the class or the split can be guessed."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from synthoscope.api.datasets.v1.audits_pb2 import Shortcut
from synthoscope.datasets.audit.pictures import Picture

_FOLDS = 5
_FEWEST = 20  # images that a class needs to be guessed
_PROPERTIES: Mapping[str, Callable[[Picture], Sequence[object]]] = {
    "mode": lambda picture: [picture.facts.mode],
    "size": lambda picture: [picture.facts.width, picture.facts.height],
    "format": lambda picture: [picture.facts.media_type],
    "margins": lambda picture: picture.margins,
    "sharpness": lambda picture: [picture.sharpness],
    "bytes per pixel": lambda picture: [picture.size_bytes / (picture.facts.width * picture.facts.height)],
}


def shortcuts(
    pictures: Sequence[Picture], groups: Sequence[int], targets: Mapping[str, Sequence[str]]
) -> list[Shortcut]:
    """Which property gives away which target ("label", "split": a name for each picture), the most telling first.

    A shallow decision tree guesses from one property at a time; its balanced accuracy is measured on images held out,
    copies (of one of `groups`) always together. Reported is what guesses better than chance: the 95 % interval lies
    above it.
    """
    if not pictures:
        return []
    found = [
        shortcut
        for target, names in targets.items()
        for name, values in _PROPERTIES.items()
        if (shortcut := _measure(name, _numbers(pictures, values), np.asarray(groups), target, np.asarray(names)))
    ]
    telling = [shortcut for shortcut in found if shortcut.accuracy_low > shortcut.chance]
    return sorted(telling, key=lambda shortcut: shortcut.chance - shortcut.accuracy)


def _numbers(pictures: Sequence[Picture], values: Callable[[Picture], Sequence[object]]) -> NDArray[np.float64]:
    """A row of numbers a picture; texts become their place in alphabetical order, which a tree can tell apart."""
    columns = zip(*map(values, pictures), strict=True)
    return np.stack([np.unique(np.asarray(column), return_inverse=True)[1] for column in columns], axis=1).astype(float)


def _measure(
    name: str, numbers: NDArray[np.float64], groups: NDArray[np.int64], target: str, names: NDArray[np.str_]
) -> Shortcut | None:
    """How well the numbers give the target away; None where there is nothing to guess from, or too little to guess.

    Classes of few images, or of fewer groups than folds, are left out: some folds could not learn, or guess, them.
    """
    kept = np.isin(names, [each for each in np.unique(names) if _can_be_guessed(groups[names == each])])
    numbers, groups, names = numbers[kept], groups[kept], names[kept]
    classes, sizes = np.unique(names, return_counts=True)
    if len(classes) < 2 or (numbers == numbers[0]).all():
        return None
    tree = DecisionTreeClassifier(max_depth=4, min_samples_leaf=5, class_weight="balanced", random_state=0)
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0)
    right = cross_val_predict(tree, numbers, names, groups=groups, cv=folds) == names
    hits = np.array([right[names == each].sum() for each in classes])
    accuracy, error = float((hits / sizes).mean()), _standard_error(hits, sizes)
    return Shortcut(
        property=name,
        target=target,
        accuracy=accuracy,
        chance=1 / len(classes),
        accuracy_low=max(0.0, accuracy - 1.96 * error),
        accuracy_high=min(1.0, accuracy + 1.96 * error),
    )


def _can_be_guessed(groups: NDArray[np.int64]) -> bool:
    """Whether a class with images of these groups can."""
    return len(groups) >= _FEWEST and len(np.unique(groups)) >= _FOLDS


def _standard_error(hits: NDArray[np.int64], sizes: NDArray[np.int64]) -> float:
    """Of the mean of the classes' shares of hits; one hit and one miss added, so that no share is beyond doubt."""
    shares = (hits + 1) / (sizes + 2)
    return float(np.sqrt((shares * (1 - shares) / (sizes + 2)).sum()) / len(sizes))
