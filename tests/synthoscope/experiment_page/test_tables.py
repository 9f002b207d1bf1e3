import made_experiments
import numpy as np
import pytest
from sklearn import metrics

from synthoscope.experiment.arms import Arm
from synthoscope.experiment.plan import Trial
from synthoscope.experiment_page import tables
from synthoscope.experiment_page.runs import Cell


@pytest.fixture(scope="module")
def experiment():
    return made_experiments.experiment()


def said(arm, ratio=0.0, fraction=1, preset="cnn-64"):
    return [made_experiments.predictions(Trial(arm, ratio, fraction, preset, seed)) for seed in range(3)]


def test_the_before_and_after_table_has_the_means_that_scikit_learn_gives(experiment):
    first, second = tables.networks(experiment)
    assert (first.preset, second.preset) == ("cnn-64", "cnn-128")
    for network, scores, runs in (
        (first.preset, first.before, said(Arm.REAL)),
        (first.preset, first.after, said(Arm.SYNTHETIC, 1.0)),
    ):
        expected = {
            "precision": [metrics.precision_score(run.labels, run.predicted, average="macro") for run in runs],
            "recall": [metrics.recall_score(run.labels, run.predicted, average="macro") for run in runs],
            "F1": [metrics.f1_score(run.labels, run.predicted, average="macro") for run in runs],
            "accuracy": [metrics.accuracy_score(run.labels, run.predicted) for run in runs],
        }
        for name, values in expected.items():
            assert scores[name].mean == pytest.approx(np.mean(values)), (network, name)
            assert scores[name].deviation == pytest.approx(np.std(values, ddof=1))
    assert str(tables.mean_of([0.5, 0.7])) == "60.0 ± 14.1"
    assert str(tables.mean_of([0.5])) == "50.0"
    assert tables.mean_of([]) is None


def test_a_network_without_runs_has_no_scores():
    found = made_experiments.experiment(fails=lambda trial: trial.preset == "cnn-128")
    assert (tables.networks(found)[1].before, tables.networks(found)[1].after) == ({}, {})


def test_arms_have_their_scores_by_fraction(experiment):
    scores = tables.arms(experiment)[Cell(0.25, "real + synthetic ×0.5")]
    runs = said(Arm.SYNTHETIC, 0.5, fraction=0)
    expected = [metrics.balanced_accuracy_score(run.labels, run.predicted) for run in runs]
    assert scores["balanced accuracy"].mean == pytest.approx(np.mean(expected))
    areas = [metrics.roc_auc_score(run.labels, run.probabilities, multi_class="ovr") for run in runs]
    assert scores["AUROC"].mean == pytest.approx(np.mean(areas), abs=1e-6)


@pytest.mark.parametrize(("epochs", "expected"), [(30, [10, 20, 30]), (20, [7, 14, 20]), (2, [1, 2]), (1, [1])])
def test_a_training_has_three_thirds_where_it_is_long_enough(epochs, expected):
    assert tables.thirds(epochs) == expected


def test_the_course_says_images_and_scores_after_each_third(experiment):
    course = next(row for row in tables.courses(experiment) if row.cell == Cell(1.0, "real + synthetic ×0.5"))
    assert (course.real, course.synthetic) == (80, 40)
    assert [score.mean for score in course.scores] == pytest.approx([0.21, 0.41, 0.61])


def test_synthetic_and_real_are_exchanged_both_ways(experiment):
    quarter, whole = tables.exchanges(experiment)
    assert (quarter.share, whole.share) == (0.25, 1.0)
    expected = [metrics.accuracy_score(run.labels, run.predicted) for run in said(Arm.SYNTHETIC_ONLY)]
    assert whole.synthetic_to_real.mean == pytest.approx(np.mean(expected))
    assert whole.real_to_synthetic.mean == pytest.approx(0.7)
    without = made_experiments.experiment(skip=lambda trial: trial.arm is Arm.SYNTHETIC_ONLY)
    assert tables.exchanges(without)[1].synthetic_to_real is None


def test_confusion_matrices_are_sums_over_seeds_on_the_largest_fraction(experiment):
    found = tables.confusions(experiment)
    expected = sum(metrics.confusion_matrix(run.labels, run.predicted) for run in said(Arm.FILTERED))
    assert [list(row.counts) for row in found["real + filtered synthetic"].confusion] == expected.tolist()
    assert "real + more real" not in found
