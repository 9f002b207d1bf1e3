"""Work handed to workers: each item goes to one worker at a time, and to another when that one dies."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class WorkItem:
    """One piece of work: an id, an opaque text, and how often it has been handed to a worker."""

    id: str
    payload: str
    deliveries: int = 0


class WorkQueue(Protocol):
    """At-least-once delivery, oldest first. Safe for use from several threads; every method raises Unavailable."""

    def put(self, payload: str) -> str:
        """Adds an item; returns its id. Raises ResourceExhausted when the queue is full."""

    def claim(self, worker: str, wait_seconds: float = 0.0) -> WorkItem | None:
        """The oldest item that nobody has, now this worker's; waits up to `wait_seconds` for one."""

    def reclaim(self, worker: str, idle_seconds: float) -> WorkItem | None:
        """An item that another worker has had for `idle_seconds` without renewing, now this worker's."""

    def renew(self, item: WorkItem, worker: str) -> bool:
        """Says that the worker still works on the item; returns whether it is still this worker's."""

    def acknowledge(self, item: WorkItem) -> None:
        """Removes an item that is done; nothing happens when it was removed before."""

    def depth(self) -> int:
        """Items not yet acknowledged, claimed ones included."""
