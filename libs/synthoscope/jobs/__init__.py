"""Jobs: their states, where these are kept, how they are submitted, run, followed and stopped; and work queues.

Adapters and actors are imported from their own modules: `jobs.redis`, `jobs.memory`, `jobs.submission`, …
"""

from synthoscope.jobs.job import Job, JobError, JobEvent, JobKind, JobState, Progress
from synthoscope.jobs.queue import WorkItem, WorkQueue
from synthoscope.jobs.runner import Runner, RunnerStatus
from synthoscope.jobs.store import JobPage, JobStore

__all__ = [
    "Job",
    "JobError",
    "JobEvent",
    "JobKind",
    "JobPage",
    "JobState",
    "JobStore",
    "Progress",
    "Runner",
    "RunnerStatus",
    "WorkItem",
    "WorkQueue",
]
