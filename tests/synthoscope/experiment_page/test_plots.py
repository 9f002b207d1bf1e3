import xml.etree.ElementTree as ElementTree

import made_experiments
import pytest

from synthoscope.experiment_page import plots, runs, tables


@pytest.fixture(scope="module")
def experiment():
    return made_experiments.experiment()


def texts(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("text")]


def test_a_dot_for_each_seed(experiment):
    cells = runs.by_cell(experiment)
    svg = plots.scores(cells)
    found = texts(svg)
    assert found.count("25 % of the real images") == found.count("100 % of the real images") == 1
    assert found.count("real + more real") == 1
    dots = [element for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("use")]
    marks = sum(len(found) + 1 for found in cells.values())  # each arm's seeds and their mean
    assert len(dots) >= marks


def test_curves_name_each_arm_once(experiment):
    found = texts(plots.validation_curves(runs.by_cell(experiment)))
    assert found.count("real + synthetic ×1") == found.count("real + more real") == 1


def test_matrices_come_a_few_in_a_row_with_names_escaped(experiment):
    drawn = plots.confusion_matrices(tables.confusions(experiment))
    assert len(drawn) == 3
    assert "<glioma>" in texts(drawn[0])
    assert "<glioma>" not in drawn[0]
