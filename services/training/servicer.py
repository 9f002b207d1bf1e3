"""TrainingService: checks a request against what is there and makes it a job. Needs neither torch nor Ray."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import closing

import grpc

from synthoscope import models, names
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion
from synthoscope.api.jobs.v1 import jobs_pb2
from synthoscope.api.training.v1 import training_service_pb2 as messages
from synthoscope.api.training.v1 import training_service_pb2_grpc
from synthoscope.classifier import sufficiency
from synthoscope.classifier.parsing import from_message
from synthoscope.classifier.pretrained.references import check_source
from synthoscope.classifier.pretrained.uploads import Upload
from synthoscope.datasets.counts import training_counts
from synthoscope.gan import config as gan_config
from synthoscope.gan import plan
from synthoscope.gan.labels import labels_of
from synthoscope.jobs.event_files import event_files
from synthoscope.jobs.job import JobKind
from synthoscope.jobs.messages import job_message
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, ResourceExhausted
from synthoscope.synthetic import admission, sets

LARGEST_CHUNK = 1024 * 1024
"""Bytes of a file in one message of a stream."""

_REMEDY = "To train on it all the same, set accept_unadmitted (--accept-unadmitted); the model version will say so"

_Request = messages.SubmitGanTrainingRequest | messages.SubmitClassifierTrainingRequest


class TrainingServicer(training_service_pb2_grpc.TrainingServiceServicer):
    """Submits training jobs of at most `most_workers` workers each, and hands out what they recorded."""

    def __init__(self, objects: ObjectStore, jobs: Jobs, most_workers: int = 64) -> None:
        self._objects = objects
        self._jobs = jobs
        self._most_workers = most_workers

    def SubmitGanTraining(
        self, request: messages.SubmitGanTrainingRequest, context: grpc.ServicerContext
    ) -> jobs_pb2.Job:
        """Raises InvalidInput, NotFound, FailedPrecondition, ResourceExhausted, AlreadyExists."""
        tenant = names.TENANT.parse(request.parent, "parent")["tenant"]
        names.check_id(request.model_id, "model_id")
        config = gan_config.from_message(request.config)
        self._check_workers(config.workers)
        dataset = self._dataset(request.dataset_version)
        plan.check_counts(config, training_counts(dataset))
        self._check_synthetic(request, dataset)
        if config.start_from:
            self._check_start(config.start_from)
        resolved = {"dataset_version": dataset.name}
        return job_message(self._jobs.submit(tenant, JobKind.GAN_TRAINING, request, request.request_id, resolved))

    def SubmitClassifierTraining(
        self, request: messages.SubmitClassifierTrainingRequest, context: grpc.ServicerContext
    ) -> jobs_pb2.Job:
        """Raises InvalidInput, NotFound, FailedPrecondition, ResourceExhausted, AlreadyExists."""
        tenant = names.TENANT.parse(request.parent, "parent")["tenant"]
        names.check_id(request.model_id, "model_id")
        config = from_message(request.config)
        check_source(self._objects, config.weights)
        self._check_workers(config.workers)
        dataset = self._dataset(request.dataset_version)
        synthetic = self._synthetic_counts(request.synthetic_sets, dataset)
        if request.synthetic_only and (lacking := sorted(set(dataset.classes) - set(synthetic))):
            raise FailedPrecondition(
                f"synthetic_only: the synthetic sets have no images of {', '.join(lacking)} to learn from"
            )
        sufficiency.check_counts(
            config, training_counts(dataset), synthetic.total(), synthetic_only=request.synthetic_only
        )
        self._check_synthetic(request, dataset, request.synthetic_sets)
        resolved = {"dataset_version": dataset.name}
        job = self._jobs.submit(tenant, JobKind.CLASSIFIER_TRAINING, request, request.request_id, resolved)
        return job_message(job)

    async def DownloadEventFiles(
        self, request: messages.DownloadEventFilesRequest, context: grpc.ServicerContext
    ) -> AsyncIterator[messages.DownloadEventFilesResponse]:
        """Streams a job's TensorBoard event files. Raises InvalidInput, NotFound."""
        names.JOB.parse(request.job, "job")
        await asyncio.to_thread(self._jobs.store.get, request.job)
        files = event_files(self._objects, request.job)
        while (file := await asyncio.to_thread(next, files, None)) is not None:
            for start in range(0, len(file.data), LARGEST_CHUNK):
                chunk = file.data[start : start + LARGEST_CHUNK]
                yield messages.DownloadEventFilesResponse(file=file.name, chunk=chunk)

    async def UploadWeights(
        self, request_iterator: AsyncIterator[messages.UploadWeightsRequest], context: grpc.ServicerContext
    ) -> messages.UploadedWeights:
        """Stores weights sent in chunks. Raises InvalidInput, ResourceExhausted, DataLoss."""
        first = await anext(request_iterator, None)
        if first is None or first.WhichOneof("part") != "header":
            raise InvalidInput("part", "the first message must be the header")
        tenant = names.TENANT.parse(first.header.parent, "header.parent")["tenant"]
        with closing(Upload()) as upload:
            async for request in request_iterator:
                if request.WhichOneof("part") != "chunk":
                    raise InvalidInput("part", "must be a chunk in every message but the first")
                if len(request.chunk) > LARGEST_CHUNK:
                    raise InvalidInput("chunk", f"has {len(request.chunk)} bytes; at most {LARGEST_CHUNK} are accepted")
                await asyncio.to_thread(upload.write, request.chunk)
            return await asyncio.to_thread(upload.store, self._objects, tenant, first.header.sha256)

    def _dataset(self, name: str) -> DatasetVersion:
        names.DATASET_VERSION.parse(name, "dataset_version")
        return Records(self._objects, DatasetVersion).get(name)

    def _check_workers(self, workers: int) -> None:
        if workers > self._most_workers:
            raise ResourceExhausted(
                f"config.workers: a training may have at most {self._most_workers} here, not {workers}"
            )

    def _check_synthetic(self, request: _Request, dataset: DatasetVersion, synthetic_sets: Sequence[str] = ()) -> None:
        """Raises FailedPrecondition for a set that is not admitted, unless the request accepts it."""
        if not request.accept_unadmitted:
            admission.check(self._objects, admission.uses(self._objects, dataset, synthetic_sets), _REMEDY)

    def _check_start(self, name: str) -> None:
        """Raises unless it is the name of one version of a GAN, which it will still be when the job begins."""
        names.MODEL_VERSION.parse(name, "config.start_from")
        record = models.get(self._objects, name)
        if record.name != name:
            raise InvalidInput("config.start_from", f"must name a version itself, such as {record.name}")
        labels_of(record)

    def _synthetic_counts(self, set_names: Sequence[str], dataset: DatasetVersion) -> Counter[str]:
        """The images of sets by class. Raises FailedPrecondition when a label of theirs is no class of the dataset."""
        found: Counter[str] = Counter()
        for name in set_names:
            counts = sets.get(self._objects, name, "synthetic_sets").counts
            unknown = sorted(set(counts) - set(dataset.classes))
            if unknown:
                shown = ", ".join(label or "no label" for label in unknown)
                raise FailedPrecondition(
                    f"synthetic_sets: {name} has images of {shown}; "
                    f"the classes of {dataset.name} are {', '.join(dataset.classes)}"
                )
            found.update(counts)
        return +found
