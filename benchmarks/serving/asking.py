"""Who answers, and how they are asked by gRPC: each gives an Ask for as long as it is open."""

import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from typing import Any

import grpc

from benchmarks.serving.load import Ask
from synthoscope.api.classification.v1.classification_service_pb2 import DiagnoseRequest
from synthoscope.api.classification.v1.classification_service_pb2_grpc import DiagnosisServiceStub
from synthoscope.api.inference.v2.open_inference_service_pb2 import ModelInferRequest
from synthoscope.api.inference.v2.open_inference_service_pb2_grpc import GRPCInferenceServiceStub

SECONDS = 60
"""That a call may take."""

Metadata = Sequence[tuple[str, str]]


def bearing(token: str) -> Metadata:
    """What a call of ours carries."""
    return (("authorization", f"Bearer {token}"),)


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
async def raw(address: str, method: str, messages: Sequence[bytes]) -> AsyncIterator[Ask]:
    """Sends messages to a method as they are."""
    async with grpc.aio.insecure_channel(address) as channel:
        call: Any = channel.unary_unary(method)
        yield lambda number: call(messages[number % len(messages)], timeout=SECONDS)


@contextlib.asynccontextmanager
async def diagnoses(address: str, token: str, model: str, pictures: Sequence[bytes]) -> AsyncIterator[Ask]:
    """Asks our DiagnosisService about PNGs."""
    metadata = bearing(token)
    async with grpc.aio.insecure_channel(address) as channel:
        diagnose = DiagnosisServiceStub(channel).Diagnose

        def ask(number: int) -> Awaitable[object]:
            picture = pictures[number % len(pictures)]
            request = DiagnoseRequest(parent="tenants/default", model_version=model, data=picture)
            return diagnose(request, timeout=SECONDS, metadata=metadata)

        yield ask


@contextlib.asynccontextmanager
async def inference(
    address: str,
    model: str,
    name: str,
    datatype: str,
    shape: Sequence[int],
    tensors: Sequence[bytes],
    metadata: Metadata = (),
) -> AsyncIterator[Ask]:
    """Asks by the Open Inference Protocol: one tensor a call, BYTES of one element or UINT8 as it lies in memory."""
    async with grpc.aio.insecure_channel(address) as channel:
        infer = GRPCInferenceServiceStub(channel).ModelInfer

        def ask(number: int) -> Awaitable[object]:
            request = ModelInferRequest(model_name=model)
            tensor = request.inputs.add(name=name, datatype=datatype, shape=shape)
            if datatype == "BYTES":
                tensor.contents.bytes_contents.append(tensors[number % len(tensors)])
            else:
                request.raw_input_contents.append(tensors[number % len(tensors)])
            return infer(request, timeout=SECONDS, metadata=metadata)

        yield ask
