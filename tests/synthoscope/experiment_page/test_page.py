from html.parser import HTMLParser

import made_experiments
import pytest

from synthoscope.api.experiments.v1.experiments_pb2 import Experiment
from synthoscope.api.jobs.v1.jobs_pb2 import JobState
from synthoscope.experiment.arms import Arm
from synthoscope.experiment_page import tables
from synthoscope.experiment_page.page import render, verdicts


class Cells(HTMLParser):
    """The cells of all table rows."""

    def __init__(self):
        super().__init__()
        self.rows, self.open = [], False

    def handle_starttag(self, tag, attributes):
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.open = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.open = False

    def handle_data(self, text):
        if self.open:
            self.rows[-1][-1] += text.strip()


def rows(page):
    parser = Cells()
    parser.feed(page)
    return parser.rows


@pytest.fixture(scope="module")
def experiment():
    return made_experiments.experiment()


def test_the_verdict_comes_first_and_the_page_stands_alone(experiment):
    page = render(experiment)
    body = page[page.index("<h1>") :]
    assert body.index(experiment.verdict[0].replace("<", "&lt;").replace("'", "&#39;")) < body.index("<table")
    assert "<script" not in page
    # Names of XML namespaces are no addresses that anything is fetched from.
    addresses = {part.partition('"')[0].partition("<")[0] for part in page.split("http")[1:]}
    assert all(
        "w3.org" in one or "purl.org" in one or "creativecommons" in one or "matplotlib" in one for one in addresses
    )
    assert 'src="' not in page
    assert "<glioma>" not in page


def test_every_comparison_is_a_row_with_its_figures(experiment):
    found = rows(render(experiment))
    for item in experiment.comparisons:
        row = next(row for row in found if row[:3] == [f"{100 * item.share:g} %", item.arm, item.reference])
        low, high = (f"{100 * value:+.1f}" for value in (item.interval.low, item.interval.high))
        assert row[3:7] == [
            f"{100 * item.difference:+.1f}", f"{low} to {high}", f"{item.p_value:.4f}", f"{item.adjusted_p_value:.4f}",
        ]  # fmt: skip
        assert row[-1] == item.finding
    assert len(experiment.comparisons) > 30


def test_all_tables_are_there(experiment):
    found = rows(render(experiment))
    (_, network) = tables.networks(experiment)
    row = next(row for row in found if row[0] == "cnn-128")
    assert row[1:3] == [str(network.before["precision"]), str(network.after["precision"])]
    assert ["100 %", "real + synthetic ×0.5", "80", "40", "21.0 ± 1.0", "41.0 ± 1.0", "61.0 ± 1.0"] in found
    assert any(row[0] == "100 %" and row[2] == "70.0 ± 10.0" for row in found)


def test_what_failed_and_what_was_cut_off_is_said():
    found = made_experiments.experiment(
        skip=lambda trial: trial.seed == 2 and trial.fraction == 0,
        fails=lambda trial: trial.arm is Arm.BALANCED and trial.seed == 0,
        budget_minutes=30,
    )
    found.cut_short = True
    page = render(found)
    assert "The budget of 30 minutes ended before all runs were done" in page
    assert "9 planned runs were not done" in page
    assert "2 runs failed" in page
    assert "3 synthetic images of class &lt;glioma&gt;" in page


def test_an_experiment_that_has_not_come_to_anything_is_a_page_too(experiment):
    begun = Experiment()
    begun.CopyFrom(experiment)
    for field in ("trials", "verdict", "comparisons", "chosen_preset"):
        begun.ClearField(field)
    begun.state = JobState.JOB_STATE_RUNNING
    page = render(begun)
    assert "the experiment is RUNNING, and the test split was not opened" in page
    assert "Nothing was tested" in page
    untested = Experiment()
    untested.CopyFrom(experiment)
    for field in ("verdict", "comparisons"):
        untested.ClearField(field)
    for trial in untested.trials:
        trial.ClearField("test")
    page = render(untested)
    assert "Nothing was tested" in page
    assert "41.0 ± 1.0" in page


def test_where_there_was_nothing_to_compare_the_test_split_is_not_said_to_be_closed():
    controls = made_experiments.experiment(arms=[Arm.AUGMENTED.message, Arm.DUPLICATED.message])
    assert not controls.verdict
    page = render(controls)
    assert "There is no verdict: there was nothing to compare." in page
    assert "not opened" not in page
    controls.state = JobState.JOB_STATE_FAILED
    page = render(controls)
    assert "There is no verdict: the experiment is FAILED, though the test split was opened." in page


def test_the_answer_of_a_fraction_comes_before_its_arms():
    sentences = ["With 5 %: they help.", "With 5 %: a is better: +1.", "With 100 %: they do not help."]
    assert verdicts(sentences) == [
        ("With 5 %: they help.", ["a is better: +1."]), ("With 100 %: they do not help.", []),
    ]  # fmt: skip
    assert verdicts([]) == []
