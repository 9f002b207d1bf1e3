"""Submitting jobs, so that none that was acknowledged is lost and none is run twice for one request.

A job's specification is the very request that asked for it. It is in the object store, written with If-None-Match,
before the job store hears of the job; with the outcomes, the job store can be rebuilt from there.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TypeVar

import structlog
from google.protobuf.message import Message

from synthoscope import names
from synthoscope.jobs.job import Job, JobKind, JobState
from synthoscope.jobs.outcomes import outcome, put_outcome
from synthoscope.jobs.specification import Specification, read_specification, specification_key
from synthoscope.jobs.store import JobStore
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import (
    AlreadyExists,
    DataLoss,
    FailedPrecondition,
    InvalidInput,
    NotFound,
    ResourceExhausted,
    SynthoscopeError,
)

LONGEST_REQUEST_ID = 128
_INDEX = "jobs/"

M = TypeVar("M", bound=Message)
log = structlog.get_logger()


@dataclass(frozen=True)
class Jobs:
    """The jobs of the platform."""

    objects: ObjectStore
    store: JobStore

    def submit(
        self,
        tenant: str,
        kind: JobKind,
        request: Message,
        request_id: str = "",
        resolved: Mapping[str, str] = MappingProxyType({}),
    ) -> Job:
        """Accepts a job, or returns the one that the same request made before.

        `resolved` has the request's string fields that mean something else tomorrow (`versions/latest`), with what they
        mean now: the worker gets these, but the same request is the same whatever they mean by then.

        Raises AlreadyExists when the request id stands for another request, InvalidInput when it is too long or not
        printable, Unavailable when a store is away, ResourceExhausted when the job store is full.
        """
        name = names.JOB.format(tenant=tenant, job=_job_id(tenant, request_id))
        # Asked first, so that no specification is left behind when the job store is away.
        known = self._known(name)
        if known is None:
            specification = Specification.of(name, kind, request, request_id, resolved)
            self.objects.put_if_absent(_index_key(name), b"")
            if self.objects.put_if_absent(specification_key(name), specification.to_json()):
                return self._create(specification)
        if not read_specification(self.objects, name).asks_for(kind, request):
            raise AlreadyExists("request_id: it was used before, for another request; choose a new one")
        return known or self._restore(name)

    def specification(self, name: str, message_type: type[M]) -> M:
        """The request that asked for a job. Raises NotFound, or DataLoss when it cannot be read."""
        return read_specification(self.objects, name).as_message(message_type)

    def outcome(self, name: str) -> Job | None:
        """The job as it ended; None when it has not."""
        return outcome(self.objects, name)

    def cancel(self, name: str) -> Job:
        """Asks a job to stop: at once when no worker has it, else within its step. Asking twice is asking once.

        Raises NotFound, and FailedPrecondition when it has ended.
        """

        def change(job: Job) -> Job:
            if job.state.ended:
                raise FailedPrecondition(f"{name} has ended already: it is {job.state}")
            if job.state is JobState.CANCELLING:
                return job
            waiting = job.state is JobState.QUEUED and job.attempt == 0
            state = JobState.CANCELLED if waiting else JobState.CANCELLING
            return job.to(state, reason="cancelled by its owner", now=datetime.now(UTC))

        job = self.store.update(name, change)
        if job.state.ended:
            self.keep_outcome(job)
        return job

    def keep_outcome(self, job: Job) -> None:
        """Stores how a job ended; when the object store is away that is logged, for the job store has it."""
        try:
            put_outcome(self.objects, job)
        except SynthoscopeError as error:
            log.warning("job.outcome_not_stored", job=job.name, reason=error.message)

    def rebuild(self) -> int:
        """Adds the jobs that the object store knows and the job store does not; returns how many these were."""
        restored = 0
        for info in self.objects.list(_INDEX):
            _, tenant, job_id = info.key.split("/")
            name = names.JOB.format(tenant=tenant, job=job_id)
            if self._known(name) is not None:
                continue
            try:
                self._restore(name)
            except (NotFound, DataLoss) as error:
                # NotFound: a submission ended between its two writes, and was not acknowledged.
                log.warning("job.not_restored", job=name, reason=error.message)
                continue
            restored += 1
            log.info("job.restored", job=name)
        return restored

    def _create(self, specification: Specification) -> Job:
        try:
            self.store.create(specification.queued())
        except ResourceExhausted:
            # It was refused for certain, so nobody may find it later and run it.
            self.objects.delete(specification_key(specification.name))
            raise
        return self.store.get(specification.name)

    def _restore(self, name: str) -> Job:
        self.store.create(self.outcome(name) or read_specification(self.objects, name).queued())
        return self.store.get(name)

    def _known(self, name: str) -> Job | None:
        try:
            return self.store.get(name)
        except NotFound:
            return None


def _job_id(tenant: str, request_id: str) -> str:
    if len(request_id) > LONGEST_REQUEST_ID:
        raise InvalidInput("request_id", f"must have at most {LONGEST_REQUEST_ID} characters")
    if not request_id.isprintable():  # line breaks, control characters, marks that turn the direction of text
        raise InvalidInput("request_id", "must have printable characters only")
    if not request_id:
        return secrets.token_hex(10)
    return hashlib.sha256(f"{tenant}/{request_id}".encode()).hexdigest()[:20]


def _index_key(name: str) -> str:
    ids = names.JOB.parse(name)
    return f"{_INDEX}{ids['tenant']}/{ids['job']}"
