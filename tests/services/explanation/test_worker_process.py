"""Workers as processes, with a real queue and a real object store: what happens when one dies or is paused."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
import pytest

from synthoscope import models
from synthoscope.api.classification.v1.classification_pb2 import ClassProbability, Diagnosis
from synthoscope.api.jobs.v1.jobs_pb2 import JobState
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.classifier.networks import build_network
from synthoscope.images.storage import load_image_bytes, store_pixels
from synthoscope.jobs.redis_queue import RedisWorkQueue
from synthoscope.local import environment
from synthoscope.local.stack import running
from synthoscope.models.weights import dump_weights
from synthoscope.objects import MinioObjectStore
from synthoscope.saliency.request import QUEUE, Explanations

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

CLASSES = ("glioma", "notumor")
LEASE_SECONDS = 3


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with running(tmp_path_factory.mktemp("stack"), only=("valkey", "seaweedfs")) as state:
        (state.home / "tokens.json").touch()
        yield state


@pytest.fixture(scope="module")
def explanations(stack):
    return Explanations(MinioObjectStore(stack.objects), RedisWorkQueue(stack.redis, QUEUE))


@pytest.fixture(scope="module")
def model(explanations):
    network = build_network("cnn-64", len(CLASSES))
    record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=CLASSES, preset="cnn-64", image_size=64)
    files = {"weights.safetensors": dump_weights(network.state_dict())}
    return models.publish(explanations.objects, "tenants/default/models/cnn", record, files)


@contextmanager
def worker(stack):
    variables = {
        **environment.of_stack(stack),
        "SYNTHOSCOPE_WORKER__LEASE_SECONDS": str(LEASE_SECONDS),
        "SYNTHOSCOPE_WORKER__POLL_SECONDS": "0.2",
    }
    process = subprocess.Popen([sys.executable, "-m", "services.explanation.worker"], env=variables)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()


def ask(explanations, model, seeds):
    """Asks for explanations of large images: each takes a worker long enough to be hit in the middle of one."""
    asked = []
    for seed in seeds:
        pixels = np.random.default_rng(seed).integers(0, 256, (1200, 1200), np.uint8)
        diagnosis = Diagnosis(
            name=f"tenants/default/diagnoses/d{seed}",
            label="glioma",
            probabilities=[ClassProbability(label=name, probability=0.5) for name in CLASSES],
            model_version=model.name,
            image=store_pixels(explanations.objects, "default", pixels),
        )
        asked.append(explanations.request(diagnosis).name)
    return asked


def ended(explanations, names):
    return [name for name in names if explanations.get(name).state == JobState.JOB_STATE_SUCCEEDED]


def wait_for(condition, seconds=120.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def outcomes(explanations, names):
    return [explanations.objects.get(f"{name}/outcome.json") for name in names]


def test_a_killed_workers_entry_is_made_by_another_one(stack, explanations, model):
    names = ask(explanations, model, range(6))
    with worker(stack) as first:
        wait_for(lambda: ended(explanations, names))
        first.kill()
        first.wait()
    done = ended(explanations, names)
    assert len(done) < len(names)
    before = outcomes(explanations, done)
    with worker(stack):
        wait_for(lambda: len(ended(explanations, names)) == len(names))
        wait_for(lambda: explanations.queue.depth() == 0)
    assert outcomes(explanations, done) == before
    for name in names:
        overlay = explanations.get(name).overlay
        assert load_image_bytes(explanations.objects, overlay.name)


def test_a_paused_workers_late_write_loses(stack, explanations, model):
    names = ask(explanations, model, range(100, 106))
    with worker(stack) as paused:
        wait_for(lambda: ended(explanations, names))
        os.kill(paused.pid, signal.SIGSTOP)
        with worker(stack):
            wait_for(lambda: len(ended(explanations, names)) == len(names))
            wait_for(lambda: explanations.queue.depth() == 0)
        before = outcomes(explanations, names)
        os.kill(paused.pid, signal.SIGCONT)
        more = ask(explanations, model, [200])
        wait_for(lambda: ended(explanations, more))  # it has gone past what it held, and works on
        assert outcomes(explanations, names) == before
    assert explanations.queue.depth() == 0


def test_a_worker_told_to_stop_leaves_nothing_half_done(stack, explanations, model):
    names = ask(explanations, model, range(300, 304))
    with worker(stack) as process:
        wait_for(lambda: ended(explanations, names))
        process.terminate()
        assert process.wait(30) == 0
    done = ended(explanations, names)
    assert explanations.queue.depth() == len(names) - len(done)
    assert explanations.queue.reclaim("test", 0) is None
