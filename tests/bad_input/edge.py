"""The edge's process from outside: asked over gRPC, and watched while it answers."""

import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dicoms
import grpc
import psutil
from bad_input import canary, pictures
from bad_input.revealing import everything, revealed

from synthoscope.api.classification.v1 import classification_service_pb2 as diagnoses
from synthoscope.api.images.v1 import images_service_pb2 as images

TENANT = "tenants/default"
DIAGNOSE = "synthoscope.api.classification.v1.DiagnosisService/Diagnose"
DIAGNOSE_STREAM = "synthoscope.api.classification.v1.DiagnosisService/DiagnoseStream"
UPLOAD = "synthoscope.api.images.v1.ImageService/UploadImage"
PROGRAM = Path(__file__).with_name("edge_process.py")
TOKENS = {"admin": ("default", ["admin"]), "reader": ("default", ["read"]), "other": ("other", ["admin"])}
"""By token: its tenant and roles."""

PATIENCE = 120.0
"""Seconds: a machine that is busy with other things shows as slow, not as another status."""

_READY_SECONDS = 90


@dataclass(frozen=True)
class Refusal:
    """How a call ended, all that came with it, and what it took: seconds, and bytes of memory more than at rest."""

    code: grpc.StatusCode
    details: str
    sent: str
    seconds: float
    grown: int


class EdgeProcess:
    """The process, and its decoders'."""

    def __init__(self, process: psutil.Process, log: Path, channel: grpc.Channel, metrics: str, model: str) -> None:
        self.process, self.channel, self.model = process, channel, model
        self._log, self._metrics = log, metrics
        self._resting: dict[int, int] = {}

    def pids(self) -> set[int]:
        return {process.pid for process in self.processes()}

    def processes(self) -> list[psutil.Process]:
        children = self.process.children()
        return [self.process, *(one for one in children if "synthoscope.images.decoder_process" in one.cmdline())]

    def log(self) -> str:
        return self._log.read_text()

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://{self._metrics}/metrics", timeout=10) as page:
            return page.read().decode()

    def stored(self) -> int:
        """How many objects."""
        found = re.search(r"^synthoscope_test_objects (\S+)$", self.metrics(), re.MULTILINE)
        return int(float(found[1]))

    def call(self, method: str, messages: Iterator[bytes], token: str = "admin", **options: Any) -> list[bytes]:
        """The answers to a call, of whatever kind it is."""
        metadata = [*options.pop("metadata", ()), *([("authorization", f"Bearer {token}")] if token else [])]
        options = {"timeout": PATIENCE, **options}
        return list(self.channel.stream_stream(f"/{method}")(messages, metadata=metadata, **options))

    def unary(self, method: str, message: Any, **options: Any) -> list[bytes]:
        data = message if isinstance(message, bytes) else message.SerializeToString()
        return self.call(method, iter([data]), **options)

    def diagnose(
        self, data: bytes, token: str = "admin", timeout: float | None = PATIENCE, **fields: Any
    ) -> list[bytes]:
        message = self.request(data, **fields)
        return self.unary(DIAGNOSE, message, token=token, timeout=timeout)

    def request(self, data: bytes, **fields: Any) -> diagnoses.DiagnoseRequest:
        return diagnoses.DiagnoseRequest(**{"parent": TENANT, "model_version": self.model, "data": data, **fields})

    def upload(self, data: bytes, token: str = "admin", timeout: float = PATIENCE, **fields: Any) -> list[bytes]:
        header = {"parent": TENANT, "sha256": hashlib.sha256(data).hexdigest(), **fields}
        first = images.UploadImageRequest(header=images.UploadImageHeader(**header))
        parts = [images.UploadImageRequest(chunk=data[at : at + 2**20]) for at in range(0, len(data), 2**20)]
        return self.call(UPLOAD, (part.SerializeToString() for part in (first, *parts)), token=token, timeout=timeout)

    def warm_up(self) -> None:
        """Both decoders have loaded what they need, and memory at rest is known."""
        nobody = dicoms.dicom(canary.PIXELS, PatientName="", PatientID="")  # whom every edge takes
        for data in (pictures.good_png(), pictures.jpeg(), nobody, dicoms.dicom(canary.PIXELS, RescaleSlope="NaN")) * 2:
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(self._asked, [data] * 2))
        for data in (pictures.good_png(), nobody):
            self.upload(data)
        self._resting = {process.pid: process.memory_info().rss for process in self.processes()}

    def _asked(self, data: bytes) -> None:
        with contextlib.suppress(grpc.RpcError):  # decoders that start take their time
            self.diagnose(data, timeout=None)

    def forget_peaks(self) -> None:
        for process in self.processes():
            Path(f"/proc/{process.pid}/clear_refs").write_text("5")

    def grown(self) -> int:
        """The sum of all processes' peaks of memory since then, less what they had at rest before the first call.

        So what an earlier call has left behind counts, too.
        """
        return sum(_peak(process) - self._resting.get(process.pid, 0) for process in self.processes())

    def refusal(self, call: Callable[[], object]) -> Refusal:
        """How a call is refused."""
        self.forget_peaks()
        began = time.perf_counter()
        try:
            call()
        except grpc.RpcError as error:
            seconds = time.perf_counter() - began
            return Refusal(error.code(), error.details(), everything(error), seconds, self.grown())
        raise AssertionError("the call was answered")

    def revealed(self, text: str) -> list[str]:
        return revealed(text, self.pids())


def _peak(process: psutil.Process) -> int:
    return int(Path(f"/proc/{process.pid}/status").read_text().split("VmHWM:")[1].split()[0]) * 1024


@contextlib.contextmanager
def edge_process(directory: Path, **settings: object) -> Iterator[EdgeProcess]:
    """Runs one inside the block, warmed up. Settings are those of the process, by their path ("server__…")."""
    log, tokens, model = directory / "log", directory / "tokens.json", directory / "model"
    records = [
        {"sha256": hashlib.sha256(token.encode()).hexdigest(), "tenant": tenant, "subject": token, "roles": roles}
        for token, (tenant, roles) in TOKENS.items()
    ]
    tokens.write_text(json.dumps({"tokens": records}))
    told = {"server__tokens_file": tokens, **settings}
    environment = {f"SYNTHOSCOPE_{name.upper()}": str(value) for name, value in told.items()}
    paths = [str(PROGRAM.parents[1]), *(path for path in sys.path if path)]
    environment |= {**os.environ, **environment, "PYTHONPATH": os.pathsep.join(paths), "MODEL_FILE": str(model)}
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, str(PROGRAM)], env=environment, stdout=file, stderr=file)
    try:
        serving = _serving(process, log)
        with grpc.insecure_channel(serving["address"]) as channel:
            edge = EdgeProcess(psutil.Process(process.pid), log, channel, serving["metrics"], model.read_text())
            edge.warm_up()
            yield edge
        process.terminate()
        assert process.wait(30) == 0, log.read_text()[-4000:]
    finally:
        process.kill()
        process.wait()


def _serving(process: "subprocess.Popen[bytes]", log: Path) -> dict[str, str]:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text().splitlines():
            if line.startswith("{") and json.loads(line)["event"] == "serving":
                return json.loads(line)
        time.sleep(0.05)
    raise AssertionError(f"the edge does not start: {log.read_text()[-4000:]}")
