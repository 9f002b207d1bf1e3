import numpy as np
import pytest
from prometheus_client import REGISTRY
from seen_brightness import CLASSES, SeenBrightness

from services.classification.caching import AnswerCache, CachingSettings
from services.classification.classifiers import Classifiers
from synthoscope import models
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.classifier.answering import Answer
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import Unavailable

ANSWER = Answer(np.array([1.0], np.float32), 0, 0.0, False, None, np.zeros(3, np.float32))


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def image(level):
    return np.full((8, 8, 3), level, np.uint8)


def test_answers_are_found_by_version_and_image(clock):
    cache = AnswerCache(CachingSettings(answers=10), clock)
    cache.keep(cache.key("a", image(1)), ANSWER)
    assert cache.find(cache.key("a", image(1).copy())) is ANSWER
    assert cache.find(cache.key("a", image(2))) is None
    assert cache.find(cache.key("b", image(1))) is None


def test_the_ones_asked_for_longest_ago_go(clock):
    cache = AnswerCache(CachingSettings(answers=2), clock)
    for level in (1, 2):
        cache.keep(cache.key("a", image(level)), ANSWER)
    cache.find(cache.key("a", image(1)))
    cache.keep(cache.key("a", image(3)), ANSWER)
    assert [cache.find(cache.key("a", image(level))) is ANSWER for level in (1, 2, 3)] == [True, False, True]


def test_old_ones_count_no_more(clock):
    cache = AnswerCache(CachingSettings(answers=2, seconds=10), clock)
    cache.keep(cache.key("a", image(1)), ANSWER)
    clock.now = 10.0
    assert cache.find(cache.key("a", image(1))) is None


async def test_a_classifier_asks_its_model_once_for_an_image_and_keeps_no_error():
    objects = InMemoryObjectStore()
    model = SeenBrightness(objects)
    record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=CLASSES, image_size=8)
    version = models.publish(objects, "tenants/default/models/cnn", record, {})
    classifiers = Classifiers(objects, model, caching=CachingSettings(answers=10))
    model.error = Unavailable("no replica")
    with pytest.raises(Unavailable):
        await classifiers.answer(version, image(204))
    model.error = None
    before = REGISTRY.get_sample_value("synthoscope_diagnosis_cache_lookups_total", {"found": "true"}) or 0
    first, second = [await classifiers.answer(version, image(204)) for _ in range(2)]
    assert first is second
    assert len(model.calls) == 2
    assert REGISTRY.get_sample_value("synthoscope_diagnosis_cache_lookups_total", {"found": "true"}) == before + 1
    plain = Classifiers(objects, model)
    for _ in range(2):
        await plain.answer(version, image(204))
    assert len(model.calls) == 4
