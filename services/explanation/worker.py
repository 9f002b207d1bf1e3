"""Works off the queue of explanations: `python -m services.explanation.worker`. Any number of these may run.

An entry is acknowledged after the map, the overlay and the outcome are stored, in this order; a worker that dies before
leaves the entry to another one. The outcome is written only where there is none: of two workers on one entry (one of
them paused, or cut off) the first one counts.
"""

import contextlib
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import structlog
import torch
from prometheus_client import Counter, Gauge

from services.explanation.making import Maker
from services.explanation.settings import Settings, WorkerSettings
from synthoscope.jobs.queue import WorkItem, WorkQueue
from synthoscope.jobs.redis_queue import RedisWorkQueue
from synthoscope.objects import MinioObjectStore
from synthoscope.rpc import logging
from synthoscope.rpc.errors import (
    InvalidInput,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    StartupError,
    Unavailable,
)
from synthoscope.rpc.metrics import metrics_endpoint
from synthoscope.rpc.settings import from_environment
from synthoscope.saliency.request import DEAD_LETTERS, QUEUE, Explanations

QUEUE_LENGTH = Gauge(
    "synthoscope_explanation_queue_length", "Explanations not made yet, those in the workers' hands included."
)
LAST_LOOK = Gauge(
    "synthoscope_explanation_worker_last_look_seconds", "When the worker last looked at the queue (Unix)."
)
TRIES = Counter("synthoscope_explanation_tries", "Entries handled, by what came of them.", ("result",))

_log = structlog.get_logger()


@dataclass
class Worker:
    """Takes entries from the queue, one at a time. `dead_letters` gets those that were given up."""

    maker: Maker
    queue: WorkQueue
    dead_letters: WorkQueue
    settings: WorkerSettings
    name: str = field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}")

    def run(self, stop: threading.Event) -> None:
        """Works until `stop` is set; finishes what it has begun."""
        while not stop.is_set():
            try:
                QUEUE_LENGTH.set(self.queue.depth())
                LAST_LOOK.set_to_current_time()
                item = self.queue.reclaim(self.name, self.settings.lease_seconds)
                item = item or self.queue.claim(self.name, self.settings.poll_seconds)
                if item is not None:
                    self.handle(item)
            except (Unavailable, ResourceExhausted) as error:
                _log.warning("a store is away; trying again", reason=error.message)
                stop.wait(self.settings.poll_seconds)

    def handle(self, item: WorkItem) -> None:
        """Makes one entry's explanation and acknowledges it; gives it up after too many deliveries.

        Raises Unavailable, which leaves the entry to be handed out again, as any unexpected error does.
        """
        name = item.payload
        if item.deliveries > self.settings.deliveries:
            self._give_up(item, name)
            return
        try:
            with self._renewed(item):
                made = self.maker.make(name)
        except (NotFound, InvalidInput):
            TRIES.labels("unknown").inc()
            _log.error("the queue names an explanation that does not exist", explanation=name)
        except (Unavailable, ResourceExhausted):
            TRIES.labels("unavailable").inc()
            raise
        except Exception:  # the boundary: what one entry does to us must not end the work on others
            TRIES.labels("error").inc()
            _log.error("an explanation could not be made", explanation=name, deliveries=item.deliveries, exc_info=True)
            return
        else:
            TRIES.labels("made" if made else "repeated").inc()
            _log.info("explanation ended", explanation=name, repeated=not made, deliveries=item.deliveries)
        self.queue.acknowledge(item)

    def _give_up(self, item: WorkItem, name: str) -> None:
        with contextlib.suppress(NotFound, InvalidInput):
            self.maker.fail(name, "INTERNAL", f"gave up after {self.settings.deliveries} tries; see the worker's log")
        with contextlib.suppress(ResourceExhausted):  # the outcome tells the caller; dead letters are for the operator
            self.dead_letters.put(item.payload)
        self.queue.acknowledge(item)
        TRIES.labels("given-up").inc()
        _log.error("gave an explanation up", explanation=name, deliveries=item.deliveries)

    @contextlib.contextmanager
    def _renewed(self, item: WorkItem) -> Iterator[None]:
        """Keeps an entry this worker's in the block, however long that takes."""
        done = threading.Event()

        def renew() -> None:
            while not done.wait(self.settings.lease_seconds / 3):
                with contextlib.suppress(Unavailable):
                    self.queue.renew(item, self.name)

        thread = threading.Thread(target=renew, name="renew", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def main() -> None:
    """Runs a worker until SIGTERM or SIGINT."""
    settings = from_environment(Settings)
    logging.configure("explanation-worker", error_text=settings.server.log_error_text)
    torch.set_num_threads(settings.worker.threads)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    objects = MinioObjectStore(settings.objects)
    queue = RedisWorkQueue(settings.redis, QUEUE)
    worker = Worker(
        Maker(Explanations(objects, queue), settings.worker.models_kept),
        queue,
        RedisWorkQueue(settings.redis, DEAD_LETTERS),
        settings.worker,
    )
    try:
        with metrics_endpoint(settings.server.metrics_host, settings.server.metrics_port):
            _log.info("working", worker=worker.name)
            worker.run(stop)
    except (StartupError, PermissionDenied) as error:
        sys.exit(f"explanation-worker: {error}")
    _log.info("stopped")


if __name__ == "__main__":
    main()
