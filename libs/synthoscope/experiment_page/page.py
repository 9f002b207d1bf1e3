"""From an experiment's record to its page."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from jinja2 import Environment, PackageLoader, StrictUndefined

from synthoscope.api.experiments.v1.experiments_pb2 import Experiment
from synthoscope.api.jobs.v1.jobs_pb2 import JobState
from synthoscope.experiment_page import plots, runs, tables


def render(experiment: Experiment) -> str:
    """The page, no script, nothing fetched from elsewhere; an experiment that goes on, or failed, has one too."""
    cells = runs.by_cell(experiment)
    tested = tables.arms(experiment)
    matrices = tables.confusions(experiment)
    environment = Environment(
        loader=PackageLoader("synthoscope.experiment_page"), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["percent"] = lambda share: f"{100 * share:g} %"
    return environment.get_template("experiment.html").render(
        experiment=experiment,
        specification=experiment.specification,
        verdicts=verdicts(experiment.verdict),
        state=JobState.Name(experiment.state).removeprefix("JOB_STATE_"),
        failed=[trial for trial in experiment.trials if trial.error],
        missing=runs.missing(experiment),
        arms=tested,
        arm_scores=list(tables.ARM_SCORES),
        networks=tables.networks(experiment),
        network_scores=list(tables.NETWORK_SCORES),
        courses=tables.courses(experiment),
        thirds=tables.thirds(experiment.specification.training.epochs),
        exchanges=tables.exchanges(experiment),
        largest=runs.largest_share(experiment),
        score_plot=plots.scores(cells) if tested else "",
        curve_plot=plots.validation_curves(cells) if cells else "",
        matrix_plots=plots.confusion_matrices(matrices),
    )


def verdicts(sentences: Iterable[str]) -> Sequence[tuple[str, Sequence[str]]]:
    """Each fraction's answer, and the sentences on single arms that come after it."""
    by_fraction = [list(group) for _, group in groupby(sentences, lambda sentence: sentence.partition(": ")[0])]
    return [(first, [sentence.partition(": ")[2] for sentence in rest]) for first, *rest in by_fraction]
