import asyncio
from types import SimpleNamespace

import numpy as np
import pytest
from ray.exceptions import ActorDiedError, RayTaskError
from ray.serve.exceptions import BackPressureError

from services.classification.cluster import ServeClassifier
from services.classification.deployment import Refusal
from services.classification.settings import ServeSettings
from synthoscope.classifier.answering import Answers
from synthoscope.rpc.errors import DataLoss, ResourceExhausted, Unavailable

IMAGES = [np.full((4, 4, 3), level, np.uint8) for level in range(3)]


class Response:
    """Stands for Serve's response: an answer, an error, or (with None) no end."""

    def __init__(self, outcome):
        self.outcome, self.cancelled = outcome, False

    def __await__(self):
        return self._wait().__await__()

    async def _wait(self):
        if self.outcome is None:
            await asyncio.sleep(60)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def cancel(self):
        self.cancelled = True


def classifier(*outcomes, **settings):
    responses, asked = [Response(outcome) for outcome in outcomes], []

    def remote(model, batch):
        asked.append(batch.shape)
        return responses[len(asked) - 1]

    handle = SimpleNamespace(answer=SimpleNamespace(remote=remote))
    return ServeClassifier(handle, ServeSettings(**settings)), responses, asked


ANSWER = Answers(
    np.eye(3, dtype=np.float32),
    np.arange(3),
    np.zeros(3, np.float32),
    np.array([False, False, True]),
    None,
    np.zeros((3, 3), np.float32),
)


async def test_one_call_answers_all_images_in_their_order():
    model, _, asked = classifier(ANSWER)
    answers = await model.answer("m", IMAGES)
    assert asked == [(3, 4, 4, 3)]
    assert [int(answer.probabilities.argmax()) for answer in answers] == [0, 1, 2]
    assert [answer.refused for answer in answers] == [False, False, True]


async def test_another_replica_is_asked_once():
    model, _, asked = classifier(ActorDiedError(), ANSWER)
    assert len(await model.answer("m", IMAGES)) == 3
    assert len(asked) == 2
    model, _, _ = classifier(ActorDiedError(), ActorDiedError())
    with pytest.raises(Unavailable):
        await model.answer("m", IMAGES)


async def test_refusals_become_errors_again():
    model, _, _ = classifier(Refusal("DataLoss", "the weights are damaged"))
    with pytest.raises(DataLoss, match="the weights are damaged"):
        await model.answer("m", IMAGES)
    model, _, _ = classifier(Refusal("SomethingElse", "?"))
    with pytest.raises(Unavailable):
        await model.answer("m", IMAGES)


async def test_a_full_replica_is_resource_exhausted():
    model, _, _ = classifier(BackPressureError(33, 32))
    with pytest.raises(ResourceExhausted) as error:
        await model.answer("m", IMAGES)
    assert error.value.retry_after == 1.0


async def test_a_model_that_does_not_answer_is_unavailable_and_its_call_cancelled():
    model, responses, _ = classifier(None, call_seconds=0.02)
    with pytest.raises(Unavailable, match=r"0\.02 s"):
        await model.answer("m", IMAGES)
    assert responses[0].cancelled


async def test_a_call_that_nobody_waits_for_is_cancelled():
    model, responses, _ = classifier(None)
    call = asyncio.create_task(model.answer("m", IMAGES))
    await asyncio.sleep(0.01)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert responses[0].cancelled


async def test_what_was_not_foreseen_is_not_dressed_up():
    model, _, _ = classifier(RayTaskError("predict", "traceback", ValueError("x")))
    with pytest.raises(RayTaskError):
        await model.answer("m", IMAGES)
