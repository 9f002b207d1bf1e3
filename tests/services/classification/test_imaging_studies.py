"""An imaging study's images, diagnosed as a job."""

import asyncio

import dicoms
import grpc
import numpy as np
import pytest
from diagnosis_edge import TENANT, png, running_edge

from services.classification import study_run
from services.classification.classifiers import Classifiers
from services.classification.study_run import PART, diagnose
from synthoscope.api.classification.v1 import classification_service_pb2 as messages
from synthoscope.api.jobs.v1.jobs_pb2 import JobKind
from synthoscope.diagnoses import Diagnoses
from synthoscope.images.intake import Intake
from synthoscope.images.storage import store_image
from synthoscope.jobs.job import JobState
from synthoscope.jobs.worker import JobWorker
from synthoscope.rpc.auth import Caller, acting_as
from synthoscope.rpc.errors import Cancelled, Unavailable
from synthoscope.trail import entries


@pytest.fixture
def platform(decoders, pseudonyms):
    with running_edge(decoders, pseudonyms) as edge:
        yield edge


def submitted(platform, images, **fields):
    request = messages.DiagnoseImagingStudyRequest(
        parent=TENANT, images=images, model_version=f"{TENANT}/models/cnn/versions/latest", **fields
    )
    return platform.stub.DiagnoseImagingStudy(request, timeout=10)


def worked(platform, decoders, job):
    """What an attempt of the job returns."""
    worker = JobWorker(platform.jobs.store, platform.objects, job.name, 0)
    request = worker.specification(messages.DiagnoseImagingStudyRequest)
    classifiers = Classifiers(platform.objects, platform.model)
    with acting_as(Caller("default", request.subject, frozenset())):
        return asyncio.run(diagnose(worker, platform.objects, request, classifiers, decoders))


def found(platform, name):
    return platform.stub.GetImagingStudyDiagnosis(messages.GetImagingStudyDiagnosisRequest(name=name), timeout=10)


def test_all_images_of_a_study_are_diagnosed_and_added_up(platform, decoders, pseudonyms):
    intake = Intake(platform.objects, pseudonyms, decoders)
    files = [
        dicoms.dicom(
            np.full((10, 20), level, np.uint8), WindowCenter="128", WindowWidth="256", SOPInstanceUID=f"1.2.3.{level}"
        )
        for level in (10, 204, 210)
    ]
    images = [intake.store("default", data, "image").name for data in files]
    job = submitted(platform, images)
    assert job.kind == JobKind.JOB_KIND_IMAGING_STUDY
    study = found(platform, worked(platform, decoders, job))
    assert study.name.rpartition("/")[2] == job.name.rpartition("/")[2]
    assert study.model_version == platform.classifier.name
    assert study.imaging_study_uid == pseudonyms.tenant("default").uid(dicoms.STUDY)
    assert [(outcome.image, outcome.label) for outcome in study.images] == list(
        zip(images, ["dark", "bright", "bright"], strict=True)
    )
    assert dict(study.label_counts) == {"dark": 1, "bright": 2}
    made = [Diagnoses(platform.objects).get(outcome.diagnosis) for outcome in study.images]
    assert [diagnosis.image.name for diagnosis in made] == images
    assert all(diagnosis.sop_instance_uid for diagnosis in made)
    assert sorted(item.resource for item in entries(platform.objects)) == sorted(item.name for item in made)
    assert {item.subject for item in entries(platform.objects)} == {"local"}
    assert platform.jobs.store.get(job.name).state is JobState.RUNNING


def test_what_is_wrong_with_one_image_stops_no_other(platform, decoders):
    good, strange = (store_image(platform.objects, "default", png(level)).name for level in (204, 7))
    missing = f"{TENANT}/images/{'ab' * 32}"
    study = found(platform, worked(platform, decoders, submitted(platform, [good, missing, strange])))
    assert [outcome.error_code for outcome in study.images] == ["", "NOT_FOUND", ""]
    assert missing in study.images[1].error_message
    assert [outcome.refused for outcome in study.images] == [False, False, True]
    assert (study.refused_count, study.failed_count, dict(study.label_counts)) == (1, 1, {"bright": 1})
    assert study.imaging_study_uid == ""


def test_an_image_of_several_frames_is_no_diagnosis(platform, decoders, pseudonyms):
    data = dicoms.dicom(np.zeros((4, 4), np.uint8), NumberOfFrames=2, PixelData=bytes(32))
    image = Intake(platform.objects, pseudonyms, decoders).store("default", data, "image").name
    [outcome] = found(platform, worked(platform, decoders, submitted(platform, [image]))).images
    assert (outcome.error_code, outcome.diagnosis) == ("INVALID_ARGUMENT", "")
    assert "has 2 frames" in outcome.error_message


def test_another_attempt_goes_on_after_the_parts_that_are_done(platform, decoders, monkeypatch):
    monkeypatch.setattr(study_run, "_PATIENCE", 0.0)
    images = [store_image(platform.objects, "default", png(level)).name for level in range(8, 8 + PART + 5)]
    job = submitted(platform, images)
    answer = platform.model.answer

    async def failing(version, pictures):
        if sum(size for _, size in platform.model.calls) >= PART:
            raise Unavailable("no replica of the model runs")
        return await answer(version, pictures)

    platform.model.answer = failing
    with pytest.raises(Unavailable):
        worked(platform, decoders, job)
    platform.model.answer = answer
    asked = sum(size for _, size in platform.model.calls)
    study = found(platform, worked(platform, decoders, job))
    assert [outcome.image for outcome in study.images] == images
    assert sum(size for _, size in platform.model.calls) - asked == 5


def test_a_cancelled_study_ends(platform, decoders):
    job = submitted(platform, [store_image(platform.objects, "default", png(204)).name])
    platform.jobs.cancel(job.name)
    with pytest.raises(Cancelled):
        worked(platform, decoders, job)
    assert platform.model.calls == []


def test_the_same_request_is_one_job(platform):
    image = store_image(platform.objects, "default", png(204)).name
    first = submitted(platform, [image], request_id="mine")
    assert submitted(platform, [image], request_id="mine").name == first.name
    with pytest.raises(grpc.RpcError, match="ALREADY_EXISTS"):
        submitted(platform, [image], request_id="mine", subject="someone else")


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ([], r"images: must be in \[1, 5000\], not 0"),
        ([f"{TENANT}/images/{number:064x}" for number in range(5001)], "not 5001"),
        ([f"{TENANT}/images/{'ab' * 32}"] * 2, "more than once"),
        ([f"{TENANT}/images/{'ab' * 32}", f"{TENANT}/images/1"], r"images\[1\]: must be 64 lower-case"),
        (["tenants/other/images/1"], "no such resource"),
    ],
)
def test_what_is_no_study_is_refused(platform, images, words):
    with pytest.raises(grpc.RpcError, match=words):
        submitted(platform, images)
    assert platform.stored_since() == []


def test_a_model_that_is_none_is_refused(platform):
    image = store_image(platform.objects, "default", png(204)).name
    for model, code in ((platform.gan.name, "FAILED_PRECONDITION"), (f"{TENANT}/models/no/versions/1", "NOT_FOUND")):
        request = messages.DiagnoseImagingStudyRequest(parent=TENANT, images=[image], model_version=model)
        with pytest.raises(grpc.RpcError, match=code):
            platform.stub.DiagnoseImagingStudy(request, timeout=10)
    with pytest.raises(grpc.RpcError, match="NOT_FOUND"):
        found(platform, f"{TENANT}/imagingStudyDiagnoses/none")
