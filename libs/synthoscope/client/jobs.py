"""Jobs as a client sees them."""

import time
from collections.abc import Callable, Iterator

from synthoscope.api.jobs.v1 import jobs_service_pb2 as requests
from synthoscope.api.jobs.v1.jobs_pb2 import Job, JobEvent, JobKind, JobState
from synthoscope.api.jobs.v1.jobs_service_pb2_grpc import JobServiceStub
from synthoscope.client.connection import Connection, call, stream
from synthoscope.rpc.errors import Cancelled, DeadlineExceeded, SynthoscopeError, Unavailable

ENDED = (JobState.JOB_STATE_SUCCEEDED, JobState.JOB_STATE_FAILED, JobState.JOB_STATE_CANCELLED)

RECONNECT_SECONDS = 60.0
"""How long a watch keeps trying while the service is away, for example restarting."""


class JobFailed(SynthoscopeError):
    """The job that was waited for FAILED."""

    def __init__(self, job: Job) -> None:
        super().__init__(f"{job.name} failed: {job.error.code}: {job.error.message}")
        self.job = job


class Jobs:
    """Follows and stops jobs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def _stub(self) -> JobServiceStub:
        return JobServiceStub(self._connection.channel("training"))

    def get(self, name: str) -> Job:
        """A job as it is now. Raises NotFound."""
        return call(self._stub.GetJob, requests.GetJobRequest(name=name))

    def list(self, kind: JobKind = JobKind.JOB_KIND_UNSPECIFIED, limit: int = 100) -> list[Job]:
        """The newest jobs, newest first."""
        request = requests.ListJobsRequest(parent=self._connection.parent, kind=kind, page_size=limit)
        return list(call(self._stub.ListJobs, request).jobs)

    def cancel(self, name: str) -> Job:
        """Asks a job to stop. Raises FailedPrecondition when it has ended."""
        return call(self._stub.CancelJob, requests.CancelJobRequest(name=name))

    def watch(self, name: str) -> Iterator[JobEvent]:
        """The job's events from its first one until it ends; goes on where it was when the service restarts."""
        after = ""
        give_up_at = time.monotonic() + RECONNECT_SECONDS
        while True:
            try:
                for event in stream(self._stub.WatchJob, requests.WatchJobRequest(name=name, after=after)):
                    after = event.id
                    give_up_at = time.monotonic() + RECONNECT_SECONDS
                    yield event
                return
            except DeadlineExceeded:
                continue  # the server ends every watch after a while
            except (Unavailable, Cancelled):
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(1.0)

    def wait(self, name: str, on_event: Callable[[JobEvent], None] = lambda event: None) -> Job:
        """Waits until a job ends; returns it when it SUCCEEDED. Raises JobFailed or Cancelled otherwise."""
        for event in self.watch(name):
            on_event(event)
        job = self.get(name)
        if job.state == JobState.JOB_STATE_FAILED:
            raise JobFailed(job)
        if job.state == JobState.JOB_STATE_CANCELLED:
            raise Cancelled(f"{job.name} was cancelled")
        return job
