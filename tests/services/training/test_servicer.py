import asyncio
import math

import pytest

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
)
from synthoscope.jobs.event_files import event_file_key
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import InMemoryObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import AlreadyExists, FailedPrecondition, InvalidInput, NotFound, ResourceExhausted
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
