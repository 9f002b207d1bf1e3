"""The time between a job's hand-over to Ray and its first step: what it waits for."""

from collections.abc import Mapping

import ray

from synthoscope.jobs.job import JobState
from synthoscope.jobs.store import JobStore
from synthoscope.jobs.worker import JobWorker
from synthoscope.rpc.errors import Cancelled


class QueueWatch:
    """Tells a job that has not begun what it waits for, and notices that it was cancelled."""

    def __init__(self, job: JobWorker, store: JobStore, demand: Mapping[str, float]) -> None:
        self._job = job
        self._store = store
        self._demand = demand
        self._reason = ""
        self._begun = False

    def look(self) -> None:
        """To be called now and then until the job has ended. Raises Cancelled when it was cancelled before it began."""
        if self._begun:
            return
        state = self._store.get(self._job.name).state
        self._begun = state is JobState.RUNNING
        if state is JobState.CANCELLING:
            raise Cancelled("cancelled before it began")
        reason = waits_for(self._demand, _free(), _total())
        if state is JobState.QUEUED and reason != self._reason:
            self._reason = reason
            self._job.queued(reason)


def waits_for(demand: Mapping[str, float], free: Mapping[str, float], total: Mapping[str, float]) -> str:
    """What a job waits for, given Ray's free and all resources by name ("CPU", "GPU")."""
    for resource, amount in demand.items():
        there = free.get(resource, 0.0)
        if amount > there:
            return f"waits for {amount:g} {resource}: {there:g} of {total.get(resource, 0.0):g} free"
    return "its workers are starting"


def _free() -> dict[str, float]:
    return dict(ray.available_resources())  # type: ignore[no-untyped-call]


def _total() -> dict[str, float]:
    return dict(ray.cluster_resources())  # type: ignore[no-untyped-call]
