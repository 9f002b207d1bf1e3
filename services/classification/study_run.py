"""What Ray runs for an imaging study's job: `python -m services.classification.study_run JOB ATTEMPT`.

Images are diagnosed a part at a time. What became of a part is kept below the job's name, so that another attempt goes
on after the parts that are done.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from services.classification.classifiers import Classifiers
from services.classification.cluster import attach
from services.classification.diagnosing import check_frames, diagnosis_of
from services.classification.imaging_studies import summary
from services.classification.recording import Made, Recorder
from services.classification.settings import ServeSettings
from synthoscope import names
from synthoscope.api.classification.v1.classification_pb2 import Diagnosis, ImageOutcome, ImagingStudyDiagnosis
from synthoscope.api.classification.v1.classification_service_pb2 import DiagnoseImagingStudyRequest
from synthoscope.api.models.v1.models_pb2 import ModelVersion
from synthoscope.images.decoders import Decoders, DecodingSettings
from synthoscope.images.decoding import DICOM
from synthoscope.images.storage import image_identity, image_ref, load_image_bytes
from synthoscope.jobs.job import Progress
from synthoscope.jobs.worker import JobWorker
from synthoscope.models.preprocessing import pipeline_of
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.auth import Caller, acting_as
from synthoscope.rpc.errors import Cancelled, NotFound, ResourceExhausted, SynthoscopeError, Unavailable
from synthoscope.settings import EnvironmentSettings
from synthoscope.trail import Trail
from synthoscope_ray.program import Stores, run_job

PART = 32
"""Images that are diagnosed at the same time."""

_PATIENCE = 300.0
"""Seconds for which a model that is away, or has too much to do, is asked again."""

_LONGEST_PAUSE = 5.0


@dataclass(frozen=True)
class Study:
    """What diagnoses the images of one study."""

    objects: ObjectStore
    decoders: Decoders
    classifiers: Classifiers
    recorder: Recorder
    model: ModelVersion
    tenant: str

    async def outcome(self, image: str) -> tuple[ImageOutcome, str]:
        """What becomes of an image, and the UID of the imaging study that it is of.

        Raises Unavailable or ResourceExhausted when the model was away, or had too much to do, for long.
        """
        try:
            diagnosis = await self._patiently(image)
        except SynthoscopeError as error:
            if _may_pass(error):
                raise
            return ImageOutcome(image=image, error_code=error.status.name, error_message=error.message), ""
        refused = diagnosis.HasField("refusal")
        outcome = ImageOutcome(image=image, diagnosis=diagnosis.name, label=diagnosis.label, refused=refused)
        return outcome, diagnosis.imaging_study_uid

    async def _patiently(self, image: str) -> Diagnosis:
        give_up_at, pause = time.monotonic() + _PATIENCE, 0.2
        while True:
            try:
                return await self._diagnosed(image)
            except SynthoscopeError as error:
                if not _may_pass(error) or time.monotonic() > give_up_at:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _diagnosed(self, image: str) -> Diagnosis:
        arrived = time.time_ns()
        data = await asyncio.to_thread(load_image_bytes, self.objects, image)
        decoded = await asyncio.to_thread(self.decoders.decode, data, image, 0, pipeline_of(self.model))
        check_frames(decoded.facts, image)
        ref = await asyncio.to_thread(image_ref, self.objects, image)
        answer = await self.classifiers.answer(self.model, decoded.pixels)
        is_dicom = decoded.facts.media_type == DICOM
        identity = await asyncio.to_thread(image_identity, self.objects, image) if is_dicom else None
        diagnosis = diagnosis_of(arrived // 1000, self.model, answer, identity)
        diagnosis.image.CopyFrom(ref)
        diagnosis.latency.FromNanoseconds(time.time_ns() - arrived)
        return await self.recorder.record(self.tenant, Made(diagnosis, None, explained=False))


def _may_pass(error: SynthoscopeError) -> bool:
    """Whether an image may be diagnosed later: the model is away, or there is too much to do."""
    return isinstance(error, Unavailable) or (isinstance(error, ResourceExhausted) and bool(error.retry_after))


class _Settings(EnvironmentSettings):
    """Those of the service that its jobs need, too; a job's environment is that of the Ray node it runs on."""

    decoding: DecodingSettings = DecodingSettings()
    serve: ServeSettings = ServeSettings()


def run(worker: JobWorker, stores: Stores) -> str:
    """Diagnoses the images, and returns the name of what they add up to."""
    request = worker.specification(DiagnoseImagingStudyRequest)
    tenant = names.TENANT.parse(request.parent)["tenant"]
    settings = _Settings()
    model = attach(settings.serve)
    who = Caller(tenant, request.subject, frozenset())

    async def followed(decoders: Decoders) -> str:
        stop = asyncio.Event()
        following = asyncio.create_task(model.follow(stop))
        try:
            return await diagnose(worker, stores.objects, request, Classifiers(stores.objects, model), decoders)
        finally:
            stop.set()
            await following

    with Decoders(settings.decoding) as decoders, acting_as(who):
        return asyncio.run(followed(decoders))


async def diagnose(
    worker: JobWorker,
    objects: ObjectStore,
    request: DiagnoseImagingStudyRequest,
    classifiers: Classifiers,
    decoders: Decoders,
) -> str:
    """What `run` does, with what it has connected. Raises Cancelled, Unavailable."""
    ids = names.JOB.parse(worker.name)
    version, trail = classifiers.get(request.model_version), Trail(objects)
    study = Study(objects, decoders, classifiers, Recorder(objects, trail), version, ids["tenant"])
    worker.running()
    try:
        outcomes, study_uids = await _all(worker, study, request.images)
    finally:
        await trail.flush()
    name = names.IMAGING_STUDY_DIAGNOSIS.format(tenant=ids["tenant"], imaging_study_diagnosis=ids["job"])
    Records(objects, ImagingStudyDiagnosis).put(name, summary(name, version.name, outcomes, study_uids))
    return name


async def _all(worker: JobWorker, study: Study, images: Sequence[str]) -> tuple[list[ImageOutcome], list[str]]:
    """What became of all images, and the UIDs of the imaging studies that the parts are of."""
    outcomes: list[ImageOutcome] = []
    study_uids: list[str] = []
    for start in range(0, len(images), PART):
        if worker.cancelled():
            raise Cancelled("cancelled by its owner")
        part = await _part(study, f"{worker.name}/parts/{start:06d}", images[start : start + PART])
        outcomes += part.images
        if any(outcome.diagnosis for outcome in part.images):
            study_uids.append(part.imaging_study_uid)
        worker.report(Progress("diagnosing", len(outcomes), len(images)))
    return outcomes, study_uids


async def _part(study: Study, key: str, images: Sequence[str]) -> ImagingStudyDiagnosis:
    """What became of some images: now, or when an attempt before this one diagnosed them."""
    try:
        return ImagingStudyDiagnosis.FromString(await asyncio.to_thread(study.objects.get, key))
    except NotFound:
        pass
    found = await asyncio.gather(*(study.outcome(image) for image in images))
    uids = [uid for outcome, uid in found if outcome.diagnosis]
    part = summary("", study.model.name, [outcome for outcome, _ in found], uids)
    await asyncio.to_thread(study.objects.put, key, part.SerializeToString())
    return part


if __name__ == "__main__":
    run_job(run)
