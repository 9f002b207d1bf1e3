from datetime import UTC, datetime

import numpy as np
import pytest

from services.training import gan_run
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion
from synthoscope.api.training.v1.training_pb2 import GanConditioning, GanTrainingConfig
from synthoscope.api.training.v1.training_service_pb2 import SubmitGanTrainingRequest
from synthoscope.gan import config as gan_config
from synthoscope.gan import loop, sampling
from synthoscope.images.preprocessing import Pipeline
from synthoscope.images.steps.margin_removal import MarginRemoval
from synthoscope.images.steps.normalization import Normalization
from synthoscope.images.steps.resizing import Resizing
from synthoscope.jobs.event_files import event_files
from synthoscope.jobs.job import Job, JobKind, JobState
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.redis import RedisSettings
from synthoscope.jobs.worker import JobWorker
from synthoscope.models.preprocessing import pipeline_of
from synthoscope.models.weights import load_weights
from synthoscope.objects import InMemoryObjectStore, ObjectStoreSettings
from synthoscope.records import Records
from synthoscope.training.callbacks import NoCallbacks
from synthoscope.training.parallel import World
from synthoscope_ray.callbacks import JobCallbacks, checkpoints
from synthoscope_ray.program import Stores
from synthoscope_ray.settings import ProgramSettings, RaySettings
from tests.merged_sets import merge_into

pytestmark = pytest.mark.usefixtures("one_thread")

JOB = "tenants/t/jobs/j"
DATASET = "tenants/t/datasets/d/versions/1"
SET = "tenants/t/syntheticSets/s"
PIPELINE = Pipeline((MarginRemoval(),), Resizing(pad=True), Normalization(0.4, 0.2))
LABELS = np.array([0, 1] * 4)
IMAGES = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), np.uint8)


@pytest.fixture
def stores():
    settings = ProgramSettings(
        objects=ObjectStoreSettings(endpoint="127.0.0.1:1", access_key="a", secret_key="s"),
        redis=RedisSettings(host="127.0.0.1", port=1),
        ray=RaySettings(worker_threads=1),
    )
    objects = InMemoryObjectStore()
    dataset = DatasetVersion(name=DATASET, classes=["a", "b"], preprocessing=PIPELINE.to_message())
    Records(objects, DatasetVersion).put(DATASET, dataset)
    return Stores(settings, objects, InMemoryJobStore())


class Last(NoCallbacks):
    def on_checkpoint(self, checkpoint):
        self.checkpoint = checkpoint


def test_the_lineage_names_the_synthetic_sets_that_were_learned(stores):
    merge_into(stores.objects, DATASET, SET)
    message = GanTrainingConfig(preset="dcgan-64", epochs=1, batch_size=4)
    request = SubmitGanTrainingRequest(
        parent="tenants/t", dataset_version=DATASET, model_id="gan", config=message, accept_unadmitted=True
    )
    config, last = gan_config.from_message(message), Last()
    loop.train(config, IMAGES, LABELS, ("a", "b"), callbacks=last)

    lineage = gan_run.publish(JOB, stores, request, config, last.checkpoint).lineage

    assert lineage.accepted_unadmitted
    assert [use.synthetic_set for use in lineage.synthetic_uses] == [SET]


@pytest.mark.parametrize(
    ("conditioning", "labels", "parts"),
    [
        (GanConditioning.GAN_CONDITIONING_UNCONDITIONAL, ("",), {"0"}),
        (GanConditioning.GAN_CONDITIONING_PER_CLASS, ("a", "b"), {"0", "1"}),
        (GanConditioning.GAN_CONDITIONING_CONDITIONAL, ("a", "b"), {"0"}),
    ],
)
def test_what_is_published_can_be_sampled(stores, conditioning, labels, parts):
    message = GanTrainingConfig(preset="dcgan-64", epochs=1, batch_size=4, conditioning=conditioning, seed=2**62 + 1)
    request = SubmitGanTrainingRequest(parent="tenants/t", dataset_version=DATASET, model_id="gan", config=message)
    config, last = gan_config.from_message(message), Last()
    loop.train(config, IMAGES, LABELS, ("a", "b"), callbacks=last)

    record = gan_run.publish(JOB, stores, request, config, last.checkpoint)

    assert record.name.startswith("tenants/t/models/gan/versions/")
    assert (record.lineage.job, record.lineage.dataset_version, record.lineage.seed) == (JOB, DATASET, 2**62 + 1)
    assert record.config["threads"] == 1
    assert pipeline_of(record) == Pipeline(PIPELINE.steps, PIPELINE.resizing, Normalization(0.5, 0.5)).sized(64)
    assert gan_config.GanConfig.from_json(dict(record.config)) == config
    weights = load_weights(stores.objects, record)
    assert {name.split(".")[0] for name in weights} == parts
    assert {name.split(".")[1] for name in weights} == {"generator", "discriminator"}
    generators = sampling.load(stores.objects, record)
    assert generators.labels == labels
    assert next(sampling.sample(generators, labels[-1], 2, seed=0)).shape == (2, 64, 64, 3)


def test_publishing_again_gives_the_same_version(stores):
    message = GanTrainingConfig(preset="dcgan-64", epochs=1, batch_size=4)
    request = SubmitGanTrainingRequest(parent="tenants/t", dataset_version=DATASET, model_id="gan", config=message)
    config, last = gan_config.from_message(message), Last()
    loop.train(config, IMAGES, LABELS, ("a", "b"), callbacks=last)
    first = gan_run.publish(JOB, stores, request, config, last.checkpoint)
    assert gan_run.publish(JOB, stores, request, config, last.checkpoint) == first


def test_the_default_family_publishes_all_that_a_run_keeps(stores):
    """Averaged and best weights, measured in the real features; events at every checkpoint and grid."""
    message = GanTrainingConfig(
        preset="r3",
        epochs=6,
        batch_size=4,
        image_size=32,
        width=2,
        measure_kimg=0.024,
        sample_every=6,
        checkpoint_every=5,
    )
    request = SubmitGanTrainingRequest(parent="tenants/t", dataset_version=DATASET, model_id="gan", config=message)
    config = gan_config.from_message(message)
    stores.jobs.create(Job(JOB, JobKind.GAN_TRAINING, JobState.RUNNING, datetime.now(UTC), attempt=1))
    worker = JobWorker(stores.jobs, stores.objects, JOB, 1)
    callbacks = JobCallbacks(worker, stores.objects, World(), lambda metrics: None)
    loop.train(config, IMAGES[:, ::2, ::2], LABELS, ("a", "b"), World(), callbacks)

    record = gan_run.publish(JOB, stores, request, config, checkpoints(stores.objects, JOB).load_latest())

    kinds = {name.split(".")[1] for name in load_weights(stores.objects, record)}
    assert kinds == {"generator", "discriminator", "average", "best"}
    measured = {curve.metric: list(curve.steps) for curve in record.curves if "distance" in curve.metric}
    assert measured == {"frechet_distance": [6, 12], "kernel_distance": [6, 12]}
    assert [file.name[-3:] for file in event_files(stores.objects, JOB)] == ["001", "005", "006", "010", "012"]
    assert [(grid.step, grid.label) for grid in record.sample_grids] == [
        (step, label) for step in (1, 6, 12) for label in "ab"
    ]
