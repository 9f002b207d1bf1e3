"""A job and the only ways its state may change."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from synthoscope.rpc.errors import FailedPrecondition


class JobState(StrEnum):
    """Where a job is in its life (synthoscope.api.jobs.v1.JobState)."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    CANCELLING = "CANCELLING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def ended(self) -> bool:
        """Whether nothing can follow."""
        return self in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


TRANSITIONS: Mapping[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLING, JobState.CANCELLED, JobState.FAILED}),
    JobState.RUNNING: frozenset({JobState.QUEUED, JobState.CANCELLING, JobState.SUCCEEDED, JobState.FAILED}),
    JobState.CANCELLING: frozenset({JobState.CANCELLED, JobState.SUCCEEDED, JobState.FAILED}),
    JobState.SUCCEEDED: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
}
"""From each state, those that may follow. RUNNING → QUEUED is a lost worker; CANCELLING → SUCCEEDED a late cancel."""


class JobKind(StrEnum):
    """What a job does (synthoscope.api.jobs.v1.JobKind)."""

    GAN_TRAINING = "GAN_TRAINING"
    CLASSIFIER_TRAINING = "CLASSIFIER_TRAINING"
    SYNTHESIS = "SYNTHESIS"
    STUDY = "STUDY"
    DATASET_AUDIT = "DATASET_AUDIT"
    EXPERIMENT = "EXPERIMENT"
    MODEL_EVALUATION = "MODEL_EVALUATION"
    IMAGING_STUDY = "IMAGING_STUDY"


@dataclass(frozen=True)
class Progress:
    """How far a job has come: units done and in all (0 = unknown), images/s, seconds to the end (None = unknown)."""

    phase: str = ""
    step: int = 0
    total_steps: int = 0
    images_per_second: float = 0.0
    remaining_seconds: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class JobError:
    """Why a job failed: the name of a gRPC status, and a message its owner can act on."""

    code: str
    message: str


@dataclass(frozen=True)
class Job:
    """A long-running piece of work; its specification lies in the object store under its name."""

    name: str
    kind: JobKind
    state: JobState
    create_time: datetime
    state_reason: str = ""
    progress: Progress = Progress()
    error: JobError | None = None
    result: str = ""
    request_id: str = ""
    attempt: int = 0
    start_time: datetime | None = None
    end_time: datetime | None = None

    def to(self, state: JobState, *, reason: str = "", now: datetime) -> "Job":
        """The job in another state, its times kept. Raises FailedPrecondition when the state may not follow."""
        if state not in TRANSITIONS[self.state]:
            raise FailedPrecondition(f"{self.name} is {self.state}: it cannot become {state}")
        return replace(
            self,
            state=state,
            state_reason=reason,
            start_time=self.start_time or (now if state is JobState.RUNNING else None),
            end_time=now if state.ended else None,
        )


@dataclass(frozen=True)
class JobEvent:
    """One change of a job: the job as it was then, and the names of pictures made then (`tenants/…/images/…`)."""

    id: str
    job: Job
    previews: tuple[str, ...] = ()
