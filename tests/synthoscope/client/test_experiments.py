"""Experiments against the real servicer over real gRPC, with objects and jobs in memory."""

import numpy as np
import pytest
from pydantic import SecretStr

from services.training.registrations import registrations
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split
from synthoscope.api.experiments.v1.experiments_pb2 import ExperimentSpecification, Fraction
from synthoscope.api.experiments.v1.experiments_service_pb2 import SubmitExperimentRequest
from synthoscope.api.jobs.v1.jobs_pb2 import JobKind, JobState
from synthoscope.api.synthesis.v1.synthesis_pb2 import SyntheticImage, SyntheticSet
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig
from synthoscope.client import Client, ClientSettings, Endpoints
from synthoscope.datasets.importing import import_version
from synthoscope.images.intake import Intake
from synthoscope.images.storage import store_pixels
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import AlreadyExists, FailedPrecondition, InvalidInput, NotFound
from synthoscope.rpc.testing import running_server
from synthoscope.synthetic import sets


@pytest.fixture
def objects():
    return InMemoryObjectStore()


@pytest.fixture
def jobs(objects):
    return Jobs(objects, InMemoryJobStore())


@pytest.fixture
def client(objects, jobs, decoders, pseudonyms):
    with running_server(registrations(objects, jobs, Intake(objects, pseudonyms, decoders))) as server:
        settings = ClientSettings(endpoints=Endpoints(training=server.address), token=SecretStr(server.token))
        with Client(settings) as client:
            yield client


@pytest.fixture
def specification(objects):
    pixels = store_pixels(objects, "default", np.zeros((8, 8), np.uint8))
    images = [
        DatasetImage(path=f"{split}{label}", split=split, label=label, image=pixels)
        for label in "ab"
        for split in (Split.SPLIT_TRAIN, Split.SPLIT_TEST)
    ]
    version = import_version(objects, "tenants/default/datasets/d", images).name
    return ExperimentSpecification(
        dataset_version=version,
        fractions=[Fraction(share=1.0, dataset_version=version)],
        presets=["cnn-64"],
        training=ClassifierTrainingConfig(epochs=1),
    )


def test_an_experiment_is_submitted_once_and_read(client, jobs, specification):
    job = client.experiments.submit(specification, "once")
    assert (job.kind, client.experiments.submit(specification, "once")) == (JobKind.JOB_KIND_EXPERIMENT, job)
    assert jobs.specification(job.name, SubmitExperimentRequest).specification == specification
    found = client.experiments.get(job.name.replace("/jobs/", "/experiments/"))
    assert (found.job, found.state, found.specification) == (job.name, JobState.JOB_STATE_QUEUED, specification)
    assert client.experiments.list() == [found]
    specification.seeds = 7
    with pytest.raises(AlreadyExists):
        client.experiments.submit(specification, "once")
    with pytest.raises(NotFound):
        client.experiments.get("tenants/default/experiments/none")
    specification.seeds = 1
    with pytest.raises(InvalidInput, match=r"specification\.seeds"):
        client.experiments.submit(specification)


def test_sets_that_are_not_admitted_are_taken_when_told_to(client, objects, specification):
    record = SyntheticSet(name="tenants/default/syntheticSets/s")
    pixels = store_pixels(objects, "default", np.zeros((8, 8), np.uint8))
    sets.publish(objects, record, [SyntheticImage(index=0, label="a", image=pixels)])
    specification.fractions[0].synthetic_sets.append(record.name)
    with pytest.raises(FailedPrecondition, match="accept_unadmitted"):
        client.experiments.submit(specification)
    assert client.experiments.submit(specification, accept_unadmitted=True).state == JobState.JOB_STATE_QUEUED
