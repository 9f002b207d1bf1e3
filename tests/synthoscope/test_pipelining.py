import threading

import pytest

from synthoscope.pipelining import CallAhead, map_ahead


def test_results_come_in_order_and_no_more_than_the_bound_is_begun():
    drawn = []

    def numbers():
        for number in range(100):
            drawn.append(number)
            yield number

    for number, square in enumerate(map_ahead(lambda number: number**2, numbers(), threads=3, ahead=5)):
        assert square == number**2
        assert len(drawn) <= number + 5
    assert drawn == list(range(100))
    assert list(map_ahead(str, [], threads=1, ahead=1)) == []


def test_several_are_at_work_at_the_same_time():
    together = threading.Barrier(4, timeout=30)
    assert len(set(map_ahead(lambda _: together.wait(), range(4), threads=4, ahead=4))) == 4


def test_an_error_is_raised_and_nothing_more_is_begun():
    begun = []

    def work(number):
        begun.append(number)
        if number == 3:
            raise ValueError("three")
        return number

    results = map_ahead(work, range(1000), threads=1, ahead=2)
    with pytest.raises(ValueError, match="three"):
        list(results)
    assert len(begun) <= 5


def test_calls_are_begun_ahead_up_to_the_bound_and_each_key_once():
    called, enough = [], threading.Event()

    def square(number: int) -> int:
        called.append(number)
        if len(called) == 5:
            enough.set()
        return number**2

    with CallAhead(square, range(20), threads=2, ahead=5) as ahead:
        assert ahead(0) == 0
        assert enough.wait(10)
        assert sorted(called) == [0, 1, 2, 3, 4]
        assert [ahead(number) for number in range(1, 20)] == [number**2 for number in range(1, 20)]
    assert sorted(called) == list(range(20))


def test_a_key_out_of_order_or_again_is_called_when_asked_for_and_an_error_is_its_keys_own():
    def half(number: int) -> float:
        if number == 3:
            raise ValueError("three")
        return number / 2

    with CallAhead(half, range(100), threads=2, ahead=4) as ahead:
        assert [ahead(99), ahead(0), ahead(0), ahead(2)] == [49.5, 0, 0, 1]
        with pytest.raises(ValueError, match="three"):
            ahead(3)
        assert ahead(4) == 2
