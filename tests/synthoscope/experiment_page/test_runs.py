import made_experiments
import pytest

from synthoscope.experiment.arms import Arm
from synthoscope.experiment_page import runs
from synthoscope.experiment_page.runs import Cell


@pytest.fixture(scope="module")
def experiment():
    return made_experiments.experiment()


def test_runs_lie_by_fraction_and_arm_in_order(experiment):
    cells = runs.by_cell(experiment)
    assert [cell.arm for cell in cells if cell.share == 0.25] == [
        "real", "real + augmentation", "real twice", "real + synthetic ×0.5", "real + synthetic ×1",
        "real + filtered synthetic", "real, balanced with synthetic", "synthetic only", "real + more real",
    ]  # fmt: skip
    assert Cell(1.0, "real + more real") not in cells
    assert all([run.seed for run in found] == [0, 1, 2] for found in cells.values())
    assert {run.preset for found in cells.values() for run in found} == {"cnn-64"}


def test_networks_are_compared_on_the_largest_fraction(experiment):
    before = runs.of_network(experiment, "cnn-128", Arm.REAL)
    after = runs.of_network(experiment, "cnn-128", Arm.SYNTHETIC, 1.0)
    assert {run.share for run in (*before, *after)} == {1.0}
    assert (len(before), len(after)) == (3, 3)
    assert not runs.of_network(experiment, "cnn-128", Arm.SYNTHETIC, 0.5)


def test_runs_that_were_not_done_are_counted_and_failed_ones_are_not_runs(experiment):
    assert runs.missing(experiment) == 0
    last = made_experiments.experiment(skip=lambda trial: trial.seed == 2 and trial.fraction == 0)
    assert runs.missing(last) == 9
    failed = made_experiments.experiment(fails=lambda trial: trial.arm is Arm.BALANCED)
    assert runs.missing(failed) == 0
    assert not any(cell.arm == "real, balanced with synthetic" for cell in runs.by_cell(failed))
    last.chosen_preset = ""
    assert runs.missing(last) == 0
    assert not runs.by_cell(last)
