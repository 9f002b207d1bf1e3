"""From which checkpoint a run goes on when some are damaged; no Ray is needed for that."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from gan_runs import Recorder

from synthoscope.gan import loop
from synthoscope.gan.config import GanConfig
from synthoscope.jobs.job import Job, JobKind, JobState
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.worker import JobWorker
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import DataLoss
from synthoscope.training.callbacks import Checkpoint
from synthoscope_ray import trainer
from synthoscope_ray.callbacks import checkpoints
from synthoscope_ray.program import Stores

pytestmark = pytest.mark.usefixtures("one_thread")

JOB = "tenants/t/jobs/j"
CONFIG = GanConfig(
    "lsgan", epochs=4, batch_size=4, image_size=28, channels=1, width=2, checkpoint_every=1, sample_every=100
)
IMAGES = np.random.default_rng(0).integers(0, 256, (8, 28, 28, 3), np.uint8)
STEPS = 8


@pytest.fixture
def stores():
    stores = Stores(SimpleNamespace(), InMemoryObjectStore(), InMemoryJobStore())
    stores.jobs.create(Job(JOB, JobKind.GAN_TRAINING, JobState.RUNNING, datetime.now(UTC), attempt=1))
    return stores


@pytest.fixture
def worker(stores):
    return JobWorker(stores.jobs, stores.objects, JOB, 1)


@pytest.fixture
def store(stores, worker):
    return checkpoints(stores.objects, JOB, worker.remark)


def train(resume=None):
    """The loop from a checkpoint to its end; what it said, and where it began."""
    recorder = Recorder()
    loop.train(CONFIG, IMAGES, np.array([0, 1] * 4), ("a", "b"), callbacks=recorder, resume=resume)
    return recorder


@pytest.fixture(scope="module")
def whole(one_thread):
    return train()


def without_a_tensor(checkpoint):
    tensors = {name: tensor for name, tensor in checkpoint.tensors.items() if name != "0.generator.dense.weight"}
    return replace(checkpoint, tensors=tensors)


def with_another_shape(checkpoint):
    return replace(checkpoint, tensors={**checkpoint.tensors, "0.generator.dense.weight": torch.zeros(2, 2)})


def with_a_moment_of_another_shape(checkpoint):
    name = next(name for name in checkpoint.tensors if name.endswith(".exp_avg"))
    return replace(checkpoint, tensors={**checkpoint.tensors, name: torch.zeros(7, 5, 3)})


@pytest.mark.parametrize("miswritten", [without_a_tensor, with_another_shape, with_a_moment_of_another_shape])
def test_tensors_of_other_networks_are_set_aside_and_the_bits_are_the_same_in_the_end(stores, store, whole, miswritten):
    store.save(whole.checkpoints[4])
    store.save(miswritten(whole.checkpoints[5]))
    ended = []
    trainer.go_on(lambda resume: ended.append((resume.step, train(resume))), store)
    ((begun_at, recorder),) = ended
    assert begun_at == 4
    assert recorder.last.state == whole.last.state
    for name, tensor in whole.last.tensors.items():
        assert torch.equal(recorder.last.tensors[name], tensor), name
    assert [info.key for info in stores.objects.list(f"{JOB}/checkpoints/damaged/step-000000005/")]
    assert "step 5 is damaged and was set aside: the checkpoint's tensors are not those" in (
        stores.jobs.get(JOB).state_reason
    )


def test_when_none_fits_the_run_does_not_begin_anew(store, whole):
    store.save(without_a_tensor(whole.checkpoints[4]))
    store.save(with_another_shape(whole.checkpoints[5]))
    begun = []

    def run(resume):
        begun.append(resume.step)
        train(resume)

    for _ in range(2):
        with pytest.raises(DataLoss, match="step 4, 5 are damaged"):
            trainer.go_on(run, store)
    assert begun == [5, 4]


def test_without_checkpoints_a_run_begins_anew(store):
    begun = []
    trainer.go_on(begun.append, store)
    assert begun == [None]


@pytest.fixture
def ray_train(monkeypatch, store):
    """Ray Train's runs in this process: each saves the next of these checkpoints, and returns."""
    saves = []

    class Runs:
        def fit(self):
            kind, step = saves.pop(0)
            store.save(Checkpoint(step, {"weight": torch.ones(3)}))
            if kind == "damaged":
                key = f"{store.prefix}/step-{step:09d}/tensors.safetensors"
                store.objects.put(key, store.objects.get(key)[:-1])

    monkeypatch.setattr(trainer.ray, "is_initialized", lambda: True)
    monkeypatch.setattr(trainer, "_trainer", lambda *_: Runs())
    monkeypatch.setattr(trainer, "_demand", lambda *_: {})
    return saves


def test_a_last_checkpoint_that_is_damaged_is_trained_again_instead_of_an_earlier_one_taken(
    ray_train, stores, worker, store
):
    store.save(Checkpoint(8, {"weight": torch.zeros(3)}))
    ray_train += [("damaged", 10), ("whole", 10)]
    assert trainer.run(worker, stores, train).step == 10
    assert ray_train == []
    assert "step 10 is damaged" in stores.jobs.get(JOB).state_reason


def test_a_store_that_damages_every_last_checkpoint_is_data_loss(ray_train, stores, worker):
    ray_train += [("damaged", 10), ("damaged", 10)]
    with pytest.raises(DataLoss, match="damaged 2 times"):
        trainer.run(worker, stores, train)
