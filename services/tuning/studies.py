"""The record of a study: a Study message under `tenants/{tenant}/studies/{job id}`, rewritten while it runs."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from google.protobuf import json_format
from google.protobuf.timestamp_pb2 import Timestamp

from services.tuning import space
from services.tuning.specification import objective
from synthoscope import names
from synthoscope.api.jobs.v1.jobs_pb2 import JobState
from synthoscope.api.tuning.v1.tuning_pb2 import Objective, Study, Trial
from synthoscope.api.tuning.v1.tuning_service_pb2 import SubmitStudyRequest
from synthoscope.jobs.job import Job, Progress
from synthoscope.objects import ObjectStore
from synthoscope.records import Records

WRITE_SECONDS = 1.0
"""Least time between two writes of a study that runs."""

_ENDED = (JobState.JOB_STATE_SUCCEEDED, JobState.JOB_STATE_FAILED)


def study_name(job_name: str) -> str:
    """The name of a job's study."""
    ids = names.JOB.parse(job_name)
    return names.STUDY.format(tenant=ids["tenant"], study=ids["job"])


def new_study(job: Job, request: SubmitStudyRequest) -> Study:
    """The study of a job that has not begun."""
    created = Timestamp()
    created.FromDatetime(job.create_time)
    return Study(
        name=study_name(job.name),
        job=job.name,
        state=JobState.JOB_STATE_QUEUED,
        dataset_version=request.dataset_version,
        specification=request.specification,
        objective=objective(request.specification),
        create_time=created,
    )


@dataclass(frozen=True)
class PlannedTrial:
    """A trial that is still to be run: its id and its parameters."""

    id: str
    parameters: Mapping[str, float]


class StudyRecord:
    """A study that runs: every change goes to the job's progress, and at most once a second to the object store.

    Trials that an earlier attempt of the job finished are kept and not planned again; those it left unfinished are.
    """

    def __init__(
        self,
        objects: ObjectStore,
        study: Study,
        drawn: Sequence[Mapping[str, float]],
        report: Callable[[Progress], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.study = study
        self._records = Records(objects, Study)
        self._report = report
        self._clock = clock
        self._base = space.base_config(study.specification)
        self._planned = [PlannedTrial(str(number), values) for number, values in enumerate(drawn, start=1)]
        finished = [trial for trial in study.trials if trial.state in _ENDED]
        del study.trials[:]
        study.trials.extend(finished)
        study.state = JobState.JOB_STATE_RUNNING
        # The best one may have been among the unfinished.
        self._choose_best()
        self._began = clock()
        self._written = -WRITE_SECONDS

    @property
    def waiting(self) -> list[PlannedTrial]:
        """The trials that have not been run, in order."""
        known = {trial.id for trial in self.study.trials}
        return [trial for trial in self._planned if trial.id not in known]

    def started(self, trial: PlannedTrial) -> None:
        """A trial has begun."""
        self.study.trials.add(id=trial.id, state=JobState.JOB_STATE_RUNNING, parameters=trial.parameters)
        self._changed()

    def measured(self, trial_id: str, value: float, seconds: float, images_per_second: float) -> None:
        """A trial has reported its objective."""
        trial = self._trial(trial_id)
        trial.objective_values.append(value)
        trial.best_objective = self._better(trial.objective_values)
        trial.seconds = seconds
        self._choose_best()
        self._changed(images_per_second)

    def succeeded(self, trial_id: str, stopped_early: bool) -> None:
        """A trial has ended, or was stopped by ASHA."""
        trial = self._trial(trial_id)
        trial.state, trial.stopped_early = JobState.JOB_STATE_SUCCEEDED, stopped_early
        self._changed()

    def failed(self, trial_id: str, error: str) -> None:
        """A trial has failed; its values no longer count."""
        trial = self._trial(trial_id)
        trial.state, trial.error = JobState.JOB_STATE_FAILED, error
        self._choose_best()
        self._changed()

    def end(self, state: JobState) -> None:
        """The study has ended in this state; so have, if they had not, its trials."""
        self.study.state = state
        for trial in self.study.trials:
            if trial.state not in _ENDED:
                trial.state = JobState.JOB_STATE_CANCELLED
        self.write()

    @property
    def first_error(self) -> str | None:
        """The first trial's error, if not one trial succeeded; else None."""
        if any(trial.state == JobState.JOB_STATE_SUCCEEDED for trial in self.study.trials):
            return None
        return next((trial.error for trial in self.study.trials if trial.error), "no trial was run")

    def write(self) -> None:
        """Stores the study as it is now."""
        self._records.put(self.study.name, self.study)
        self._written = self._clock()

    def _changed(self, images_per_second: float = 0.0) -> None:
        self._report(self._progress(images_per_second))
        if self._clock() - self._written >= WRITE_SECONDS:
            self.write()

    def _progress(self, images_per_second: float) -> Progress:
        total, finished = len(self._planned), sum(trial.state in _ENDED for trial in self.study.trials)
        # A trial that is running counts for the share of its epochs.
        running = sum(
            len(trial.objective_values) / self._base.epochs for trial in self.study.trials if trial.state not in _ENDED
        )
        done = min((finished + running) / total, 1.0)
        elapsed = self._clock() - self._began
        best = next((trial for trial in self.study.trials if trial.id == self.study.best_trial), None)
        return Progress(
            phase="searching",
            step=finished,
            total_steps=total,
            images_per_second=images_per_second,
            remaining_seconds=elapsed * (1 - done) / done if done else None,
            metrics={f"best_{_METRICS[self.study.objective]}": best.best_objective} if best else {},
        )

    def _choose_best(self) -> None:
        candidates = {
            trial.id: trial.best_objective
            for trial in self.study.trials
            if trial.HasField("best_objective") and trial.state != JobState.JOB_STATE_FAILED
        }
        self.study.ClearField("best_config")
        self.study.best_trial = ""
        if not candidates:
            return
        best_value = self._better(list(candidates.values()))
        self.study.best_trial = next(trial_id for trial_id, value in candidates.items() if value == best_value)
        config = space.with_parameters(self._base, self._trial(self.study.best_trial).parameters)
        json_format.ParseDict(json.loads(json.dumps(config.to_json())), self.study.best_config)

    def _better(self, values: Sequence[float]) -> float:
        maximise = self.study.objective == Objective.OBJECTIVE_VALIDATION_MACRO_F1
        return max(values) if maximise else min(values)

    def _trial(self, trial_id: str) -> Trial:
        return next(trial for trial in self.study.trials if trial.id == trial_id)


_METRICS = {
    Objective.OBJECTIVE_VALIDATION_MACRO_F1: "validation_macro_f1",
    Objective.OBJECTIVE_FRECHET_DISTANCE: "frechet_distance",
}
