import asyncio
import contextlib

import pytest

from synthoscope.rpc.ordering import in_order


async def numbers(count, read=None):
    for number in range(count):
        if read is not None:
            read.append(number)
        yield number


async def test_results_come_in_order_whatever_ends_first():
    async def later_first(number):
        await asyncio.sleep(0.01 * (3 - number % 4))
        return number * number

    found = [result async for result in in_order(numbers(10), later_first, 4)]
    assert found == [number * number for number in range(10)]


async def test_it_works_on_several_at_once_and_reads_no_further_than_its_bound():
    read, running, most = [], 0, 0

    async def work(number):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.005)
        running -= 1
        return number

    results = in_order(numbers(50, read), work, 3)
    assert await anext(results) == 0
    await asyncio.sleep(0.1)
    assert len(read) <= 4
    assert 1 < most <= 3
    await results.aclose()


async def test_an_error_of_one_ends_all_and_the_rest_is_cancelled():
    cancelled = []

    async def work(number):
        if number == 1:
            raise ValueError("one")
        try:
            await asyncio.sleep(number and 10)
        except asyncio.CancelledError:
            cancelled.append(number)
            raise
        return number

    results = in_order(numbers(4), work, 8)
    assert await anext(results) == 0
    with pytest.raises(ValueError, match="one"):
        await anext(results)
    await asyncio.sleep(0)
    assert sorted(cancelled) == [2, 3]


async def test_an_error_of_the_source_comes_after_what_was_read():
    async def source():
        yield 1
        raise ValueError("no message")

    async def same(number):
        return number

    results = in_order(source(), same, 2)
    assert await anext(results) == 1
    with pytest.raises(ValueError, match="no message"):
        await anext(results)


async def test_taking_no_more_stops_a_reader_that_waits():
    async def work(number):
        return number

    async with contextlib.aclosing(in_order(numbers(100), work, 1)) as results:
        assert await anext(results) == 0
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert all(task.done() for task in others)
