import asyncio
import hashlib
import math

import numpy as np
import pytest
import safetensors.numpy

from services.training.servicer import TrainingServicer
from synthoscope import models
from synthoscope.api.datasets.v1.datasets_pb2 import ClassCount, DatasetVersion, Split
from synthoscope.api.jobs.v1 import jobs_pb2
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.api.synthesis.v1.synthesis_pb2 import Admission, SyntheticSet, Verdict
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanConditioning, GanTrainingConfig
from synthoscope.api.training.v1.training_service_pb2 import (
    DownloadEventFilesRequest,
    SubmitClassifierTrainingRequest,
    SubmitGanTrainingRequest,
    UploadedWeights,
    UploadWeightsHeader,
    UploadWeightsRequest,
)
from synthoscope.classifier.pretrained import uploads
from synthoscope.jobs.event_files import event_file_key
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import InMemoryObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import (
    AlreadyExists,
    DataLoss,
    FailedPrecondition,
    InvalidInput,
    NotFound,
    ResourceExhausted,
)
from tests.merged_sets import merge_into

DATASET = "tenants/t/datasets/d/versions/0123456789abcdef"
SET = "tenants/t/syntheticSets/s"


@pytest.fixture
def objects():
    objects = InMemoryObjectStore()
    train = [ClassCount(split=Split.SPLIT_TRAIN, label=label, count=count) for label, count in [("a", 40), ("b", 20)]]
    test = [ClassCount(split=Split.SPLIT_TEST, label="a", count=1000)]
    records = Records(objects, DatasetVersion)
    records.put(DATASET, DatasetVersion(name=DATASET, classes=["a", "b"], counts=train + test))
    records.set_latest(DATASET)
    verdict = Verdict(admission=Admission.ADMISSION_ADMITTED)
    Records(objects, SyntheticSet).put(SET, SyntheticSet(name=SET, counts={"a": 3}, verdict=verdict))
    return objects


@pytest.fixture
def jobs(objects):
    return Jobs(objects, InMemoryJobStore())


@pytest.fixture
def servicer(objects, jobs):
    return TrainingServicer(objects, jobs)


def gan(dataset=DATASET, request_id="", parent="tenants/t", model_id="gan", **config):
    return SubmitGanTrainingRequest(
        parent=parent,
        request_id=request_id,
        dataset_version=dataset,
        model_id=model_id,
        config=GanTrainingConfig(**{"preset": "dcgan-64", "epochs": 1, **config}),
    )


def classifier(dataset=DATASET, sets=(), model_id="cnn", **config):
    return SubmitClassifierTrainingRequest(
        parent="tenants/t",
        dataset_version=dataset,
        synthetic_sets=sets,
        model_id=model_id,
        config=ClassifierTrainingConfig(**{"preset": "cnn-64", "epochs": 1, "batch_size": 8, **config}),
    )


def test_a_gan_training_becomes_a_queued_job_with_its_specification(servicer, jobs):
    job = servicer.SubmitGanTraining(gan("tenants/t/datasets/d/versions/latest"), None)
    assert job.state == jobs_pb2.JOB_STATE_QUEUED
    assert job.kind == jobs_pb2.JOB_KIND_GAN_TRAINING
    assert jobs.specification(job.name, SubmitGanTrainingRequest) == gan()


def test_the_same_request_id_gives_the_same_job(servicer):
    first = servicer.SubmitGanTraining(gan(request_id="r"), None)
    assert servicer.SubmitGanTraining(gan(request_id="r"), None).name == first.name
    with pytest.raises(AlreadyExists):
        servicer.SubmitGanTraining(gan(request_id="r", epochs=2), None)


@pytest.mark.parametrize(
    ("request_", "error", "text"),
    [
        (gan(epochs=-1), InvalidInput, "config.epochs"),
        (gan(epochs=10**9), ResourceExhausted, "config.epochs"),
        (gan(learning_rate=math.nan), InvalidInput, "config.learning_rate"),
        (gan(preset="x"), InvalidInput, "config.preset"),
        (gan(model_id="Not Legal"), InvalidInput, "model_id"),
        (gan(parent="tenants"), InvalidInput, "parent"),
        (gan(dataset="d"), InvalidInput, "dataset_version"),
        (gan(dataset="tenants/t/datasets/other/versions/1"), NotFound, "other"),
        (gan(batch_size=61), FailedPrecondition, "60 images"),
        (
            gan(batch_size=21, conditioning=GanConditioning.GAN_CONDITIONING_PER_CLASS),
            FailedPrecondition,
            "class b of the training split has 20 images",
        ),
    ],
)
def test_a_gan_training_that_cannot_work_is_refused_and_nothing_is_stored(servicer, objects, request_, error, text):
    before = [info.key for info in objects.list("")]
    with pytest.raises(error, match=text):
        servicer.SubmitGanTraining(request_, None)
    assert [info.key for info in objects.list("")] == before


def test_a_gan_can_start_from_another_version(servicer, objects, jobs):
    record = ModelVersion(kind=ModelKind.MODEL_KIND_GAN, preset="dcgan-64")
    name = models.publish(objects, "tenants/t/models/old", record, {}).name
    job = servicer.SubmitGanTraining(gan(start_from=name), None)
    assert jobs.specification(job.name, SubmitGanTrainingRequest).config.start_from == name
    with pytest.raises(InvalidInput, match=rf"config.start_from.*{name}"):
        servicer.SubmitGanTraining(gan(start_from="tenants/t/models/old/versions/latest"), None)
    with pytest.raises(InvalidInput, match=r"config\.start_from"):
        servicer.SubmitGanTraining(gan(start_from="old"), None)
    with pytest.raises(NotFound):
        servicer.SubmitGanTraining(gan(start_from="tenants/t/models/new/versions/1"), None)
    classifier_version = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, preset="cnn-64")
    name = models.publish(objects, "tenants/t/models/cnn", classifier_version, {}).name
    with pytest.raises(FailedPrecondition, match="not a GAN"):
        servicer.SubmitGanTraining(gan(start_from=name), None)


def test_a_classifier_training_becomes_a_job(servicer, jobs):
    job = servicer.SubmitClassifierTraining(classifier(sets=[SET]), None)
    assert job.kind == jobs_pb2.JOB_KIND_CLASSIFIER_TRAINING
    assert jobs.specification(job.name, SubmitClassifierTrainingRequest) == classifier(sets=[SET])


@pytest.mark.parametrize(
    ("request_", "error", "text"),
    [
        (classifier(epochs=-1), InvalidInput, "config.epochs"),
        (classifier(model_id=""), InvalidInput, "model_id"),
        (classifier(dataset="tenants/t/datasets/d/versions/1"), NotFound, "versions/1"),
        (classifier(batch_size=60), FailedPrecondition, "54 training images are left"),
        (classifier(sets=["tenants/t/syntheticSets/none"]), NotFound, "none"),
        (classifier(sets=["s"]), InvalidInput, "synthetic_sets"),
    ],
)
def test_a_classifier_training_that_cannot_work_is_refused(servicer, request_, error, text):
    with pytest.raises(error, match=text):
        servicer.SubmitClassifierTraining(request_, None)


def test_synthetic_images_help_to_fill_a_batch(servicer, objects):
    # 54 of 60 real images are left; with those of the set there are 57.
    assert servicer.SubmitClassifierTraining(classifier(sets=[SET], batch_size=57), None).name
    with pytest.raises(FailedPrecondition, match="57 training images are left"):
        servicer.SubmitClassifierTraining(classifier(sets=[SET], batch_size=58), None)


def test_synthetic_images_alone_are_enough_when_there_are_some_of_every_class(servicer, objects, jobs):
    request_ = classifier(sets=[SET])
    request_.synthetic_only = True
    with pytest.raises(FailedPrecondition, match="synthetic_only: the synthetic sets have no images of b"):
        servicer.SubmitClassifierTraining(request_, None)
    verdict = Verdict(admission="ADMISSION_ADMITTED")
    Records(objects, SyntheticSet).put(SET, SyntheticSet(name=SET, counts={"a": 3, "b": 4}, verdict=verdict))
    with pytest.raises(FailedPrecondition, match="7 training images are left"):
        servicer.SubmitClassifierTraining(request_, None)
    request_.config.batch_size = 7
    job = servicer.SubmitClassifierTraining(request_, None)
    assert jobs.specification(job.name, SubmitClassifierTrainingRequest).synthetic_only
    del request_.synthetic_sets[:]
    with pytest.raises(FailedPrecondition, match="no images of a, b"):
        servicer.SubmitClassifierTraining(request_, None)


def test_images_that_come_again_fill_any_batch(servicer):
    assert servicer.SubmitClassifierTraining(classifier(batch_size=128, steps_per_epoch=2), None).name


@pytest.mark.parametrize(("label", "shown"), [("c", "images of c"), ("", "images of no label")])
def test_labels_of_synthetic_images_must_be_classes(servicer, objects, label, shown):
    Records(objects, SyntheticSet).put(SET, SyntheticSet(name=SET, counts={label: 3}))
    with pytest.raises(FailedPrecondition, match=f"{shown}; the classes of .* are a, b"):
        servicer.SubmitClassifierTraining(classifier(sets=[SET]), None)


@pytest.mark.parametrize("admission", ["ADMISSION_UNSPECIFIED", "ADMISSION_REFUSED", "ADMISSION_FOR_STUDY"])
def test_a_set_that_is_not_admitted_is_refused_unless_told_otherwise(servicer, objects, jobs, admission):
    verdict = Verdict(admission=admission)
    Records(objects, SyntheticSet).put(SET, SyntheticSet(name=SET, counts={"a": 3}, verdict=verdict))
    with pytest.raises(FailedPrecondition, match=f"{SET} is .*accept_unadmitted"):
        servicer.SubmitClassifierTraining(classifier(sets=[SET]), None)
    told = classifier(sets=[SET])
    told.accept_unadmitted = True
    job = servicer.SubmitClassifierTraining(told, None)
    assert jobs.specification(job.name, SubmitClassifierTrainingRequest).accept_unadmitted


def test_a_gan_does_not_learn_a_merged_set_that_is_not_admitted_unless_told_to(servicer, objects, jobs):
    Records(objects, SyntheticSet).put(SET, SyntheticSet(name=SET, counts={"a": 3}))
    merge_into(objects, DATASET, SET)
    with pytest.raises(FailedPrecondition, match=f"{SET} is refused: it was never measured.*accept_unadmitted"):
        servicer.SubmitGanTraining(gan(), None)
    told = gan()
    told.accept_unadmitted = True
    job = servicer.SubmitGanTraining(told, None)
    assert jobs.specification(job.name, SubmitGanTrainingRequest).accept_unadmitted


def test_a_class_without_training_images(servicer, objects):
    counts = [ClassCount(split=Split.SPLIT_TRAIN, label="a", count=40)]
    Records(objects, DatasetVersion).put(DATASET, DatasetVersion(name=DATASET, classes=["a", "b"], counts=counts))
    with pytest.raises(FailedPrecondition, match="no images of b"):
        servicer.SubmitGanTraining(gan(), None)
    with pytest.raises(FailedPrecondition, match="fewer than 2 images of b"):
        servicer.SubmitClassifierTraining(classifier(), None)


def downloaded(servicer, job):
    async def parts():
        return [part async for part in servicer.DownloadEventFiles(DownloadEventFilesRequest(job=job), None)]

    return [(part.file, part.chunk) for part in asyncio.run(parts())]


def test_event_files_come_in_their_order_and_in_chunks(servicer, objects):
    job = servicer.SubmitGanTraining(gan(), None).name
    assert downloaded(servicer, job) == []
    long = bytes(range(256)) * 5000
    objects.put(event_file_key(job, 1000), long)
    objects.put(event_file_key(job, 20), b"first")
    parts = downloaded(servicer, job)
    assert [name for name, _ in parts] == ["events.out.tfevents.0000000020"] + 2 * ["events.out.tfevents.0000001000"]
    assert b"".join(chunk for _, chunk in parts[1:]) == long
    assert max(len(chunk) for _, chunk in parts) <= 2**20


def test_event_files_of_no_job(servicer):
    with pytest.raises(NotFound):
        downloaded(servicer, "tenants/t/jobs/0123456789abcdef0123456789abcdef")
    with pytest.raises(InvalidInput, match="job"):
        downloaded(servicer, "tenants/t/models/gan")


WEIGHTS_FILE = safetensors.numpy.save({"features.weight": np.ones(500_000, np.float32)})


def uploaded(servicer, *parts):
    async def requests():
        for part in parts:
            yield part

    return asyncio.run(servicer.UploadWeights(requests(), None))


def header(parent="tenants/t", sha256=""):
    return UploadWeightsRequest(header=UploadWeightsHeader(parent=parent, sha256=sha256))


def chunks(data, size=2**20):
    return [UploadWeightsRequest(chunk=data[start : start + size]) for start in range(0, len(data), size)]


def test_weights_are_uploaded_in_chunks_and_can_be_trained_from(servicer, objects):
    sha256 = hashlib.sha256(WEIGHTS_FILE).hexdigest()
    found = uploaded(servicer, header(sha256=sha256), *chunks(WEIGHTS_FILE))
    assert found == UploadedWeights(name=f"tenants/t/weights/{sha256}", tensor_count=1, size_bytes=len(WEIGHTS_FILE))
    assert uploads.read(objects, found.name) == WEIGHTS_FILE
    transfer = classifier(preset="efficientnet-lite0", weights=found.name)
    assert servicer.SubmitClassifierTraining(transfer, None).state == jobs_pb2.JOB_STATE_QUEUED


@pytest.mark.parametrize(
    ("parts", "error", "problem"),
    [
        ([], InvalidInput, "part: the first message must be the header"),
        (chunks(WEIGHTS_FILE), InvalidInput, "part: the first message must be the header"),
        ([UploadWeightsRequest()], InvalidInput, "part: the first message must be the header"),
        ([header(), header()], InvalidInput, "part: must be a chunk"),
        ([header(), UploadWeightsRequest()], InvalidInput, "part: must be a chunk"),
        ([header("t")], InvalidInput, "header.parent"),
        ([header()], InvalidInput, "not a safetensors file"),
        ([header(), *chunks(WEIGHTS_FILE, 2**20 + 1)], InvalidInput, "chunk: has 1048577 bytes"),
        ([header(), *chunks(WEIGHTS_FILE[:-1])], InvalidInput, "not a whole safetensors file"),
        ([header(), *chunks(b"PK\3\4" + bytes(100))], InvalidInput, "weights convert"),
        ([header(sha256="0" * 64), *chunks(WEIGHTS_FILE)], DataLoss, "SHA-256 in header.sha256"),
    ],
)
def test_nothing_is_stored_of_an_upload_that_is_refused(servicer, objects, parts, error, problem):
    with pytest.raises(error, match=problem):
        uploaded(servicer, *parts)
    assert not list(objects.list("tenants/t/weights/"))


def test_a_classifier_starts_only_from_weights_that_are_there(servicer):
    for weights, error in (("imagenet-21k", InvalidInput), (f"tenants/t/weights/{'0' * 64}", NotFound)):
        with pytest.raises(error):
            servicer.SubmitClassifierTraining(classifier(preset="efficientnet-lite0", weights=weights), None)
    assert servicer.SubmitClassifierTraining(classifier(preset="resnet50", weights="imagenet"), None).name
