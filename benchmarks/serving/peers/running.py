"""The peers there are, how each is started and ended, and how it is asked."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import aiohttp
import numpy as np
from numpy.typing import NDArray

from benchmarks.serving.asking import inference
from benchmarks.serving.computing import Classifier, pixels
from benchmarks.serving.load import Ask
from benchmarks.serving.peers.environments import ROOT, CannotBeHad, python_of, version_of

_START_SECONDS = 120
_STOP_SECONDS = 15
_BOUNDARY = "6f1d7c2b9a"


def _floats(answer: Any) -> NDArray[np.float32]:
    return np.frombuffer(answer, np.float32)


def _listed(answer: Any) -> NDArray[np.float32]:
    return np.ravel(np.array(json.loads(answer), np.float32))


def _tensor(answer: Any) -> NDArray[np.float32]:
    output = answer.outputs[0].contents.fp32_contents
    return np.array(output or np.frombuffer(answer.raw_output_contents[0], np.float32), np.float32)


def _form(picture: bytes) -> bytes:
    """A form with one file, as BentoML wants it."""
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="images"; filename="image.png"\r\n'
    return head.encode() + b"Content-Type: image/png\r\n\r\n" + picture + f"\r\n--{_BOUNDARY}--\r\n".encode()


@dataclass(frozen=True)
class Peer:
    """`name` is that of its package, its requirements ({name}.txt) and its script (with_{name}.py).

    `path` is where it takes pictures by HTTP, as `body` makes them; without one it is asked by gRPC. `read` finds the
    probabilities in an answer. With how many workers it is fastest depends on the machine: all of `workers` are tried.
    """

    name: str
    path: str = ""
    content_type: str = "application/octet-stream"
    body: Callable[[bytes], bytes] = bytes
    read: Callable[[Any], NDArray[np.float32]] = _floats
    workers: tuple[int, ...] = (1, 2)

    @property
    def speaks_grpc(self) -> bool:
        return not self.path

    @property
    def version(self) -> str:
        return version_of(self.name)


PEERS = (
    Peer("bentoml", "predict", f"multipart/form-data; boundary={_BOUNDARY}", _form, _listed),
    Peer("litserve", "predict"),
    Peer("mosec", "inference"),
    Peer("mlserver", read=_tensor),
)


@contextlib.asynccontextmanager
async def asked(peer: Peer, address: str, pictures: Sequence[bytes]) -> AsyncIterator[Ask]:
    """Sends PNGs to a peer."""
    if peer.speaks_grpc:
        async with inference(address, "bench", "files", "BYTES", [1], pictures) as ask:
            yield ask
        return
    bodies = [peer.body(picture) for picture in pictures]
    headers, url = {"Content-Type": peer.content_type}, f"http://{address}/{peer.path}"
    no_limit = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        connector=no_limit, headers=headers, timeout=aiohttp.ClientTimeout(60), raise_for_status=True
    ) as session:

        async def post(number: int) -> bytes:
            async with session.post(url, data=bodies[number % len(bodies)]) as response:
                return await response.read()

        yield post


@contextlib.contextmanager
def serving(peer: Peer, model: Path, side: int, threads: int, workers: int, picture: bytes) -> Iterator[str]:
    """The address of a peer that answers `picture` rightly. Raises CannotBeHad when it does not in the end."""
    python = python_of(peer.name)
    script = Path(__file__).with_name(f"with_{peer.name}.py")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(python), str(script), str(model), *(str(number) for number in (side, threads, port, workers))]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as log:
        started = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            expected = Classifier(model, threads).chances(pixels(picture, side)[None])[0]
            asyncio.run(_answers(peer, f"127.0.0.1:{port}", picture, expected, started))
        except CannotBeHad as error:
            raise CannotBeHad(f"{error}; it says last: {_last_line(log)}") from error
        else:
            yield f"127.0.0.1:{port}"
        finally:
            _end(started)


async def _answers(
    peer: Peer, address: str, picture: bytes, expected: NDArray[np.float32], started: "subprocess.Popen[bytes]"
) -> None:
    """Waits for an answer. Raises CannotBeHad for a wrong one, or when there is none."""
    deadline, reason = time.monotonic() + _START_SECONDS, ""
    while time.monotonic() < deadline and started.poll() is None:
        async with asked(peer, address, [picture]) as ask:
            try:
                found = peer.read(await ask(0))
            except Exception as error:  # whatever it raises while it starts
                reason = f"{type(error).__name__}: {error}"
                await asyncio.sleep(0.5)
                continue
        if found.shape != expected.shape or not np.allclose(found, expected, atol=1e-4):
            raise CannotBeHad(f"answers {found.tolist()} instead of {expected.tolist()}")
        return
    raise CannotBeHad(f"does not answer: {reason.splitlines()[0][:200] if reason else 'it ended'}")


def _last_line(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").split("\n")
    return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "nothing")


def _end(started: "subprocess.Popen[bytes]") -> None:
    """Ends a peer and all that it has started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            started.wait(_STOP_SECONDS)
