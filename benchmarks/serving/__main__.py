"""Diagnoses a second, and how long one takes, beside the least that could answer and Ray Serve as it comes.

    python -m benchmarks.serving [--seconds N] [--out FILE]

All get the same PNG (224×224 pixels of a made-up slice), and compute the same exported `cnn-128` in ONNX Runtime on one
thread. Ours is the local stack with its defaults: tokens, health, metrics, decoding in processes of its own, refusals,
prediction sets, the original, the answer and the audit trail stored. A closed loop of 1, 8, 32 and 128 callers, on the
same processors as the servers; the servers run one after the other.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from google.protobuf.wrappers_pb2 import BytesValue
from PIL import Image

from benchmarks.reporting import Target, publish
from benchmarks.serving import bare, ray_proxy
from benchmarks.serving.load import Ask, Measured, Overloaded, closed_loop, overload
from synthoscope.api.classification.v1.classification_service_pb2 import DiagnoseRequest
from synthoscope.api.classification.v1.classification_service_pb2_grpc import DiagnosisServiceStub
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig
from synthoscope.client import Client, ClientSettings
from synthoscope.datasets.phantoms import write_dataset
from synthoscope.images.storage import encode_png
from synthoscope.local.stack import running
from synthoscope.local.state import StackState

CALLERS = (1, 8, 32, 128)
IMAGES = 512
SIDE = 128


def images(folder: Path) -> Sequence[bytes]:
    """IMAGES different PNGs of 224×224 grey pixels, like the slices of a scan."""
    chance = np.random.default_rng(0)
    slices = [
        np.asarray(Image.open(path).convert("L").resize((224, 224))) for path in sorted(folder.glob("test/*/*.png"))
    ]
    found = []
    for index in range(IMAGES):
        noise = chance.integers(-6, 7, (224, 224))
        found.append(encode_png(np.clip(slices[index % len(slices)] + noise, 0, 255).astype(np.uint8)))
    return found


def trained(client: Client, folder: Path) -> str:
    """A published cnn-128, barely trained: it takes as long as a good one."""
    version = client.datasets.import_source(folder, "bench")
    config = ClassifierTrainingConfig(preset="cnn-128", epochs=1, robustness_images=0)
    return client.jobs.wait(client.models.train_classifier(version.name, "bench", config).name).result


@contextlib.contextmanager
def process(module: str, *arguments: str) -> Iterator[str]:
    """The address that a server prints."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as started:
        assert started.stdout is not None
        try:
            yield started.stdout.readline().strip()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(started.pid, 15)
            started.wait(30)


@contextlib.asynccontextmanager
async def raw(
    address: str, method: str, pictures: Sequence[bytes], metadata: Sequence[tuple[str, str]] = ()
) -> AsyncIterator[Ask]:
    """Sends PNGs to a method that takes them as they are."""
    async with grpc.aio.insecure_channel(address) as channel:
        call: Any = channel.unary_unary(method)
        yield lambda number: call(pictures[number % IMAGES], timeout=60, metadata=metadata)


@contextlib.asynccontextmanager
async def ours(stack: StackState, model: str, pictures: Sequence[bytes]) -> AsyncIterator[Ask]:
    """Asks DiagnosisService."""
    metadata = (("authorization", f"Bearer {stack.token}"),)
    async with grpc.aio.insecure_channel(stack.endpoints["classification"]) as channel:
        diagnose = DiagnosisServiceStub(channel).Diagnose

        def ask(number: int) -> Awaitable[object]:
            request = DiagnoseRequest(parent="tenants/default", model_version=model, data=pictures[number % IMAGES])
            return diagnose(request, timeout=60, metadata=metadata)

        yield ask


def measured(
    name: str, opened: Callable[[], contextlib.AbstractAsyncContextManager[Ask]], seconds: float
) -> list[dict[str, object]]:
    """One row for each number of callers."""

    async def measure() -> list[Measured]:
        async with opened() as ask:
            await closed_loop(ask, 4, 1.0)
            return [await closed_loop(ask, callers, seconds) for callers in CALLERS]

    rows = [{"server": name, **asdict(row)} for row in asyncio.run(measure())]
    for row in rows:
        print(row, flush=True)
    return rows


def most(rows: Sequence[dict[str, object]]) -> float:
    """The most requests a second that ours answered."""
    return max(float(str(row["requests_per_second"])) for row in rows if row["server"] == "synthoscope")


def overloaded(
    opened: Callable[[], contextlib.AbstractAsyncContextManager[Ask]], most: float, seconds: float
) -> list[dict[str, object]]:
    """A row of what comes of five times as much."""

    def refused(error: BaseException) -> bool:
        return isinstance(error, grpc.RpcError) and error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED

    async def measure() -> Overloaded:
        async with opened() as ask:
            return await overload(ask, refused, most, seconds)

    row = {"server": "synthoscope, five times too much", **asdict(asyncio.run(measure()))}
    print(row, flush=True)
    return [row]


def main() -> None:
    seconds = float(sys.argv[sys.argv.index("--seconds") + 1]) if "--seconds" in sys.argv else 6.0
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write_dataset(home / "phantoms", 40, 20, 128, seed=3)
        pictures, onnx = images(home / "phantoms"), home / "model.onnx"
        with running(home / "stack") as stack:
            with Client(ClientSettings.find(stack.home)) as client:
                model = trained(client, home / "phantoms")
                onnx.write_bytes(client.models.download(client.models.get(model), "model.onnx"))
            rows += measured("synthoscope", lambda: ours(stack, model, pictures), seconds)
            rows += overloaded(lambda: ours(stack, model, pictures), most(rows), seconds)
        in_messages = [BytesValue(value=picture).SerializeToString() for picture in pictures]
        for name, module, sent in (("bare", bare, pictures), ("ray serve", ray_proxy, in_messages)):
            with process(module.__name__, str(onnx), str(SIDE), "1") as address:
                rows += measured(name, partial(raw, address, module.METHOD, sent), seconds)
    publish("serving", rows, targets(rows), ["grpcio", "onnxruntime", "ray"])


def targets(rows: Sequence[dict[str, object]]) -> list[Target]:
    def of(server: str, callers: int, figure: str) -> float:
        return next(
            float(str(row[figure])) for row in rows if (row["server"], row.get("in_flight")) == (server, callers)
        )

    ours_at_32, bare_at_32, proxy_at_32 = (
        of(server, 32, "requests_per_second") for server in ("synthoscope", "bare", "ray serve")
    )
    too_much = next(row for row in rows if row["server"] == "synthoscope, five times too much")
    goodput = float(str(too_much["answered_per_second"])) / most(rows)
    slower = of("synthoscope", 1, "p50_ms") - of("bare", 1, "p50_ms")
    return [
        Target("requests a second / bare, 32 in flight", round(ours_at_32 / bare_at_32, 3), ">=", 0.85),
        Target("requests a second / Ray Serve's proxy, 32 in flight", round(ours_at_32 / proxy_at_32, 2), ">=", 2.0),
        Target("answered at 5 times the load / at most", round(goodput, 2), ">=", 0.8),
        Target("refused within, p99, ms", float(str(too_much["refused_p99_ms"])), "<=", 100.0),
        Target("recovered after, s", float(str(too_much["recovered_seconds"])), "<=", 10.0),
        Target("p50 - bare's, 1 in flight, ms", round(slower, 2), "<=", 5.0),
    ]


if __name__ == "__main__":
    main()
