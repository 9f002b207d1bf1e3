"""The record of an experiment: an Experiment message under `tenants/{tenant}/experiments/{job id}`, kept up to date."""

import time
from collections.abc import Callable, Mapping, Sequence

import synthoscope
from services.training.experiment_tasks import Outcome
from synthoscope.api.experiments.v1.experiments_pb2 import Experiment, ExperimentTrial
from synthoscope.api.jobs.v1.jobs_pb2 import JobState
from synthoscope.experiment.plan import Trial
from synthoscope.experiment.summary import name_of
from synthoscope.jobs.job import Progress
from synthoscope.objects import ObjectStore
from synthoscope.records import Records

WRITE_SECONDS = 1.0
"""Least time between two writes of an experiment that runs."""


class ExperimentRecord:
    """An experiment that runs: every change goes to the job's progress, and at most once a second to the object store.

    It begins anew in each attempt of the job; trainings that ended before are found by their content.
    """

    def __init__(
        self,
        objects: ObjectStore,
        experiment: Experiment,
        report: Callable[[Progress], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.experiment = experiment
        self._records = Records(objects, Experiment)
        self._report = report
        self._clock = clock
        self._written = 0.0
        self._began = clock()
        self._planned = 0
        self._trials: dict[Trial, ExperimentTrial] = {}
        for field in ("trials", "comparisons", "verdict", "chosen_preset", "cut_short", "end_time"):
            experiment.ClearField(field)
        experiment.state = JobState.JOB_STATE_RUNNING
        experiment.start_time.GetCurrentTime()
        experiment.code_version = synthoscope.__version__

    @property
    def minutes(self) -> float:
        """Since this attempt began."""
        return (self._clock() - self._began) / 60

    @property
    def finished(self) -> Mapping[Trial, ExperimentTrial]:
        """The trials that ended well."""
        return {trial: message for trial, message in self._trials.items() if not message.error}

    def plan(self, trials: Sequence[Trial]) -> None:
        """Counts trials that are to be run."""
        self._planned += len(trials)

    def ended(self, trial: Trial, outcome: Outcome) -> None:
        """A trial ended well."""
        message = self._message(trial)
        message.real_images, message.synthetic_images = outcome.real_images, outcome.synthetic_images
        message.validation_macro_f1.extend(outcome.validation_macro_f1)
        message.cached, message.seconds = outcome.cached, outcome.seconds
        self._add(trial, message)

    def failed(self, trial: Trial, error: str) -> None:
        """A trial failed, for a reason that its owner may see."""
        message = self._message(trial)
        message.error = error
        self._add(trial, message)

    def phase(self, text: str, done: int, total: int) -> None:
        """Reports what comes after the trials."""
        self._report(Progress(text, done, total))

    def write(self, state: JobState | None = None) -> None:
        """Writes the record; with a state, in this as its last."""
        if state is not None:
            self.experiment.state = state
            self.experiment.end_time.GetCurrentTime()
        self._written = self._clock()
        self._records.put(self.experiment.name, self.experiment)

    def _message(self, trial: Trial) -> ExperimentTrial:
        return ExperimentTrial(
            id=trial.id,
            arm=trial.arm.message,
            ratio=trial.ratio,
            share=self.experiment.specification.fractions[trial.fraction].share,
            preset=trial.preset,
            seed=trial.seed,
        )

    def _add(self, trial: Trial, message: ExperimentTrial) -> None:
        self.experiment.trials.append(message)
        self._trials[trial] = self.experiment.trials[-1]
        done = len(self._trials)
        left = self.minutes * 60 / done * (self._planned - done)
        phase = f"{'failed' if message.error else 'trained'}: {trial.preset}, {name_of(trial)}, seed {trial.seed}"
        self._report(Progress(phase, done, self._planned, 0.0, left))
        if self._clock() - self._written >= WRITE_SECONDS:
            self.write()
