"""`synthoscope experiment`: whether synthetic images help, tried out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from google.protobuf import json_format

from synthoscope import names
from synthoscope.api.experiments.v1.experiments_pb2 import Experiment, ExperimentSpecification
from synthoscope.api.jobs.v1.jobs_pb2 import Job
from synthoscope.cli.console import (
    AsJson,
    Detach,
    RequestId,
    console,
    finish,
    follow,
    print_message,
    print_messages,
    progress_console,
    short_name,
    state_name,
    table,
)
from synthoscope.cli.experiment_options import (
    DEFAULT_EPOCHS,
    DEFAULT_PRESET,
    DEFAULT_RATIOS,
    DEFAULT_SHARES,
    Arms,
    BudgetMinutes,
    Epochs,
    FilteredSets,
    GanPreset,
    GanSettings,
    Presets,
    Ratios,
    Seeds,
    Shares,
    SplitSeed,
    SyntheticSets,
    check_arms,
    check_shares,
    parse_arms,
    parse_gan,
    parse_ratios,
    parse_sets,
    parse_training,
)
from synthoscope.cli.experiment_results import show_experiment
from synthoscope.cli.fields import Settings
from synthoscope.cli.verdicts import AcceptUnadmitted
from synthoscope.client import Client
from synthoscope.client.repeating import ensure
from synthoscope.experiment_preparation.preparing import Preparation, Request
from synthoscope.rpc.errors import FailedPrecondition

app = typer.Typer(no_args_is_help=True, help="Experiments: run, list, show, report.")

Id = Annotated[str, typer.Argument(help="Id of an experiment.")]


@app.command("run")
def run(
    dataset: Annotated[str, typer.Argument(help="`brain` or `brain@VERSION`; its test split is opened at the end.")],
    fraction: Shares = None,
    preset: Presets = None,
    gan: GanPreset = "",
    gan_set: GanSettings = None,
    synthetic: SyntheticSets = None,
    filtered: FilteredSets = None,
    arm: Arms = None,
    ratio: Ratios = None,
    seeds: Seeds = 5,
    epochs: Epochs = DEFAULT_EPOCHS,
    settings: Settings = None,
    seed: SplitSeed = 0,
    budget: BudgetMinutes = 0.0,
    accept_unadmitted: AcceptUnadmitted = False,
    request_id: RequestId = "",
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Trains classifiers with and without synthetic images, and says whether these help.

    Fractions, generators and synthetic sets are made first. Everything is found again by what it was made of: after
    Ctrl-C, when something failed, or when the budget ended, the same command goes on where it stopped.
    """
    shares = check_shares(fraction or DEFAULT_SHARES)
    presets = preset or [DEFAULT_PRESET]
    arms = parse_arms(arm or ())
    specification = ExperimentSpecification(
        presets=presets,
        training=parse_training(presets, epochs, settings or ()),
        arms=arms,
        ratios=parse_ratios(ratio or DEFAULT_RATIOS),
        seeds=seeds,
        budget_minutes=budget,
    )
    config = parse_gan(gan, gan_set or (), named=[*(synthetic or ()), *(filtered or ())])
    unfiltered = parse_sets(synthetic or (), shares, "--synthetic")
    passed = parse_sets(filtered or (), shares, "--filtered")
    there = {"generated": config is not None, "synthetic": bool(unfiltered), "filtered": bool(passed)}
    check_arms(arms, shares, **there)
    with Client() as client:
        specification.dataset_version = client.dataset_name(dataset)
        sets = _full_names(client, unfiltered), _full_names(client, passed)
        request = Request(specification, shares, config, *sets, seed)
        preparation = Preparation(client, lambda job, title: follow(client, job, title), _note)
        job = _submit(client, preparation.prepare(request), request_id, accept_unadmitted)
        ended = finish(client, job, "training and testing", detach=detach, as_json=as_json)
        if ended is not None:
            _show(client.experiments.get(ended.result), as_json)


@app.command("show")
def show(experiment: Id, as_json: AsJson = False) -> None:
    """Shows what an experiment came to, or how far it is."""
    with Client() as client:
        _show(_get(client, experiment), as_json)


@app.command("list")
def list_experiments(as_json: AsJson = False) -> None:
    """Lists all experiments."""
    with Client() as client:
        experiments = client.experiments.list()
    if as_json:
        print_messages(experiments)
        return
    rows = table("experiments", "experiment", "state", "dataset", "networks", "chosen", "begun")
    for item in experiments:
        specification = item.specification
        when = item.create_time.ToDatetime().strftime("%Y-%m-%d %H:%M:%S")
        dataset = short_name(specification.dataset_version)
        networks = ", ".join(specification.presets)
        rows.add_row(short_name(item.name), state_name(item.state), dataset, networks, item.chosen_preset, when)
    console.print(rows)


@app.command("report")
def report(
    experiment: Id,
    out: Annotated[Path, typer.Option(dir_okay=False, help="The page; its record goes beside it, as .json.")],
) -> None:
    """Writes an experiment as one self-contained HTML page, and its record as JSON beside it."""
    try:
        from synthoscope.experiment_page import page  # matplotlib is slow to import
    except ModuleNotFoundError as error:
        raise FailedPrecondition(
            f"a page needs more packages ({error.name} is missing): pip install 'synthoscope[local]'"
        ) from error
    if out.suffix == ".json":
        raise typer.BadParameter("is the page, such as report.html; the JSON goes beside it", param_hint="--out")
    with Client() as client:
        found = _get(client, experiment)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page.render(found))
    record = out.with_suffix(".json")
    record.write_text(json_format.MessageToJson(found))
    console.print(f"wrote {out} and {record}")


def _submit(client: Client, specification: ExperimentSpecification, request_id: str, accept_unadmitted: bool) -> Job:
    """Under the id that was given, or one that is found again when the same is asked for again.

    One that ended without some of its runs is asked for anew: the new one finds the others by their content.
    """

    def start(chosen: str) -> Job:
        return client.experiments.submit(specification, chosen, accept_unadmitted)

    def is_whole(job: Job) -> bool:
        experiment = client.experiments.get(job.result)
        return not experiment.cut_short and not any(trial.error for trial in experiment.trials)

    if request_id:
        return start(request_id)
    return ensure(start, "run", specification, accept_unadmitted, is_whole=is_whole)


def _full_names(client: Client, sets: Mapping[float, Sequence[str]]) -> Mapping[float, Sequence[str]]:
    return {
        share: [client.name(names.SYNTHETIC_SET, "synthetic_set", name) for name in listed]
        for share, listed in sets.items()
    }


def _get(client: Client, experiment: str) -> Experiment:
    return client.experiments.get(client.name(names.EXPERIMENT, "experiment", experiment))


def _show(experiment: Experiment, as_json: bool) -> None:
    if as_json:
        print_message(experiment)
    else:
        show_experiment(experiment)


def _note(text: str) -> None:
    progress_console.print(text, soft_wrap=True, highlight=False, markup=False)
