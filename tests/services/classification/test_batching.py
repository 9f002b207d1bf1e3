import asyncio

import pytest

from services.classification.batching import BatchingSettings, MicroBatcher
from synthoscope.rpc.errors import ResourceExhausted, Unavailable


class Model:
    """Doubles what it is given; remembers its calls; each takes `seconds`."""

    def __init__(self, seconds=0.02):
        self.seconds, self.calls, self.cancelled = seconds, [], 0

    async def __call__(self, key, items):
        self.calls.append((key, list(items)))
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return [item * 2 for item in items]


def batcher(model, **settings):
    return MicroBatcher("predict", model, BatchingSettings(**settings))


async def test_every_caller_gets_its_own_answer_from_few_calls():
    model = Model()
    batches = batcher(model, max_batch=8, max_wait=0.005)
    assert await asyncio.gather(*(batches.submit("m", n) for n in range(64))) == [2 * n for n in range(64)]
    assert len(model.calls) == 8
    assert batches.depth == 0


async def test_one_request_alone_waits_no_longer_than_the_wait():
    model = Model(seconds=0)
    assert await asyncio.wait_for(batcher(model, max_wait=0.01).submit("m", 1), timeout=5) == 2


async def test_keys_are_not_mixed():
    model = Model()
    batches = batcher(model)
    await asyncio.gather(*(batches.submit(n % 2, n) for n in range(10)))
    assert sorted(model.calls) == [(0, [0, 2, 4, 6, 8]), (1, [1, 3, 5, 7, 9])]


async def test_batches_grow_while_the_model_is_busy():
    model = Model(seconds=0.5)
    batches = batcher(model, max_wait=0, calls_in_flight=1)
    first = asyncio.create_task(batches.submit("m", 0))
    await asyncio.sleep(0.01)
    rest = []
    for n in range(1, 6):
        rest.append(asyncio.create_task(batches.submit("m", n)))
        await asyncio.sleep(0.002)
    await asyncio.gather(first, *rest)
    assert model.calls == [("m", [0]), ("m", [1, 2, 3, 4, 5])]


async def test_a_full_queue_refuses_and_says_when_to_come_back():
    batches = batcher(Model(), max_batch=1, max_wait=0, max_queue=3, calls_in_flight=1)

    async def ask(n):
        with batches.place():
            return await batches.submit("m", n)

    accepted = [asyncio.create_task(ask(n)) for n in range(4)]
    await asyncio.sleep(0.005)
    with pytest.raises(ResourceExhausted) as refused:
        await ask(9)
    assert refused.value.retry_after > 0
    assert await asyncio.gather(*accepted) == [0, 2, 4, 6]
    assert await ask(9) == 18


async def test_places_are_taken_before_the_queue_is_reached():
    batches = batcher(Model(), max_batch=2, max_wait=0, max_queue=1, calls_in_flight=1)
    with batches.place(), batches.more_places(2):
        with pytest.raises(ResourceExhausted):
            batches.check_room()
        with batches.more_places(0):  # whoever has a place is not refused any more
            pass
    batches.check_room()


async def test_a_request_whose_caller_has_gone_never_enters_a_batch():
    model = Model(seconds=0.5)
    batches = batcher(model, max_batch=4, max_wait=0, calls_in_flight=1)
    busy = asyncio.create_task(batches.submit("m", 0))
    await asyncio.sleep(0.001)
    gone, late = asyncio.create_task(batches.submit("m", 1)), asyncio.create_task(batches.submit("m", 2))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.005):
            await batches.submit("m", 3)
    gone.cancel()
    await asyncio.gather(busy, late)
    assert model.calls == [("m", [0]), ("m", [2])]
    assert batches.depth == 0


async def test_a_call_is_cancelled_when_all_its_callers_have_gone():
    model = Model(seconds=5)
    batches = batcher(model, max_wait=0.005)
    tasks = [asyncio.create_task(batches.submit("m", n)) for n in range(3)]
    await asyncio.sleep(0.02)
    tasks[0].cancel()
    tasks[1].cancel()
    await asyncio.sleep(0.01)
    assert model.cancelled == 0
    tasks[2].cancel()
    await asyncio.sleep(0.01)
    assert model.cancelled == len(model.calls) == 1


async def test_an_error_reaches_all_callers_of_its_batch_and_no_other():
    async def fail_odd(key, items):
        if key == 1:
            raise Unavailable("the model is away")
        return items

    batches = batcher(fail_odd)
    answers = await asyncio.gather(*(batches.submit(n % 2, n) for n in range(6)), return_exceptions=True)
    assert [type(answer).__name__ for answer in answers] == ["int", "Unavailable"] * 3


async def test_a_model_that_answers_too_little_is_an_error_not_a_wrong_answer():
    async def short(key, items):
        return items[:-1]

    with pytest.raises(RuntimeError, match="1 images were asked, 0 answered"):
        await batcher(short).submit("m", 1)
