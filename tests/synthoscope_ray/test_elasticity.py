"""Runs that go on with fewer workers: the record, and a node of a real cluster that is killed."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import ray
from ray.cluster_utils import Cluster

from synthoscope.gan import loop
from synthoscope.gan.config import GanConfig
from synthoscope.jobs.job import Job, JobKind, JobState
from synthoscope.jobs.redis import RedisJobStore
from synthoscope.jobs.worker import JobWorker
from synthoscope.local import ports
from synthoscope.objects import MinioObjectStore, make_bucket
from synthoscope.training.callbacks import Checkpoint
from synthoscope_ray import trainer
from synthoscope_ray.elasticity import WorkerHistory
from synthoscope_ray.program import Stores
from synthoscope_ray.settings import ProgramSettings

JOB = "tenants/t/jobs/elastic"


def at(step, history):
    return Checkpoint(step, {}, history.added_to({"history": {}}))


def test_a_history_grows_only_when_the_number_of_workers_changes():
    begun = WorkerHistory.of(None).continued(None, 3)
    assert begun.groups == ((0, 3),)
    assert (begun.remark(), begun.as_config()) == ("", {})
    again = WorkerHistory.of(at(10, begun)).continued(at(10, begun), 3)
    assert again == begun
    fewer = WorkerHistory.of(at(20, again)).continued(at(20, again), 2)
    assert fewer.groups == ((0, 3), (20, 2))
    assert fewer.remark().startswith("2 instead of 3 workers go on from step 20")
    more = WorkerHistory.of(at(30, fewer)).continued(at(30, fewer), 3)
    assert more.as_config() == {
        "worker_history": [{"step": 0, "workers": 3}, {"step": 20, "workers": 2}, {"step": 30, "workers": 3}]
    }


def test_a_group_that_was_lost_before_its_first_checkpoint_leaves_nothing():
    begun = WorkerHistory.of(None).continued(None, 3)
    checkpoint = at(10, begun)
    WorkerHistory.of(checkpoint).continued(checkpoint, 2)
    assert WorkerHistory.of(checkpoint).continued(checkpoint, 3) == begun


def test_checkpoints_from_before_this_was_recorded():
    old = Checkpoint(7, {}, {"history": {}})
    assert WorkerHistory.of(old).continued(old, 2).groups == ((7, 2),)


@pytest.fixture
def stores(object_store_settings, redis_settings, monkeypatch):
    """Real stores that Ray's processes find in their environment, with a job that runs."""
    make_bucket(object_store_settings.other_bucket("synthoscope-ray"))
    environment = {
        "SYNTHOSCOPE_OBJECTS__ENDPOINT": object_store_settings.endpoint,
        "SYNTHOSCOPE_OBJECTS__BUCKET": object_store_settings.bucket,
        "SYNTHOSCOPE_OBJECTS__ACCESS_KEY": object_store_settings.access_key,
        "SYNTHOSCOPE_OBJECTS__SECRET_KEY": object_store_settings.secret_key.get_secret_value(),
        "SYNTHOSCOPE_REDIS__PORT": str(redis_settings.port),
        "SYNTHOSCOPE_REDIS__PASSWORD": redis_settings.password.get_secret_value(),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = ProgramSettings()
    stores = Stores(settings, MinioObjectStore(settings.objects), RedisJobStore(settings.redis))
    stores.jobs.create(Job(JOB, JobKind.GAN_TRAINING, JobState.QUEUED, datetime.now(UTC), attempt=1))
    return stores


@pytest.fixture
def nodes(stores):
    """A cluster of two nodes with a CPU each, so that a worker fits on each; the second one can be removed."""
    memory = {"object_store_memory": 80_000_000}
    ports_of = {"gcs_server_port": ports.assign(["gcs"], {})["gcs"], "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **ports_of, **memory})
    try:
        second = cluster.add_node(num_cpus=1, **memory)
        ray.init(address=cluster.address, log_to_driver=False)
        yield SimpleNamespace(kill_second=lambda: cluster.remove_node(second, allow_graceful=False))
    finally:
        ray.shutdown()
        cluster.shutdown()


@pytest.mark.stack
@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray")  # Ray sets what Ray deprecates
def test_when_a_node_is_lost_the_run_goes_on_with_fewer_workers_and_says_so(stores, nodes):
    config = GanConfig(
        "lsgan", epochs=500, batch_size=8, image_size=28, width=4, channels=1, checkpoint_every=20, sample_every=10_000
    )
    images = np.random.default_rng(0).integers(0, 256, (32, 28, 28, 3), np.uint8)
    train = partial(loop.train, config, images, np.arange(32) % 2, ("a", "b"))
    worker = JobWorker(stores.jobs, stores.objects, JOB, 1)

    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(trainer.run, worker, stores, train, workers=2, min_workers=1)
        wait_for(run, lambda: stores.jobs.get(JOB).progress.step >= 60)
        nodes.kill_second()
        wait_for(run, lambda: "1 instead of 2 workers go on from step" in stores.jobs.get(JOB).state_reason)
        last = run.result(600)

    assert last.step == 2000
    (first, second) = WorkerHistory.of(last).groups
    assert first == (0, 2)
    assert second[1] == 1
    assert second[0] >= 40
    assert second[0] % config.checkpoint_every == 0


def wait_for(run, condition, seconds=600):
    deadline = time.monotonic() + seconds
    while not condition():
        if run.done():
            pytest.fail(f"the run has ended: {run.result()}")
        assert time.monotonic() < deadline
        time.sleep(0.2)
