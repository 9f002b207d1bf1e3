"""Whether generated images show what their labels say, by a linear probe of features.

G. Alain, Y. Bengio, "Understanding intermediate layers using linear classifier probes", 2016. The probe is a ridge
classifier: as accurate on these features as a logistic regression, in a fifth of the time.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

_FOLDS = 5
_SHRINKAGE = 1000.0


@dataclass(frozen=True)
class Agreement:
    """Skill is mean recall over the generated classes, from 0 for chance to 1; below 0 is worse than chance.

    `probe` is that on training images that the probe did not see, in five folds; `generated` that on the generated
    images, over `probe`'s. `worst_class` is the lowest recall of a class among generated images, over that among
    training images.
    """

    probe: float
    generated: float | None
    worst_class: float | None


def label_agreement(
    real: NDArray[Any], real_labels: NDArray[Any], generated: NDArray[Any], labels: NDArray[Any], seed: int = 0
) -> Agreement | None:
    """From features N×D and M×D and the labels of each; generated images have the training images' classes, or some.

    None for a single class of training images, or one with fewer of them than there are folds.
    """
    classes, counts = np.unique(real_labels, return_counts=True)
    if len(classes) < 2 or counts.min() < _FOLDS:
        return None
    probe = make_pipeline(StandardScaler(), RidgeClassifier(alpha=_SHRINKAGE, class_weight="balanced"))
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    generated_classes = np.unique(labels)
    real_recall = _recall(generated_classes, real_labels, cross_val_predict(probe, real, real_labels, cv=folds))
    recall = _recall(generated_classes, labels, probe.fit(real, real_labels).predict(generated))
    chance = 1 / len(classes)
    skill = float((real_recall.mean() - chance) / (1 - chance))
    if skill <= 0:
        return Agreement(skill, None, None)
    generated_skill = float((recall.mean() - chance) / (1 - chance))
    return Agreement(skill, generated_skill / skill, float((recall / np.maximum(real_recall, chance)).min()))


def _recall(classes: NDArray[Any], labels: NDArray[Any], guesses: NDArray[Any]) -> NDArray[np.float64]:
    """Of each class."""
    return np.array([np.mean(guesses[labels == label] == label) for label in classes])
