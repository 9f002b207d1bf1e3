import pytest

from synthoscope.client.retrying import Retrying
from synthoscope.rpc.errors import InvalidInput, Unavailable


class Flaky:
    """Is unavailable a number of times, then answers."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.calls, self.failures, self.error = 0, failures, error

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return "done"


def test_it_goes_on_until_it_works() -> None:
    action = Flaky(3, Unavailable("away"))
    assert Retrying().call(action) == "done"
    assert action.calls == 4


def test_the_patience_ends_when_nothing_works() -> None:
    action = Flaky(1000, Unavailable("away"))
    with pytest.raises(Unavailable, match="away"):
        Retrying(patience=0.3).call(action)
    assert 1 < action.calls < 1000


def test_success_renews_the_patience() -> None:
    retrying = Retrying(patience=0.3)
    with pytest.raises(Unavailable):
        retrying.call(Flaky(1000, Unavailable("away")))
    assert retrying.call(Flaky(0, Unavailable("away"))) == "done"
    assert retrying.call(Flaky(1, Unavailable("away"))) == "done"


def test_other_errors_are_not_repeated() -> None:
    action = Flaky(1, InvalidInput("a", "is wrong"))
    with pytest.raises(InvalidInput):
        Retrying().call(action)
    assert action.calls == 1
