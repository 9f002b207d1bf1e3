import numpy as np
import pytest
import torch
from scipy.special import softmax
from torchmetrics.image.inception import InceptionScore

from synthoscope.metrics.inception_score import inception_score


def logits(n, classes, seed=0, sharpness=3.0):
    return sharpness * np.random.default_rng(seed).normal(size=(n, classes))


@pytest.mark.filterwarnings("ignore:Metric `InceptionScore` will save all extracted features")
def test_agrees_with_torchmetrics():

    class Same(torch.nn.Module):
        def forward(self, given):
            return given

    given = logits(500, 12)
    theirs = InceptionScore(feature=Same(), splits=1)
    theirs.update(torch.from_numpy(given))
    with pytest.warns(UserWarning, match="degrees of freedom"):  # of the deviation of one split
        expected = float(theirs.compute()[0])
    assert inception_score(softmax(given, axis=1), splits=1).mean == pytest.approx(expected, rel=1e-3)


def test_splits_agree_with_scores_taken_apart():
    probabilities = softmax(logits(90, 5), axis=1)
    parts = np.array_split(probabilities[np.random.default_rng(7).permutation(90)], 4)
    scores = [inception_score(part, splits=1).mean for part in parts]
    whole = inception_score(probabilities, splits=4, seed=7)
    assert whole.mean == pytest.approx(np.mean(scores))
    assert whole.deviation == pytest.approx(np.std(scores))


def test_sure_and_even_answers_score_as_many_as_there_are_classes():
    assert inception_score(np.eye(4).repeat(25, axis=0), splits=1).mean == pytest.approx(4.0)


@pytest.mark.parametrize("same", [[0.25] * 4, [1.0, 0.0, 0.0, 0.0]])
def test_the_same_answer_for_all_scores_one(same):
    score = inception_score(np.tile(same, (50, 1)))
    assert score.mean == pytest.approx(1.0)
    assert score.deviation == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("given", [np.ones((5, 2)) / 2, np.ones((20, 2)), np.array([[-0.5, 1.5]] * 20), np.ones(20)])
def test_refuses_what_are_no_probabilities_or_too_few(given):
    with pytest.raises(ValueError, match="probabilities must"):
        inception_score(given)
