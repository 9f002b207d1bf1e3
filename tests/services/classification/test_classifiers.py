import asyncio
import time

import numpy as np
import pytest
from seen_brightness import CLASSES, SeenBrightness

from services.classification import classifiers as module
from services.classification.classifiers import Classifiers
from synthoscope import models
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.models.promotion import promote
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import NotFound, Unavailable

MODEL = "tenants/default/models/cnn"
CHAMPION = f"{MODEL}/versions/champion"


class Slow(SeenBrightness):
    """Loads when it is let."""

    def __init__(self, objects):
        super().__init__(objects)
        self.loaded = asyncio.Event()

    async def load(self, model_version):
        await super().load(model_version)
        await self.loaded.wait()


class Counting(InMemoryObjectStore):
    reads = 0

    def get(self, key):
        self.reads += 1
        return super().get(key)


@pytest.fixture
def objects():
    return Counting()


@pytest.fixture
def model(objects):
    return Slow(objects)


def publish(objects, preset):
    record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=CLASSES, image_size=8, preset=preset)
    return models.publish(objects, MODEL, record, {"weights.safetensors": preset.encode()}).name


async def test_what_a_name_stands_for_is_looked_up_now_and_then(objects, model):
    name = publish(objects, "a")
    promote(objects, name, "champion", [])
    classifiers = Classifiers(objects, model, follow_seconds=60)
    assert (await classifiers.follow(CHAMPION)).name == name
    objects.reads = 0
    for _ in range(100):
        assert (await classifiers.follow(CHAMPION)).name == name
        assert (await classifiers.follow(name)).name == name
    assert objects.reads <= 2


async def test_a_new_champion_is_loaded_before_it_answers(objects, model):
    first = publish(objects, "a")
    promote(objects, first, "champion", [])
    classifiers = Classifiers(objects, model, follow_seconds=0)
    assert (await classifiers.follow(CHAMPION)).name == first
    second = publish(objects, "b")
    promote(objects, second, "champion", [])
    for _ in range(5):
        assert (await classifiers.follow(CHAMPION)).name == first
        await asyncio.sleep(0.01)
    assert model.told == [("load", second)]
    model.loaded.set()
    await asyncio.sleep(0.01)
    assert (await classifiers.follow(CHAMPION)).name == second


async def test_one_that_does_not_load_answers_in_the_end(objects, model, monkeypatch):
    monkeypatch.setattr(module, "_LONGEST_SWITCH", 0.1)
    first, second = publish(objects, "a"), publish(objects, "b")
    promote(objects, first, "champion", [])
    classifiers = Classifiers(objects, model, follow_seconds=0)
    await classifiers.follow(CHAMPION)
    promote(objects, second, "champion", [])
    await classifiers.follow(CHAMPION)
    await asyncio.sleep(0.2)
    assert (await classifiers.follow(CHAMPION)).name == second


async def test_after_a_quiet_while_the_one_before_answers_no_more(objects, model, monkeypatch):
    first, second = publish(objects, "a"), publish(objects, "b")
    promote(objects, first, "champion", [])
    classifiers = Classifiers(objects, model, follow_seconds=0)
    await classifiers.follow(CHAMPION)
    promote(objects, second, "champion", [])
    monkeypatch.setattr(module, "_LONGEST_SWITCH", 0.05)
    await asyncio.sleep(0.1)
    assert (await classifiers.follow(CHAMPION)).name == second


async def test_a_promotion_that_is_taken_back_while_it_loads_has_no_effect(objects, model):
    first, second = publish(objects, "a"), publish(objects, "b")
    promote(objects, first, "champion", [])
    classifiers = Classifiers(objects, model, follow_seconds=0)
    await classifiers.follow(CHAMPION)
    promote(objects, second, "champion", [])
    await classifiers.follow(CHAMPION)
    promote(objects, first, "champion", [])
    await classifiers.follow(CHAMPION)
    model.loaded.set()
    await asyncio.sleep(0.01)
    assert (await classifiers.follow(CHAMPION)).name == first


async def test_requests_go_on_while_a_champion_changes(objects, model):
    names = [publish(objects, preset) for preset in "abc"]
    promote(objects, names[0], "champion", [])
    model.loaded.set()
    classifiers = Classifiers(objects, model, follow_seconds=0.01)
    asked, end = [], time.monotonic() + 1.0

    async def ask():
        while time.monotonic() < end:
            version = await classifiers.follow(CHAMPION)
            answer = await classifiers.answer(version, np.zeros((8, 8, 3), np.uint8))
            assert answer.predicted == 0
            asked.append(version.name)

    async def move():
        for name in names[1:]:
            await asyncio.sleep(0.3)
            promote(objects, name, "champion", [])

    await asyncio.gather(*(ask() for _ in range(8)), move())
    assert list(dict.fromkeys(asked)) == names


async def test_a_name_that_stands_for_nothing_any_more_is_not_found(objects, model):
    classifiers = Classifiers(objects, model, follow_seconds=0)
    with pytest.raises(NotFound):
        await classifiers.follow(CHAMPION)
    name = publish(objects, "a")
    await classifiers.follow(f"{MODEL}/versions/latest")
    objects.delete(f"{MODEL}/latest")
    with pytest.raises(NotFound):
        await classifiers.follow(f"{MODEL}/versions/latest")
    model.error = Unavailable("no replica")
    with pytest.raises(Unavailable):
        await classifiers.answer(classifiers.get(name), np.zeros((8, 8, 3), np.uint8))
