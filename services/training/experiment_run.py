"""An experiment's job: all trainings as parallel tasks on Ray, then the test split once, then the comparisons."""

import uuid
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TypeVar

import numpy as np
import ray
import structlog
from ray.exceptions import RayTaskError

from services.training import experiment_tasks
from services.training.experiment_record import ExperimentRecord
from services.training.experiment_tasks import Outcome, Tested, Work
from services.training.experiments import experiment_name, new_experiment
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion, Split
from synthoscope.api.experiments.v1.experiments_pb2 import Experiment, ExperimentSpecification
from synthoscope.api.experiments.v1.experiments_service_pb2 import SubmitExperimentRequest
from synthoscope.api.jobs.v1.jobs_pb2 import JobState
from synthoscope.datasets import manifest
from synthoscope.datasets.audit.inheritance import find_clusters
from synthoscope.datasets.grouping import group
from synthoscope.experiment import plan
from synthoscope.experiment.arms import Arm
from synthoscope.experiment.plan import Trial
from synthoscope.experiment.summary import summarise
from synthoscope.hardware import processor_name
from synthoscope.jobs.worker import JobWorker
from synthoscope.metrics.evaluating import evaluate
from synthoscope.metrics.predictions import Predictions
from synthoscope.models.evaluations import TEST
from synthoscope.records import Records
from synthoscope.rpc.errors import Cancelled, FailedPrecondition, NotFound, SynthoscopeError
from synthoscope_ray.auditing import ensure_grouping
from synthoscope_ray.program import Stores
from synthoscope_ray.tasks import RemoteTask
from synthoscope_ray.waiting import QueueWatch

log = structlog.get_logger()

Result = TypeVar("Result")

_POLL_SECONDS = 0.5
_LAST_EPOCHS = 3
"""Whose mean macro F1 on validation a network is chosen by: that of one epoch is a matter of luck."""


def run(worker: JobWorker, stores: Stores) -> str:
    """Does the job; returns the experiment's name.

    Raises Cancelled; FailedPrecondition with the first trial's error when all have failed.
    """
    request = worker.specification(SubmitExperimentRequest)
    record = ExperimentRecord(stores.objects, _experiment(worker, stores, request.specification), worker.report)
    record.write()
    state = JobState.JOB_STATE_FAILED  # whatever breaks it, no record may say for ever that it runs
    try:
        _run(worker, stores, record)
        state = JobState.JOB_STATE_SUCCEEDED
    except Cancelled:
        state = JobState.JOB_STATE_CANCELLED
        raise
    finally:
        record.write(state)
    return record.experiment.name


def _run(worker: JobWorker, stores: Stores, record: ExperimentRecord) -> None:
    if not ray.is_initialized():
        ray.init(address="auto", log_to_driver=False)
    specification = record.experiment.specification
    record.experiment.hardware = _hardware()
    version = Records(stores.objects, DatasetVersion).get(specification.dataset_version)
    ensure_grouping(worker, stores, version)
    runner = _Runner(worker, stores, record)
    outcomes = runner.train(plan.first_trials(specification))
    preset = _chosen(record)
    record.experiment.chosen_preset = preset
    outcomes |= runner.train(plan.further_trials(specification, preset))
    # From here on nothing is trained or chosen any more.
    tested = runner.test(outcomes)
    said = _predictions(stores, version, tested, record)
    synthetic_images = {trial: message.synthetic_images for trial, message in record.finished.items()}
    summary = summarise(specification, preset, said, synthetic_images)
    record.experiment.comparisons.extend(summary.comparisons)
    record.experiment.verdict.extend(summary.verdict)


def _hardware() -> str:
    """The cluster's resources, and the processor of the node that drives the experiment."""
    resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return f"{resources.get('CPU', 0):g} CPUs ({processor_name()}), {resources.get('GPU', 0):g} GPUs"


def _experiment(worker: JobWorker, stores: Stores, specification: ExperimentSpecification) -> Experiment:
    try:
        return Records(stores.objects, Experiment).get(experiment_name(worker.name))
    except NotFound:
        # The service was stopped between accepting the job and writing the experiment.
        return new_experiment(stores.jobs.get(worker.name), specification)


def _chosen(record: ExperimentRecord) -> str:
    """The network with the best mean macro F1 on validation, trained on real images."""
    scores: dict[str, list[float]] = {}
    for trial, message in record.finished.items():
        if trial.arm is Arm.REAL:
            last = list(message.validation_macro_f1)[-_LAST_EPOCHS:]
            scores.setdefault(trial.preset, []).append(fmean(last))
    if not scores:
        first = next((trial.error for trial in record.experiment.trials if trial.error), "none was begun")
        raise FailedPrecondition(f"no network could be trained on the real images: {first}")
    return max(scores, key=lambda preset: fmean(scores[preset]))


class _Runner:
    """Runs trainings and tests as tasks, one more at once than there is room for, so that none waits for the driver."""

    def __init__(self, worker: JobWorker, stores: Stores, record: ExperimentRecord) -> None:
        self._worker = worker
        self._record = record
        settings = stores.settings.ray
        self._work = Work(
            job=worker.name,
            attempt=worker.attempt,
            specification=record.experiment.specification.SerializeToString(deterministic=True),
            threads=settings.worker_threads,
        )
        self._cpus, self._retries = settings.worker_cpus, settings.worker_retries
        self._watch = QueueWatch(worker, stores.jobs, {"CPU": settings.worker_cpus})
        cpus = ray.cluster_resources().get("CPU", 1)  # type: ignore[no-untyped-call]
        self._at_a_time = 1 + max(1, int(cpus / settings.worker_cpus))

    def train(self, trials: Sequence[Trial]) -> dict[Trial, Outcome]:
        """Trains what the budget allows for; a trial that fails is recorded, and the others go on."""
        self._record.plan(trials)
        task = RemoteTask(experiment_tasks.train, self._cpus, self._retries)
        waiting = list(reversed(trials))
        running: dict[ray.ObjectRef[Outcome], Trial] = {}
        outcomes: dict[Trial, Outcome] = {}
        while waiting or running:
            if waiting and self._is_over_budget:
                self._record.experiment.cut_short = True
                waiting = []
            while waiting and len(running) < self._at_a_time:
                trial = waiting.pop()
                running[task.start(self._work, trial)] = trial
            for reference in self._ready(running):
                trial = running.pop(reference)
                try:
                    outcomes[trial] = task.result(reference)
                    self._record.ended(trial, outcomes[trial])
                except SynthoscopeError as error:
                    self._record.failed(trial, error.message)
                except RayTaskError:  # its text may hold patient data, so it stays in the log
                    error_id = uuid.uuid4().hex[:12]
                    log.exception("experiment.unexpected_error", trial=trial.id, error_id=error_id)
                    self._record.failed(trial, f"an unexpected error; the logs have it under the id {error_id}")
        return outcomes

    def test(self, outcomes: dict[Trial, Outcome]) -> dict[Trial, Tested]:
        """Predicts the test split by every training's weights. Raises what a task raises."""
        task = RemoteTask(_test, self._cpus, self._retries)
        running = {task.start(self._work, trial, outcome.key): trial for trial, outcome in outcomes.items()}
        tested: dict[Trial, Tested] = {}
        while running:
            for reference in self._ready(running):
                tested[running.pop(reference)] = task.result(reference)
            self._record.phase("testing", len(tested), len(outcomes))
        return tested

    @property
    def _is_over_budget(self) -> bool:
        budget = self._record.experiment.specification.budget_minutes
        return budget > 0 and self._record.minutes >= budget

    def _ready(self, running: "Mapping[ray.ObjectRef[Result], Trial]") -> "Sequence[ray.ObjectRef[Result]]":
        """The tasks that have ended; looks what the job waits for, and whether it was cancelled."""
        ready, _ = ray.wait(list(running), num_returns=1, timeout=_POLL_SECONDS) if running else ([], [])
        self._watch.look()
        if self._worker.cancelled():
            for reference in running:
                ray.cancel(reference)
            raise Cancelled(f"stopped after {len(self._record.finished)} trainings")
        return ready


def _test(work: Work, trial: Trial, key: str) -> Tested:
    return experiment_tasks.test(work, trial, key, on_synthetic=trial.arm is Arm.REAL)


def _predictions(
    stores: Stores, version: DatasetVersion, tested: dict[Trial, Tested], record: ExperimentRecord
) -> dict[Trial, Predictions]:
    """What was said of the test images, by trial; each trial's message gets its scores."""
    images = [image for image in manifest.read(stores.objects, version) if image.split == Split.SPLIT_TEST]
    groups = group(images, find_clusters(stores.objects, version) or []).numbers
    classes = tuple(version.classes)
    labels = np.array([classes.index(image.label) for image in images], np.int64)
    said = {trial: Predictions(labels, found.probabilities, groups) for trial, found in tested.items()}
    for number, (trial, predictions) in enumerate(said.items(), start=1):
        message = record.finished[trial]
        message.test.CopyFrom(evaluate(predictions, classes, TEST))
        for field in ("roc_curves", "reliability"):  # hundreds of them would make the record slow to read
            message.test.ClearField(field)
        accuracy = tested[trial].accuracy_on_synthetic
        if accuracy is not None:
            message.accuracy_on_synthetic = accuracy
        record.phase("measuring", number, len(said))
    return said
