"""Threads that work ahead of whoever takes their results, by no more than a bound."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")
R = TypeVar("R")
K = TypeVar("K", bound=Hashable)


def map_ahead(function: Callable[[T], R], items: Iterable[T], *, threads: int, ahead: int) -> Iterator[R]:
    """The results of `function`, in the order of `items`; at most `ahead` of them are begun and not yet taken.

    Unlike Executor.map it draws from `items` only as results are taken, so what flows through takes bounded memory.
    Raises what `function` or `items` raise; what is begun then comes to its end, and no more is.
    """
    executor = ThreadPoolExecutor(threads)
    begun: deque[Future[R]] = deque()
    try:
        for item in items:
            begun.append(executor.submit(function, item))
            if len(begun) >= ahead:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        executor.shutdown(cancel_futures=True)


class CallAhead(Generic[K, R]):
    """`function`, to be called with each of `keys` about in their order: threads are up to `ahead` calls before.

    So what waits in each call is waited for in many calls at once, whoever calls, and from however many threads. A key
    out of order, or one again, is called when it is asked for. A call raises what `function` raises for its key.
    """

    def __init__(self, function: Callable[[K], R], keys: Sequence[K], *, threads: int, ahead: int) -> None:
        self._function = function
        self._keys = keys
        self._position = {key: index for index, key in enumerate(keys)}
        self._ahead = ahead
        self._executor = ThreadPoolExecutor(threads)
        self._begun: dict[K, Future[R]] = {}
        self._next = 0
        self._lock = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._executor.shutdown(cancel_futures=True)

    def __call__(self, key: K) -> R:
        """The result of `function` for one of the keys. Raises what it raises."""
        with self._lock:
            position = self._position[key]
            end = min(len(self._keys), position + self._ahead)
            for index in range(max(self._next, position), end):
                self._begun[self._keys[index]] = self._executor.submit(self._function, self._keys[index])
            self._next = max(self._next, end)
            begun = self._begun.pop(key, None)
        return begun.result() if begun is not None else self._function(key)
