import itertools
from concurrent.futures import ThreadPoolExecutor, as_completed

import dicoms
import grpc
import numpy as np
import pytest
from diagnosis_edge import TENANT, png, running_edge
from seen_brightness import CLASSES

from synthoscope.api.classification.v1 import classification_service_pb2 as messages
from synthoscope.api.explanation.v1.explanation_pb2 import ExplanationMethod
from synthoscope.api.jobs.v1.jobs_pb2 import JobState
from synthoscope.images.storage import load_image_bytes, store_image
from synthoscope.rpc.errors import Unavailable
from synthoscope.saliency.request import Explanations, explanation_name


@pytest.fixture
def platform(decoders, pseudonyms):
    with running_edge(decoders, pseudonyms) as edge:
        yield edge


def test_a_diagnosis_says_what_the_model_says_and_is_kept(platform):
    data = png(204)
    diagnosis = platform.ask(data)
    assert diagnosis.label == "bright"
    assert [entry.label for entry in diagnosis.probabilities] == list(CLASSES)
    assert [entry.probability for entry in diagnosis.probabilities] == pytest.approx([0.2, 0.8])
    assert diagnosis.model_version == platform.classifier.name
    assert diagnosis.model_sha256 == platform.classifier.files[0].sha256
    assert (diagnosis.image.width, diagnosis.image.height, diagnosis.image.mode) == (20, 10, "L")
    assert load_image_bytes(platform.objects, diagnosis.image.name) == data
    assert platform.stub.GetDiagnosis(messages.GetDiagnosisRequest(name=diagnosis.name)) == diagnosis
    assert diagnosis.explanation == ""
    assert platform.queue.depth() == 0


def test_a_stored_image_is_diagnosed_by_its_name(platform):
    ref = store_image(platform.objects, "default", png(10))
    diagnosis = platform.ask(image_name=ref.name)
    assert (diagnosis.image, diagnosis.label) == (ref, "dark")


def test_a_dicom_image_is_diagnosed_and_kept_under_pseudonyms(platform, pseudonyms):
    data = dicoms.dicom(np.full((10, 20), 204, np.uint8), WindowCenter="128", WindowWidth="256")
    diagnosis = platform.ask(data)
    tenant = pseudonyms.tenant("default")
    assert diagnosis.imaging_study_uid == tenant.uid(dicoms.STUDY)
    assert diagnosis.sop_instance_uid == tenant.uid(dicoms.INSTANCE)
    assert (diagnosis.label, diagnosis.image.media_type) == ("bright", "application/dicom")
    stored = load_image_bytes(platform.objects, diagnosis.image.name)
    assert b"Doe" not in stored
    again = platform.ask(image_name=diagnosis.image.name)
    assert (again.label, again.imaging_study_uid) == (diagnosis.label, diagnosis.imaging_study_uid)
    assert not platform.ask(png(1)).imaging_study_uid


def test_dicom_that_cannot_be_diagnosed_is_refused(platform):
    frames = dicoms.dicom(np.zeros((4, 4), np.uint8), NumberOfFrames=2, PixelData=bytes(32))
    assert platform.refused(frames) == ("INVALID_ARGUMENT", "data: has 2 frames; send images of one frame")
    burned = dicoms.dicom(np.zeros((4, 4), np.uint8), BurnedInAnnotation="YES")
    assert platform.refused(burned)[0] == "FAILED_PRECONDITION"


def test_an_explanation_is_asked_for_and_named(platform):
    diagnosis = platform.ask(png(204), explain=True)
    asked = Explanations(platform.objects, platform.queue).get(diagnosis.explanation)
    method = ExplanationMethod.EXPLANATION_METHOD_GRAD_CAM
    assert asked.name == explanation_name(diagnosis.name, "bright", method)
    assert (asked.state, asked.diagnosis, asked.label) == (JobState.JOB_STATE_QUEUED, diagnosis.name, "bright")
    assert asked.image_sha256 == diagnosis.image.sha256
    assert platform.queue.claim("w").payload == asked.name


def test_concurrent_requests_share_calls_and_each_gets_its_own_answer(platform):
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda level: platform.ask(png(level)), range(0, 240, 10)))
    assert [entry.probabilities[1].probability for entry in made] == pytest.approx(
        [level / 255 for level in range(0, 240, 10)]
    )
    assert max(size for _, size in platform.model.calls) > 1
    assert sum(size for _, size in platform.model.calls) == 24


def test_bad_names(platform):
    good, none = png(3), f"{TENANT}/images/{'ab' * 32}"
    assert platform.refused(good, f"{TENANT}/models/none/versions/1")[0] == "NOT_FOUND"
    assert platform.refused(good, f"{TENANT}/models/none/versions/latest")[0] == "NOT_FOUND"
    assert platform.refused(good, "tenants/other/models/cnn/versions/latest")[0] == "NOT_FOUND"
    assert platform.refused(good, "cnn")[0] == "INVALID_ARGUMENT"
    assert platform.refused(good, platform.gan.name)[0] == "FAILED_PRECONDITION"
    assert platform.refused(image_name=none)[0] == "NOT_FOUND"
    assert platform.refused(image_name=f"{TENANT}/images/../models") == (
        "INVALID_ARGUMENT",
        "image_name: must have the form tenants/{tenant}/images/{sha256}",
    )
    with pytest.raises(grpc.RpcError, match="image: is missing"):
        platform.stub.Diagnose(messages.DiagnoseRequest(parent=TENANT, model_version=platform.classifier.name))
    with pytest.raises(grpc.RpcError, match="NOT_FOUND"):
        platform.stub.GetDiagnosis(messages.GetDiagnosisRequest(name=f"{TENANT}/diagnoses/none"))


def test_a_model_that_is_away_is_unavailable_and_no_diagnosis_is_kept(platform):
    platform.model.error = Unavailable("the model cannot be reached")
    with pytest.raises(grpc.RpcError, match="the model cannot be reached") as error:
        platform.ask(png(5))
    assert error.value.code() is grpc.StatusCode.UNAVAILABLE
    assert not [key for key in platform.stored_since() if "/diagnoses/" in key]


def test_ten_times_too_much_is_refused_at_once(platform):
    platform.model.go.clear()
    with ThreadPoolExecutor(40) as pool:
        futures = [pool.submit(platform.ask, png(level)) for level in range(40)]
        refused = list(itertools.islice(as_completed(futures, timeout=8), 40 - 8))
        platform.model.go.set()
    assert {future.exception().code() for future in refused} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert 5 <= len([future for future in futures if not future.exception()]) <= 8  # in a call, 1 to 4; in the queue, 4
