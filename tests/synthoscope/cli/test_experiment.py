import json
import sys

import made_experiments
import pytest
import typer
from typer.testing import CliRunner

from synthoscope.api.experiments.v1.experiments_pb2 import Arm, Experiment, ExperimentTrial
from synthoscope.api.jobs.v1.jobs_pb2 import Job, JobState
from synthoscope.api.training.v1.training_pb2 import GanConditioning
from synthoscope.cli import experiment_options as options
from synthoscope.cli.app import app
from synthoscope.cli.console import console
from synthoscope.cli.experiment import _submit
from synthoscope.cli.experiment_results import show_experiment
from synthoscope.client.experiments import Experiments
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput


@pytest.fixture(scope="module")
def experiment():
    return made_experiments.experiment(fails=lambda trial: trial.id.endswith("balanced-0"))


@pytest.fixture
def cli(monkeypatch, experiment):
    """The command, its platform being one experiment."""
    monkeypatch.setenv("SYNTHOSCOPE_CLIENT_TOKEN", "t")
    monkeypatch.setenv("SYNTHOSCOPE_CLIENT_ENDPOINTS", "{}")
    monkeypatch.setattr(Experiments, "get", lambda self, name: {experiment.name: experiment}[name])
    monkeypatch.setattr(Experiments, "list", lambda self: [experiment])

    def run(*arguments):
        result = CliRunner().invoke(app, ["experiment", *arguments], catch_exceptions=False)
        return result.exit_code, result.output

    return run


def unwrapped(output):
    return " ".join(output.replace("│", " ").split())


def test_shares_and_ratios_are_sorted_and_checked():
    assert options.check_shares([1.0, 0.05]) == [0.05, 1.0]
    assert options.parse_ratios([2.0, 0.5, 2.0]) == [0.5, 2.0]
    for wrong in ([0.0], [1.5], [0.5, 0.5], [float("nan")]):
        with pytest.raises(typer.BadParameter, match=r"\(0, 1\]"):
            options.check_shares(wrong)
    for wrong in (0.0, 11.0, float("nan")):
        with pytest.raises(typer.BadParameter, match=r"\(0, 10\]"):
            options.parse_ratios([wrong])


def test_arms_have_the_names_that_people_write():
    arms = options.parse_arms(["synthetic-only", "oracle"])
    assert [Arm.Value(arm) for arm in arms] == [Arm.ARM_SYNTHETIC_ONLY, Arm.ARM_ORACLE]
    with pytest.raises(typer.BadParameter, match="'synth' is none of real, augmented"):
        options.parse_arms(["synth"])


def test_the_training_is_checked_for_every_network():
    training = options.parse_training(["cnn-64", "cnn-128"], 3, ["batch_size=8"])
    assert (training.preset, training.epochs, training.batch_size) == ("", 3, 8)
    with pytest.raises(typer.BadParameter, match="'cnn-65' is none of"):
        options.parse_training(["cnn-64", "cnn-65"], 3, [])
    with pytest.raises(typer.BadParameter, match="once"):
        options.parse_training(["cnn-64", "cnn-64"], 3, [])
    with pytest.raises(InvalidInput, match=r"training\.batch_size"):
        options.parse_training(["cnn-64"], 3, ["batch_size=5000"])


def test_a_gan_comes_with_its_settings_or_not_at_all():
    config = options.parse_gan("r3", ["epochs=7", "conditioning=per-class"], [])
    assert (config.preset, config.epochs, config.conditioning) == ("r3", 7, GanConditioning.GAN_CONDITIONING_PER_CLASS)
    assert options.parse_gan("dcgan-64", [], []).epochs == options.DEFAULT_GAN_EPOCHS
    assert options.parse_gan("", [], ["1=set"]) is None
    for arguments, text in (
        (("", ["epochs=7"], []), "needs --gan"),
        (("r4", [], []), "'r4' is none of"),
        (("r3", [], ["1=set"]), "leave out --synthetic"),
    ):
        with pytest.raises(typer.BadParameter, match=text):
            options.parse_gan(*arguments)
    with pytest.raises(typer.BadParameter) as wrong:
        options.parse_gan("r3", ["epoch=7"], [])
    assert wrong.value.param_hint == "--gan-set"


def test_sets_belong_to_fractions_that_are_asked_for():
    found = options.parse_sets(["0.25=a", "1=b", "0.250=c"], [0.25, 1.0], "--synthetic")
    assert found == {0.25: ["a", "c"], 1.0: ["b"]}
    for wrong in ("a", "0.5=a", "0.25=", "x=a"):
        with pytest.raises(typer.BadParameter, match=r"one of 0\.25, 1"):
            options.parse_sets([wrong], [0.25, 1.0], "--synthetic")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--fraction", "0"], "must be in (0, 1]"),
        (["--seeds", "1"], "greater than or equal to 2"),
        (["--gan-set", "epochs=3"], "needs --gan"),
        (["--arm", "nothing"], "is none of"),
        (["--set", "epoch=3"], "did you mean epochs"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_asked_of_the_platform(cli, arguments, text):
    code, output = cli("run", "brain", *arguments)
    assert code == 2
    assert text in unwrapped(output)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--arm", "synthetic"], "synthetic needs --gan or --synthetic"),
        (["--arm", "real", "--arm", "synthetic-only", "--filtered", "1=f"], "synthetic-only needs --gan or --syn"),
        (["--arm", "balanced"], "balanced needs --gan or --synthetic"),
        (["--arm", "filtered", "--synthetic", "1=s"], "filtered needs --gan or --filtered"),
        (["--arm", "oracle", "--fraction", "1"], "oracle needs a --fraction below 1"),
    ],
)
def test_an_arm_that_will_have_no_images_is_refused_before_anything_is_made(cli, arguments, text):
    code, output = cli("run", "brain", *arguments)
    assert code == 2
    assert text in unwrapped(output)


def test_arms_that_will_have_images_are_taken():
    made = ["ARM_SYNTHETIC", "ARM_BALANCED", "ARM_SYNTHETIC_ONLY", "ARM_FILTERED", "ARM_ORACLE"]
    options.check_arms(made, [0.5, 1.0], generated=True, synthetic=False, filtered=False)
    options.check_arms(made, [0.5], generated=False, synthetic=True, filtered=True)
    options.check_arms(["ARM_AUGMENTED", "ARM_REAL"], [1.0], generated=False, synthetic=False, filtered=False)
    options.check_arms([], [1.0], generated=False, synthetic=False, filtered=False)


class Submissions:
    """A client's experiments: those of these records have ended, one after the other; a further one is QUEUED."""

    def __init__(self, *ended):
        self.ended, self.ids = ended, []

    @property
    def experiments(self):
        return self

    def submit(self, specification, request_id, accept_unadmitted):
        if request_id not in self.ids:
            self.ids.append(request_id)
        place = self.ids.index(request_id)
        state = JobState.JOB_STATE_SUCCEEDED if place < len(self.ended) else JobState.JOB_STATE_QUEUED
        return Job(name=request_id, state=state, result=str(place))

    def get(self, name):
        return self.ended[int(name)]


FAILED = Experiment(trials=[ExperimentTrial(id="one"), ExperimentTrial(id="two", error="too few images")])
CUT_SHORT = Experiment(trials=[ExperimentTrial(id="one")], cut_short=True)
WHOLE = Experiment(trials=[ExperimentTrial(id="one"), ExperimentTrial(id="two")])


@pytest.mark.parametrize("ended", [(FAILED,), (CUT_SHORT,), (CUT_SHORT, FAILED)])
def test_an_experiment_that_lacks_runs_is_gone_on_with(ended):
    client = Submissions(*ended)
    job = _submit(client, made_experiments.specification(), "", False)
    assert (job.state, len(client.ids)) == (JobState.JOB_STATE_QUEUED, len(ended) + 1)


def test_an_experiment_that_lacks_nothing_is_found_again():
    client = Submissions(CUT_SHORT, WHOLE)
    for _ in range(2):
        job = _submit(client, made_experiments.specification(), "", False)
        assert (job.state, job.result) == (JobState.JOB_STATE_SUCCEEDED, "1")


def test_an_id_that_was_given_is_kept_whatever_became_of_it():
    client = Submissions(CUT_SHORT)
    job = _submit(client, made_experiments.specification(), "mine", False)
    assert (job.name, client.ids) == ("mine", ["mine"])


def test_the_verdict_is_shown_with_comparisons_and_failures(experiment):
    with console.capture() as captured:
        show_experiment(experiment)
    shown = " ".join(captured.get().split())
    assert shown.index(" ".join(experiment.verdict[0].split())) < shown.index("on the test split")
    assert "failed: cnn-64-0-balanced-0: there are 3 synthetic images" in shown
    assert "synthoscope experiment report e1 --out e1.html" in shown
    assert "e1: SUCCEEDED, 57 runs, cnn-64 takes part in all arms" in shown


def test_an_experiment_that_runs_shows_how_far_it_is():
    with console.capture() as captured:
        show_experiment(Experiment(name="tenants/default/experiments/e2", state="JOB_STATE_RUNNING", cut_short=True))
    assert captured.get() == "e2: RUNNING, 0 runs\nThe budget ended before all runs were done.\n"


def test_report_writes_the_page_and_the_record(cli, experiment, tmp_path):
    page = tmp_path / "new" / "report.html"
    assert cli("report", "e1", "--out", str(page))[0] == 0
    assert "Do synthetic images help?" in page.read_text()
    record = json.loads(page.with_suffix(".json").read_text())
    assert record["name"] == experiment.name
    assert len(record["trials"]) == len(experiment.trials)
    code, output = cli("report", "e1", "--out", str(tmp_path / "report.json"))
    assert code == 2
    assert "the JSON goes beside it" in unwrapped(output)


def test_a_page_without_what_draws_it_says_what_to_install(cli, experiment, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in [name for name in sys.modules if name.startswith("synthoscope.experiment_page")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(FailedPrecondition, match=r"matplotlib is missing.*pip install 'synthoscope\[local\]'"):
        cli("report", "e1", "--out", str(tmp_path / "report.html"))
    assert not list(tmp_path.iterdir())


def test_show_and_list_speak_json(cli, experiment):
    assert json.loads(cli("show", "e1", "--json")[1])["verdict"] == list(experiment.verdict)
    assert [item["name"] for item in json.loads(cli("list", "--json")[1])] == [experiment.name]
    assert "e1" in cli("list")[1]
