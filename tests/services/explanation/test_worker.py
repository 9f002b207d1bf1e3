import hashlib
import io
import threading
import time
from dataclasses import dataclass, field

import numpy as np
import pytest
from PIL import Image

from services.explanation.making import Maker, map_key
from services.explanation.settings import WorkerSettings
from services.explanation.worker import Worker
from synthoscope import models
from synthoscope.api.classification.v1.classification_pb2 import ClassProbability, Diagnosis
from synthoscope.api.jobs.v1.jobs_pb2 import JobState
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.classifier.networks import build_network
from synthoscope.images.storage import load_image_bytes, store_pixels
from synthoscope.jobs.memory import InMemoryWorkQueue
from synthoscope.models.weights import dump_weights
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import Unavailable
from synthoscope.saliency.explanation import explain
from synthoscope.saliency.request import Explanations

CLASSES = ("glioma", "notumor")
SUCCEEDED, FAILED, QUEUED = JobState.JOB_STATE_SUCCEEDED, JobState.JOB_STATE_FAILED, JobState.JOB_STATE_QUEUED


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self):
        return self.now


@dataclass
class Platform:
    objects: InMemoryObjectStore = field(default_factory=InMemoryObjectStore)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self):
        self.queue, self.dead = InMemoryWorkQueue(clock=self.clock), InMemoryWorkQueue()
        self.explanations = Explanations(self.objects, self.queue)
        self.model = publish_classifier(self.objects)

    def worker(self, objects=None, **settings):
        explanations = Explanations(objects or self.objects, self.queue)
        return Worker(Maker(explanations), self.queue, self.dead, WorkerSettings(**settings))

    def ask(self, label="", seed=0, height=60, width=90):
        pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
        diagnosis = Diagnosis(
            name=f"tenants/default/diagnoses/d{seed}",
            label="glioma",
            probabilities=[ClassProbability(label=name, probability=0.5) for name in CLASSES],
            model_version=self.model.name,
            image=store_pixels(self.objects, "default", pixels),
        )
        return self.explanations.request(diagnosis, label)


def publish_classifier(objects):
    network = build_network("cnn-64", len(CLASSES))
    record = ModelVersion(
        kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=CLASSES, preset="cnn-64", image_size=network_size(network)
    )
    files = {"weights.safetensors": dump_weights(network.state_dict())}
    return models.publish(objects, "tenants/default/models/cnn", record, files)


def network_size(network):
    return 64


@pytest.fixture
def platform():
    return Platform()


def handle_one(platform, worker):
    item = platform.queue.reclaim(worker.name, 30) or platform.queue.claim(worker.name)
    worker.handle(item)


def test_an_explanation_is_stored_whole_and_acknowledged(platform):
    asked = platform.ask("notumor")
    assert (asked.state, asked.label) == (QUEUED, "notumor")
    handle_one(platform, platform.worker())
    made = platform.explanations.get(asked.name)
    assert made.state == SUCCEEDED
    assert platform.queue.depth() == 0
    assert (made.diagnosis, made.label, made.create_time) == (asked.diagnosis, "notumor", asked.create_time)
    assert made.end_time.ToNanoseconds() >= made.create_time.ToNanoseconds()

    data = platform.objects.get(map_key(made.name, made.map_sha256))
    assert hashlib.sha256(data).hexdigest() == made.map_sha256
    values = np.load(io.BytesIO(data), allow_pickle=False)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, np.reshape(made.map.values, (made.map.height, made.map.width)))
    overlay = Image.open(io.BytesIO(load_image_bytes(platform.objects, made.overlay.name)))
    assert overlay.size == (90, 60) == (made.overlay.width, made.overlay.height)


def test_it_says_what_the_library_says(platform):
    asked = platform.ask()
    worker = platform.worker()
    handle_one(platform, worker)
    made = platform.explanations.get(asked.name)
    image = load_image_bytes(platform.objects, f"tenants/default/images/{asked.image_sha256}")
    expected = explain(worker.maker._model(platform.model.name), image, "glioma")
    assert (made.logit, made.probability, made.layer) == (expected.logit, expected.probability, expected.layer)


def test_entries_repeated_fifty_times_give_one_result(platform):
    asked = platform.ask()
    for _ in range(50):
        platform.queue.put(asked.name)
    worker, outcomes = platform.worker(), []
    for _ in range(51):
        handle_one(platform, worker)
        outcomes.append(platform.objects.get(f"{asked.name}/outcome.json"))
    assert len(set(outcomes)) == 1
    assert platform.queue.depth() == 0


class DyingStore(InMemoryObjectStore):
    """Raises at the n-th write, as if the worker's process ended there."""

    class Killed(BaseException):
        pass

    def __init__(self, source, writes):
        super().__init__()
        self.source, self.writes = source, writes

    def _count(self):
        if self.writes == 0:
            raise self.Killed
        self.writes -= 1

    def get(self, key):
        return self.source.get(key)

    def head(self, key):
        return self.source.head(key)

    def put(self, key, data, *, metadata=None):
        self._count()
        self.source.put(key, data, metadata=metadata)

    def put_if_absent(self, key, data, *, metadata=None):
        self._count()
        return self.source.put_if_absent(key, data, metadata=metadata)


@pytest.mark.parametrize("writes", range(4))
def test_a_worker_that_dies_at_any_write_leaves_one_result_to_the_next(platform, writes):
    asked = platform.ask()
    dying = platform.worker(DyingStore(platform.objects, writes))
    if writes < 3:
        with pytest.raises(DyingStore.Killed):
            handle_one(platform, dying)
        assert platform.explanations.get(asked.name).state == QUEUED
        assert platform.queue.claim("other") is None
        platform.clock.now = 31
        handle_one(platform, platform.worker())
    else:
        handle_one(platform, dying)
    assert platform.explanations.get(asked.name).state == SUCCEEDED
    assert platform.queue.depth() == 0


def test_the_late_write_of_a_paused_worker_loses(platform):
    asked = platform.ask()
    paused = platform.worker().maker
    late = paused._made(platform.explanations.get(asked.name))
    handle_one(platform, platform.worker())
    first = platform.objects.get(f"{asked.name}/outcome.json")
    late.logit = -1.0
    assert paused._finish(late) is False
    assert platform.objects.get(f"{asked.name}/outcome.json") == first


def test_a_damaged_image_fails_at_once_with_the_reason(platform):
    asked = platform.ask()
    platform.objects.put(f"tenants/default/images/{asked.image_sha256}", b"other bytes")
    handle_one(platform, platform.worker())
    failed = platform.explanations.get(asked.name)
    assert (failed.state, failed.error.code) == (FAILED, "DATA_LOSS")
    assert platform.queue.depth() == 0


def test_an_entry_that_names_nothing_is_dropped(platform):
    platform.queue.put("tenants/default/explanations/none")
    platform.queue.put("not a name")
    worker = platform.worker()
    handle_one(platform, worker)
    handle_one(platform, worker)
    assert platform.queue.depth() == 0


def test_poison_is_given_up_after_five_deliveries(platform, monkeypatch):
    def explode(*_):
        raise MemoryError

    monkeypatch.setattr("services.explanation.making.explain", explode)
    asked = platform.ask()
    for delivery in range(5):
        platform.clock.now = 31 * delivery
        handle_one(platform, platform.worker())
        assert platform.explanations.get(asked.name).state == QUEUED
    platform.clock.now = 1000
    handle_one(platform, platform.worker())
    failed = platform.explanations.get(asked.name)
    assert (failed.state, failed.error.code) == (FAILED, "INTERNAL")
    assert platform.queue.depth() == 0
    assert platform.dead.claim("operator").payload == asked.name


def test_a_store_that_is_away_keeps_the_entry(platform):
    class Away(DyingStore):
        def _count(self):
            raise Unavailable("the object store cannot be reached")

    asked = platform.ask()
    with pytest.raises(Unavailable):
        handle_one(platform, platform.worker(Away(platform.objects, 0)))
    assert platform.queue.depth() == 1
    platform.clock.now = 31
    handle_one(platform, platform.worker())
    assert platform.explanations.get(asked.name).state == SUCCEEDED


def test_a_long_explanation_stays_with_its_worker(platform, monkeypatch):
    slow, renewed = threading.Event(), []
    real, renew = explain, platform.queue.renew
    monkeypatch.setattr("services.explanation.making.explain", lambda *a: (slow.wait(0.3), real(*a))[1])
    monkeypatch.setattr(platform.queue, "renew", lambda item, worker: renewed.append(renew(item, worker)))
    platform.ask()
    handle_one(platform, platform.worker(lease_seconds=0.3))
    assert renewed
    assert all(renewed)


def test_run_works_the_queue_off_and_stops(platform):
    names = [platform.ask(seed=seed).name for seed in range(3)]
    stop = threading.Event()
    thread = threading.Thread(target=platform.worker(poll_seconds=0.05).run, args=(stop,))
    thread.start()
    deadline = time.monotonic() + 20
    while platform.queue.depth() and time.monotonic() < deadline:
        time.sleep(0.02)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
    assert {platform.explanations.get(name).state for name in names} == {SUCCEEDED}
