"""JobService: every service that accepts jobs serves it, and any of them knows every job."""

# ruff: noqa: N802 (gRPC method names)

import asyncio
from collections.abc import AsyncIterator

import grpc

from synthoscope import names
from synthoscope.api.images.v1 import images_pb2
from synthoscope.api.jobs.v1 import jobs_pb2, jobs_service_pb2, jobs_service_pb2_grpc
from synthoscope.jobs.job import JobEvent
from synthoscope.jobs.messages import event_message, job_message, kinds_of, states_of
from synthoscope.jobs.submission import Jobs
from synthoscope.rpc.errors import InvalidInput

DEFAULT_PAGE_SIZE = 100
LARGEST_PAGE = 1000
_POLL_SECONDS = 0.2


class JobServicer(jobs_service_pb2_grpc.JobServiceServicer):
    """Shows and cancels jobs."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def GetJob(self, request: jobs_service_pb2.GetJobRequest, context: grpc.ServicerContext) -> jobs_pb2.Job:
        """Returns a job. Raises InvalidInput, NotFound."""
        names.JOB.parse(request.name)
        return job_message(self._jobs.store.get(request.name))

    def ListJobs(
        self, request: jobs_service_pb2.ListJobsRequest, context: grpc.ServicerContext
    ) -> jobs_service_pb2.ListJobsResponse:
        """Lists a tenant's jobs, newest first. Raises InvalidInput."""
        tenant = names.TENANT.parse(request.parent, "parent")["tenant"]
        if not 0 <= request.page_size <= LARGEST_PAGE:
            raise InvalidInput("page_size", f"must be in [0, {LARGEST_PAGE}]; 0 means {DEFAULT_PAGE_SIZE}")
        if request.kind not in jobs_pb2.JobKind.values():
            raise InvalidInput("kind", f"{request.kind} is not a kind of job")
        if request.state not in jobs_pb2.JobState.values():
            raise InvalidInput("state", f"{request.state} is not a state of a job")
        page = self._jobs.store.list(
            tenant,
            kinds=kinds_of(request.kind),
            states=states_of(request.state),
            page_size=request.page_size or DEFAULT_PAGE_SIZE,
            page_token=request.page_token,
        )
        return jobs_service_pb2.ListJobsResponse(
            jobs=[job_message(job) for job in page.jobs], next_page_token=page.next_page_token
        )

    def CancelJob(self, request: jobs_service_pb2.CancelJobRequest, context: grpc.ServicerContext) -> jobs_pb2.Job:
        """Asks a job to stop. Raises InvalidInput, NotFound, and FailedPrecondition when it has ended."""
        names.JOB.parse(request.name)
        return job_message(self._jobs.cancel(request.name))

    async def WatchJob(
        self, request: jobs_service_pb2.WatchJobRequest, context: grpc.ServicerContext
    ) -> AsyncIterator[jobs_pb2.JobEvent]:
        """Streams a job's events until it has ended. Raises InvalidInput, NotFound."""
        names.JOB.parse(request.name)
        after, sent = request.after, False
        while True:
            # Asked before the events, so that none can come after the last look at them.
            job = await asyncio.to_thread(self._jobs.store.get, request.name)
            events = await asyncio.to_thread(self._jobs.store.events, request.name, after)
            for event in events:
                after, sent = event.id, True
                yield await asyncio.to_thread(self._message, event)
            if job.state.ended:
                if not sent and not request.after:  # its events are no longer kept
                    yield event_message(JobEvent("", job))
                return
            await asyncio.sleep(_POLL_SECONDS)

    def _message(self, event: JobEvent) -> jobs_pb2.JobEvent:
        return event_message(event, [self._image_ref(name) for name in event.previews])

    def _image_ref(self, name: str) -> images_pb2.ImageRef:
        """A picture's reference, from the metadata it was stored with."""
        info = self._jobs.objects.head(name)
        reference = images_pb2.ImageRef(name=name, sha256=name.rpartition("/")[2])
        if info is not None:
            reference.media_type = info.metadata.get("media-type", "")
            reference.mode = info.metadata.get("mode", "")
            reference.width = int(info.metadata.get("width", 0))
            reference.height = int(info.metadata.get("height", 0))
            reference.size_bytes = info.size
        return reference
