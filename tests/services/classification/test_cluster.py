"""The way to the model, with replicas that are real servers and a Serve handle that says where they are."""

import asyncio
import time

import numpy as np
import pytest
from ray.exceptions import ActorDiedError, RayActorError
from ray.serve.exceptions import DeploymentUnavailableError

from services.classification.cluster import ServeClassifier
from services.classification.lines import LineServer, Refusal
from services.classification.settings import ServeSettings
from synthoscope.classifier.answering import Answers
from synthoscope.rpc.errors import DataLoss, Unavailable

IMAGES = [np.full((4, 4, 3), level, np.uint8) for level in range(3)]
ANSWERS = Answers(
    np.eye(3, dtype=np.float32),
    np.arange(3),
    np.zeros(3, np.float32),
    np.array([False, False, True]),
    None,
    np.zeros((3, 3), np.float32),
)


class Handle:
    """Stands for Serve's handle: what every replica says to a broadcast, or the error that it ends with."""

    def __init__(self, *said):
        self.said, self.asked = list(said), []

    def broadcast(self, method, *arguments):
        self.asked.append((method, *arguments))
        return self

    async def results_async(self, timeout_s, return_exceptions=False):
        for answer in self.said:
            if isinstance(answer, Exception) and (not return_exceptions or not isinstance(answer, RayActorError)):
                raise answer
        return self.said


@pytest.fixture
async def place():
    """Gives the place of a replica that answers so, or never (None)."""
    servers = []

    async def listen(outcome):
        async def answer(model_version, images):
            if outcome is None:
                await asyncio.sleep(60)
            return outcome

        servers.append(LineServer(answer, 8))
        return await servers[-1].open("127.0.0.1")

    yield listen
    for server in servers:
        await server.close()


def classifier(*said, **settings):
    return ServeClassifier(Handle(*said), ServeSettings(**settings))


async def test_one_call_answers_all_images_in_their_order(place):
    model = classifier(await place(ANSWERS))
    answers = await model.answer("m", IMAGES)
    assert [int(answer.probabilities.argmax()) for answer in answers] == [0, 1, 2]
    assert [answer.refused for answer in answers] == [False, False, True]


async def test_refusals_become_errors_again(place):
    model = classifier(await place(Refusal("DataLoss", "the weights are damaged")))
    with pytest.raises(DataLoss, match="the weights are damaged"):
        await model.answer("m", IMAGES)
    model = classifier(await place(Refusal("SomethingElse", "?")))
    with pytest.raises(Unavailable):
        await model.answer("m", IMAGES)


async def test_a_model_that_does_not_answer_is_unavailable(place):
    model = classifier(await place(None), call_seconds=0.3)
    with pytest.raises(Unavailable, match=r"0\.3 s"):
        await model.answer("m", IMAGES)


async def test_a_dead_replica_beside_a_living_one_is_passed_over(place):
    model = classifier(await place(ANSWERS), ActorDiedError())
    assert len(await model.answer("m", IMAGES)) == 3
    assert model.replicas == 1


@pytest.mark.parametrize("error", [TimeoutError(), DeploymentUnavailableError("x"), ActorDiedError()])
async def test_without_a_replica_it_is_unavailable_after_a_while(error):
    model = classifier(error, call_seconds=0.3)
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await model.answer("m", IMAGES)
    assert time.monotonic() - began < 3


async def test_it_is_ready_while_a_replica_is_known(place):
    model, stop = classifier(await place(ANSWERS)), asyncio.Event()
    with pytest.raises(Unavailable, match="no replica"):
        model.check()
    following = asyncio.create_task(model.follow(stop))
    await asyncio.sleep(0.1)
    model.check()
    stop.set()
    await asyncio.wait_for(following, 2)


async def test_every_replica_is_told():
    handle = Handle(None, None)
    model = ServeClassifier(handle, ServeSettings())
    await model.load("m")
    await model.forget("m")
    assert handle.asked == [("load", "m"), ("forget", "m")]
    with pytest.raises(DataLoss):
        await classifier(None, Refusal("DataLoss", "x")).load("m")
    with pytest.raises(Unavailable):
        await classifier(ActorDiedError()).load("m")
