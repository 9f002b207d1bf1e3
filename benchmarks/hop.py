"""What a batch costs on its way to a replica on Ray Serve that does nothing: by a handle, and by a line.

    python -m benchmarks.hop [--out FILE]

A line is plain gRPC to the replica (`services/classification/lines.py`). Batches of 1 and 16 images of 128×128 pixels,
one after the other, from one caller on the same processors; both ways by turns.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import ray
from numpy.typing import NDArray
from ray import serve

from benchmarks.reporting import Target, publish
from services.classification.lines import Lines, LineServer, Place, Places
from synthoscope.classifier.answering import Answers

SIDE, ROUNDS, CALLS = 128, 5, 60


class Replica:
    """Answers at once."""

    def __init__(self) -> None:
        self._lines = LineServer(self.answer, 8)

    async def place(self) -> Place:
        """Where the line ends."""
        return await self._lines.open("127.0.0.1")

    async def answer(self, model_version: str, images: NDArray[np.uint8]) -> Answers:
        """An answer of the usual size."""
        count = len(images)
        chances, numbers = np.full((count, 4), 0.25, np.float32), np.zeros(count, np.float32)
        inputs = np.zeros((count, 3), np.float32)
        return Answers(chances, np.zeros(count, np.int64), numbers, numbers > 0, chances > 0, inputs)


async def timed(ask: Callable[[], Awaitable[object]]) -> tuple[list[float], float]:
    """How long each call took, and the caller's processor time for all of them; seconds."""
    took, used = [], time.process_time()
    for _ in range(CALLS):
        began = time.perf_counter()
        await ask()
        took.append(time.perf_counter() - began)
    return took, time.process_time() - used


async def measured(handle: Any) -> list[dict[str, object]]:
    place = await handle.place.remote()

    async def find() -> Places:
        return Places(frozenset([place]), complete=True)

    lines, rows = Lines(find, 1.0), list[dict[str, object]]()
    for count in (1, 16):
        batch = np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)
        ways: dict[str, Callable[[], Awaitable[object]]] = {
            "handle": lambda batch=batch: handle.answer.remote("m", batch),  # type: ignore[misc]
            "line": lambda batch=batch: lines.ask("m", batch),  # type: ignore[misc]
        }
        took: dict[str, list[float]] = {way: [] for way in ways}
        used = dict.fromkeys(ways, 0.0)
        for ask in ways.values():
            await timed(ask)
        for _ in range(ROUNDS):
            for way, ask in ways.items():
                seconds, processor = await timed(ask)
                took[way] += seconds
                used[way] += processor
        for way in ways:
            p50, p99 = np.percentile(took[way], [50, 99]) * 1000
            processor_ms = used[way] / (ROUNDS * CALLS) * 1000
            row = {"way": way, "images": count, "p50_ms": p50, "p99_ms": p99, "caller_processor_ms": processor_ms}
            rows.append(
                {name: round(float(value), 2) if isinstance(value, float) else value for name, value in row.items()}
            )
            print(rows[-1], flush=True)
    return rows


def main() -> None:
    ray.init(include_dashboard=False, log_to_driver=False, num_cpus=2, logging_level=logging.ERROR)
    serve.start(proxy_location="Disabled")
    deployment: Any = serve.deployment(Replica, max_ongoing_requests=8, ray_actor_options={"num_cpus": 0.25})
    rows = asyncio.run(measured(serve.run(deployment.bind(), name="hop", route_prefix=None)))
    handle, line = (next(row for row in rows if row["way"] == way and row["images"] == 1) for way in ("handle", "line"))
    ratio = float(str(handle["caller_processor_ms"])) / float(str(line["caller_processor_ms"]))
    targets = [Target("processor time of the caller by a handle / by a line, 1 image", round(ratio, 1), ">=", 4.0)]
    publish("hop", rows, targets, ["grpcio", "ray"])


if __name__ == "__main__":
    main()
