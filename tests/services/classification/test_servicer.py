import io
import itertools
import struct
import time
import zlib
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import timedelta

import dicoms
import grpc
import numpy as np
import pytest
from google.protobuf.struct_pb2 import Struct, Value
from PIL import Image
from seen_brightness import CLASSES, SeenBrightness

from services.classification.batching import BatchingSettings
from services.classification.classifiers import Classifiers
from services.classification.servicer import DiagnosisServicer
from services.classification.trailing import denied
from synthoscope import models
from synthoscope.api.classification.v1 import classification_service_pb2 as messages
from synthoscope.api.classification.v1.classification_pb2 import RefusalReason
from synthoscope.api.classification.v1.classification_service_pb2_grpc import (
    DiagnosisServiceStub,
    add_DiagnosisServiceServicer_to_server,
)
from synthoscope.api.explanation.v1.explanation_pb2 import ExplanationMethod
from synthoscope.api.jobs.v1.jobs_pb2 import JobState
from synthoscope.api.models.v1.models_pb2 import (
    ConformalPrediction,
    ModelKind,
    ModelOutput,
    ModelVersion,
    OperatingPoint,
    OutOfDistribution,
    Reliability,
)
from synthoscope.images.intake import Intake
from synthoscope.images.storage import encode_png, load_image_bytes, store_image
from synthoscope.jobs.memory import InMemoryWorkQueue
from synthoscope.models.preprocessing import pipeline_of
from synthoscope.models.promotion import promote, roll_back
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.channel import open_channel
from synthoscope.rpc.errors import Unavailable
from synthoscope.rpc.server import Registration
from synthoscope.rpc.testing import running_server
from synthoscope.saliency.request import Explanations, ended, explanation_name
from synthoscope.trail import Trail, entries, verify

TENANT = "tenants/default"


class Platform:
    def __init__(self):
        self.objects = InMemoryObjectStore()
        self.queue = InMemoryWorkQueue(limit=2)
        self.explanations = Explanations(self.objects, self.queue)
        self.model = SeenBrightness(self.objects)
        record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=CLASSES, image_size=8)
        self.classifier = models.publish(self.objects, f"{TENANT}/models/cnn", record, {"weights.safetensors": b"w"})
        self.gan = models.publish(
            self.objects, f"{TENANT}/models/gan", ModelVersion(kind=ModelKind.MODEL_KIND_GAN), {"w": b"w"}
        )
        self.published = self.keys()

    def keys(self):
        return [info.key for info in self.objects.list("")]

    def stored_since(self):
        """Keys, but for those of the audit trail, which denied calls are on."""
        return sorted(key for key in set(self.keys()) - set(self.published) if not key.startswith("trail/"))

    def ask(self, data=b"", model=None, **fields):
        fields = {"image_name": fields["image_name"]} if "image_name" in fields else {"data": data, **fields}
        request = messages.DiagnoseRequest(parent=TENANT, model_version=model or self.classifier.name, **fields)
        return self.stub.Diagnose(request, timeout=10)

    def refused(self, *arguments, **fields):
        """The status of a refused diagnosis; nothing may be stored."""
        with pytest.raises(grpc.RpcError) as error:
            self.ask(*arguments, **fields)
        assert self.stored_since() == []
        assert "Traceback" not in error.value.details()
        return error.value.code().name, error.value.details()


@pytest.fixture
def platform(decoders, pseudonyms):
    platform = Platform()
    trail = Trail(platform.objects, "edge")
    servicer = DiagnosisServicer(
        Intake(platform.objects, pseudonyms, decoders),
        platform.explanations,
        Classifiers(
            platform.objects,
            platform.model,
            BatchingSettings(max_queue=4, max_batch=4, max_wait=0.02, calls_in_flight=1),
        ),
        trail,
        ThreadPoolExecutor(2),
    )
    registration = Registration(
        "synthoscope.api.classification.v1.DiagnosisService", add_DiagnosisServiceServicer_to_server, servicer
    )
    on_denied = {"on_denied": lambda denial: trail.note(denied(denial))}
    with (
        running_server([registration], **on_denied) as server,
        open_channel(server.address, server.token) as channel,
    ):
        platform.server = server
        platform.stub = DiagnosisServiceStub(channel)
        yield platform


def png(level, width=20, height=10):
    return encode_png(np.full((height, width), level, np.uint8))


def test_a_diagnosis_is_decided_at_the_operating_point_of_its_version(platform):
    point = OperatingPoint(label="dark", threshold=0.15)
    record = ModelVersion(
        kind=ModelKind.MODEL_KIND_CLASSIFIER,
        classes=CLASSES,
        image_size=8,
        reliability=Reliability(operating_point=point),
    )
    careful = models.publish(platform.objects, f"{TENANT}/models/careful", record, {"weights.safetensors": b"w"})
    assert platform.ask(png(204)).label == "bright"
    diagnosis = platform.ask(png(204), careful.name)
    assert diagnosis.label == "dark"
    assert [entry.probability for entry in diagnosis.probabilities] == pytest.approx([0.2, 0.8])
    assert platform.ask(png(230), careful.name).label == "bright"


def test_an_image_unlike_the_training_images_gets_a_reason_instead_of_a_label(platform):
    careful = published(platform, out_of_distribution=OutOfDistribution(threshold=1.0))
    refused = platform.ask(png(7), careful)
    assert (refused.label, refused.refusal.reason) == ("", RefusalReason.REFUSAL_REASON_OUT_OF_DISTRIBUTION)
    assert "unlike" in refused.refusal.message
    assert (refused.strangeness.score, refused.strangeness.threshold) == (1.5, 1.0)
    diagnosed = platform.ask(png(204), careful)
    assert (diagnosed.label, diagnosed.strangeness.score) == ("bright", 0.5)
    assert not diagnosed.HasField("refusal")
    assert not platform.ask(png(204)).HasField("strangeness")


def test_the_classes_that_cannot_be_ruled_out_are_told(platform):
    sets = published(platform, conformal=ConformalPrediction(coverage=0.9, threshold=-float(np.log(0.3))))
    held = [list(platform.ask(png(level), sets).prediction_set.labels) for level in (100, 230)]
    assert held == [["dark", "bright"], ["bright"]]
    assert platform.ask(png(230), sets).prediction_set.coverage == 0.9
    none = published(platform, conformal=ConformalPrediction(coverage=0.9, threshold=0.0))
    diagnosis = platform.ask(png(230), none)
    assert diagnosis.HasField("prediction_set")
    assert not diagnosis.prediction_set.labels
    assert not platform.ask(png(230)).HasField("prediction_set")


def test_findings_are_answered_together(platform):
    record = ModelVersion(
        kind=ModelKind.MODEL_KIND_CLASSIFIER,
        classes=CLASSES,
        image_size=8,
        output=ModelOutput.MODEL_OUTPUT_FINDINGS,
        config=Struct(fields={"no_finding": Value(string_value="clear")}),
    )
    name = models.publish(platform.objects, f"{TENANT}/models/findings", record, {}).name
    # The model's logits are logarithms of probabilities, so that what it says of two findings is below one half.
    assert platform.ask(png(204), name).label == "clear"


def test_preprocessing_and_the_time_of_each_stage_are_told(platform):
    diagnosis = platform.ask(png(204))
    assert diagnosis.preprocessing_digest == pipeline_of(platform.classifier).digest
    stages = [item.stage for item in diagnosis.stage_times]
    assert stages[:3] == ["resolve", "read", "decode"]
    assert set(stages[3:]) == {"predict", "store"}
    longest = max(item.duration.ToTimedelta() for item in diagnosis.stage_times)
    assert timedelta() < longest <= diagnosis.latency.ToTimedelta()


def test_only_uncertain_images_are_explained_when_that_is_asked_for(platform):
    sets = published(
        platform,
        conformal=ConformalPrediction(coverage=0.9, threshold=-float(np.log(0.3))),
        out_of_distribution=OutOfDistribution(threshold=1.0),
    )
    timing = messages.ExplanationTiming.EXPLANATION_TIMING_IF_UNCERTAIN
    assert not platform.ask(png(230), sets, explanation_timing=timing).explanation
    two = platform.ask(png(100), sets, explanation_timing=timing)
    assert platform.explanations.get(two.explanation).label == "dark"
    refused = platform.ask(png(7), sets, explanation_timing=timing)
    assert platform.explanations.get(refused.explanation).label == "dark"


def test_an_answer_can_wait_for_its_explanation(platform):
    def explain():
        asked = platform.explanations.get(platform.queue.claim("worker", wait_seconds=5).payload)
        asked.state = JobState.JOB_STATE_SUCCEEDED
        platform.explanations.finish(asked)

    timing = messages.ExplanationTiming.EXPLANATION_TIMING_BEFORE_ANSWER
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(explain)
        diagnosis = platform.ask(png(204), explanation_timing=timing)
        made.result()
    assert ended(platform.explanations.get(diagnosis.explanation))


def published(platform, **reliability):
    record = ModelVersion(
        kind=ModelKind.MODEL_KIND_CLASSIFIER,
        classes=CLASSES,
        image_size=8,
        reliability=Reliability(**reliability),
    )
    files = {"weights.safetensors": record.SerializeToString()}
    return models.publish(platform.objects, f"{TENANT}/models/careful", record, files).name


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
    assert platform.refused(frames) == ("INVALID_ARGUMENT", "data: has 2 frames; send an image of one frame")
    burned = dicoms.dicom(np.zeros((4, 4), np.uint8), BurnedInAnnotation="YES")
    assert platform.refused(burned)[0] == "FAILED_PRECONDITION"


def test_latest_is_followed(platform):
    latest = f"{TENANT}/models/cnn/versions/latest"
    assert platform.ask(png(1), latest).model_version == platform.classifier.name
    record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=CLASSES, image_size=16)
    newer = models.publish(platform.objects, f"{TENANT}/models/cnn", record, {"weights.safetensors": b"v"})
    wait_for(lambda: platform.ask(png(1), latest).model_version == newer.name)


def wait_for(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_what_an_alias_stands_for_is_followed(platform):
    champion = f"{TENANT}/models/cnn/versions/champion"
    assert platform.refused(png(1), champion)[0] == "NOT_FOUND"
    promote(platform.objects, platform.classifier.name, "champion", [])
    assert platform.ask(png(1), champion).model_version == platform.classifier.name
    record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=CLASSES, image_size=8, preset="newer")
    newer = models.publish(platform.objects, f"{TENANT}/models/cnn", record, {})
    assert platform.ask(png(1), champion).model_version == platform.classifier.name
    promote(platform.objects, newer.name, "champion", [])
    wait_for(lambda: platform.ask(png(1), champion).model_version == newer.name)
    assert platform.model.told[-1] == ("load", newer.name)
    roll_back(platform.objects, f"{TENANT}/models/cnn/aliases/champion")
    wait_for(lambda: platform.ask(png(1), champion).model_version == platform.classifier.name)


def test_every_diagnosis_is_on_the_audit_trail_and_says_nothing_of_the_patient(platform):
    data = dicoms.dicom(np.full((10, 20), 204, np.uint8), WindowCenter="128", WindowWidth="256")
    made = [platform.ask(png(204)), platform.ask(data)]
    found = list(entries(platform.objects))
    assert [item.resource for item in found] == [diagnosis.name for diagnosis in made]
    assert [item.image_sha256 for item in found] == [diagnosis.image.sha256 for diagnosis in made]
    assert {(item.action, item.outcome, item.tenant, item.subject) for item in found} == {
        ("Diagnose", "OK", "default", "local")
    }
    assert {item.model_sha256 for item in found} == {platform.classifier.files[0].sha256}
    assert list(verify(platform.objects)) == []
    written = b"".join(platform.objects.get(info.key) for info in platform.objects.list("trail/"))
    assert not any(word in written for word in (b"Doe", b"bright", dicoms.STUDY.encode()))


def test_denied_calls_are_on_the_audit_trail(platform):
    foreign = messages.GetDiagnosisRequest(name="tenants/other/diagnoses/1")
    with pytest.raises(grpc.RpcError, match="no such resource"):
        platform.stub.GetDiagnosis(foreign, timeout=5)
    with open_channel(platform.server.address, "unknown") as channel, pytest.raises(grpc.RpcError):
        DiagnosisServiceStub(channel).GetDiagnosis(foreign, timeout=5)
    platform.ask(png(1))  # what is noted is stored with what comes after it
    found = [(item.action, item.outcome, item.subject) for item in entries(platform.objects)]
    assert found == [
        ("GetDiagnosis", "NOT_FOUND", "local"), ("GetDiagnosis", "UNAUTHENTICATED", ""), ("Diagnose", "OK", "local"),
    ]  # fmt: skip


def test_the_same_request_sent_again_gives_the_diagnosis_there_is(platform):
    first = platform.ask(png(204), request_id="mine")
    assert platform.ask(png(204), request_id="mine") == first
    assert len(platform.model.calls) == 1
    assert platform.ask(png(204), request_id="other").name != first.name
    assert platform.ask(png(204)).name != first.name
    with pytest.raises(grpc.RpcError, match="ALREADY_EXISTS"):
        platform.ask(png(10), request_id="mine")
    with pytest.raises(grpc.RpcError, match="128 printable"):
        platform.ask(png(10), request_id="a" * 129)


def test_a_request_sent_twice_at_the_same_time_is_one_diagnosis(platform):
    platform.model.go.clear()
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(platform.ask, png(204), request_id="mine") for _ in range(2)]
        time.sleep(0.3)
        platform.model.go.set()
        first, second = (one.result() for one in asked)
    assert first == second
    assert len(platform.stub.ListDiagnoses(messages.ListDiagnosesRequest(parent=TENANT)).diagnoses) == 1


def test_a_request_that_failed_can_be_sent_again(platform):
    platform.model.error = Unavailable("no replica")
    with pytest.raises(grpc.RpcError, match="no replica"):
        platform.ask(png(204), request_id="mine")
    platform.model.error = None
    assert platform.ask(png(204), request_id="mine").label == "bright"


def stream(platform, images, **fields):
    requests = (
        messages.DiagnoseStreamRequest(
            request=messages.DiagnoseRequest(
                parent=TENANT, model_version=platform.classifier.name, data=image, **fields
            )
        )
        for image in images
    )
    return platform.stub.DiagnoseStream(requests, timeout=30)


def test_a_stream_is_answered_in_its_order_and_one_bad_image_is_its_own_answer(platform):
    levels = list(range(8, 208))
    images = [b"no image" if level == 50 else png(level) for level in levels]
    answers = list(stream(platform, images))
    assert len(answers) == 200  # the queue has four places
    for level, answer in zip(levels, answers, strict=True):
        if level == 50:
            assert answer.error.code == "INVALID_ARGUMENT"
            assert answer.error.message.startswith("data: ")
        else:
            assert answer.diagnosis.probabilities[1].probability == pytest.approx(level / 255, abs=1e-6)


def test_a_stream_reads_no_further_than_it_answers(platform):
    platform.model.go.clear()
    read = []

    def images():
        for level in range(400):
            read.append(level)
            yield png(level % 256, 1000, 1000)

    answers = stream(platform, images())
    time.sleep(1)
    assert len(read) < 300
    platform.model.go.set()
    assert len(list(answers)) == 400


def test_diagnoses_are_found_by_model_label_refusal_and_time(platform):
    careful = published(platform, out_of_distribution=OutOfDistribution(threshold=1.0))
    made = [platform.ask(png(level), model) for level, model in ((10, None), (200, None), (10, careful), (7, careful))]

    def found(**fields):
        request = messages.ListDiagnosesRequest(parent=TENANT, **fields)
        return [made.index(item) for item in platform.stub.ListDiagnoses(request).diagnoses]

    assert found() == [0, 1, 2, 3]
    assert found(model=f"{TENANT}/models/cnn") == [0, 1]
    assert found(model=careful) == [2, 3]
    assert found(label="dark") == [0, 2]
    assert found(refused=True) == [3]
    assert found(start_time=made[1].create_time, end_time=made[3].create_time) == [1, 2]
    assert found(label="dark", page_size=1) == [0]
    with pytest.raises(grpc.RpcError, match="must have the form"):
        found(model="cnn")
    pages, token = [], ""
    while True:
        request = messages.ListDiagnosesRequest(parent=TENANT, label="dark", page_size=1, page_token=token)
        answer = platform.stub.ListDiagnoses(request)
        pages += answer.diagnoses
        if not (token := answer.next_page_token):
            break
    assert [made.index(item) for item in pages] == [0, 2]


def test_ids_sort_by_time_and_lists_have_pages(platform):
    made = [platform.ask(png(level)).name for level in range(5)]
    assert made == sorted(made)
    first = platform.stub.ListDiagnoses(messages.ListDiagnosesRequest(parent=TENANT, page_size=3))
    rest = platform.stub.ListDiagnoses(
        messages.ListDiagnosesRequest(parent=TENANT, page_token=first.next_page_token, page_size=3)
    )
    assert [diagnosis.name for page in (first, rest) for diagnosis in page.diagnoses] == made
    assert rest.next_page_token == ""


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


def huge_png(side=20_000):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def jpeg():
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"", "INVALID_ARGUMENT", "data: is empty"),
        (b"%PDF-1.7 not an image", "INVALID_ARGUMENT", "data: is not a PNG, JPEG or DICOM file"),
        (png(3)[:-20], "INVALID_ARGUMENT", "truncated"),
        (jpeg()[:600], "INVALID_ARGUMENT", "JPEG"),
        (huge_png(), "RESOURCE_EXHAUSTED", "20000×20000"),
        (bytes(5 << 20), "RESOURCE_EXHAUSTED", ""),
    ],
    ids=["empty", "not an image", "truncated PNG", "truncated JPEG", "20000x20000", "5 MiB"],
)
def test_bad_images(platform, data, code, words):
    status, details = platform.refused(data)
    assert status == code
    assert words in details
    assert platform.model.calls == []


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
