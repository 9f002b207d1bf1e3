import asyncio

import pytest

from synthoscope.rpc.deadlines import Deadlines
from synthoscope.rpc.errors import DeadlineExceeded, Unavailable
from synthoscope.rpc.settings import ServerSettings


@pytest.fixture
def deadlines(tmp_path):
    settings = ServerSettings(
        tokens_file=tmp_path, unary_seconds=1, upload_seconds=2, watch_seconds=3, drain_watch_seconds=0.01
    )
    return Deadlines(settings)


@pytest.mark.parametrize(
    ("remaining", "requests", "responses", "seconds"),
    [
        (None, False, False, 1),
        (None, True, False, 2),
        (None, False, True, 3),
        (None, True, True, 3),
        (0.5, False, False, 0.5),
        (2.5, False, False, 2.5),
        (1e9, False, False, 3),
        (0.0, True, True, 0.0),
    ],
)
def test_seconds(deadlines, remaining, requests, responses, seconds):
    assert deadlines.seconds(remaining, requests, responses) == seconds


async def test_a_call_over_its_deadline(deadlines):
    with pytest.raises(DeadlineExceeded, match=r"0\.01 s"):
        async with deadlines.limit(0.01, watch=False):
            await asyncio.sleep(5)


async def test_a_timeout_of_the_methods_own_is_not_the_deadline(deadlines):
    with pytest.raises(TimeoutError):
        async with deadlines.limit(5, watch=False):
            await asyncio.wait_for(asyncio.sleep(5), 0.01)


async def test_cutting_watches_spares_other_calls(deadlines):
    async def call(watch):
        async with deadlines.limit(1, watch=watch):
            await asyncio.sleep(0.1)

    calls = [asyncio.ensure_future(call(watch)) for watch in (True, False)]
    await asyncio.sleep(0)
    deadlines.cut_watches()
    cut, spared, late = await asyncio.gather(*calls, call(watch=True), return_exceptions=True)
    assert isinstance(cut, Unavailable)
    assert spared is None
    assert isinstance(late, Unavailable)


async def test_a_cancelled_call_stays_cancelled(deadlines):
    async def call():
        async with deadlines.limit(5, watch=True):
            await asyncio.sleep(5)

    task = asyncio.ensure_future(call())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
