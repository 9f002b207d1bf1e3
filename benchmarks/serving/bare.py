"""The least that answers: one process, `grpc.aio`, batches, ONNX Runtime; no token, no store, no check of any kind.

    python -m benchmarks.serving.bare MODEL.onnx SIDE THREADS

A call to METHOD takes a PNG and gives float32 probabilities. Prints its address.
"""

import asyncio
import io
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import grpc
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from synthoscope.onnx_sessions import open_session

METHOD = "/bare.Bare/Predict"
LARGEST_BATCH = 32


def pixels(data: bytes, side: int) -> NDArray[np.uint8]:
    """A PNG as uint8 S×S×3."""
    image = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    return np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


class Server:
    """Decodes in one thread, and computes what waits in another."""

    def __init__(self, model: bytes, side: int, threads: int) -> None:
        self._session = open_session(model, threads)
        self._input = self._session.get_inputs()[0].name
        self._side = side
        self._decoding, self._computing = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self._waiting: list[tuple[NDArray[np.uint8], asyncio.Future[bytes]]] = []
        self._busy = False

    async def predict(self, data: bytes, context: Any) -> bytes:
        loop = asyncio.get_running_loop()
        image = await loop.run_in_executor(self._decoding, pixels, data, self._side)
        answer: asyncio.Future[bytes] = loop.create_future()
        self._waiting.append((image, answer))
        if not self._busy:
            self._busy = True
            task = asyncio.ensure_future(self._compute())
            task.add_done_callback(lambda done: done.result())
        return await answer

    async def _compute(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:LARGEST_BATCH], self._waiting[LARGEST_BATCH:]
            images = np.stack([image for image, _ in batch])
            run = asyncio.get_running_loop().run_in_executor
            logits = await run(self._computing, self._logits, images)
            chances = np.exp(logits - logits.max(axis=1, keepdims=True))
            for (_, answer), row in zip(batch, chances / chances.sum(axis=1, keepdims=True), strict=True):
                answer.set_result(row.astype(np.float32).tobytes())
        self._busy = False

    def _logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = self._session.run(None, {self._input: images})[0]
        return logits


async def main(model: Path, side: int, threads: int) -> None:
    server = grpc.aio.server()
    handler: Any = grpc.unary_unary_rpc_method_handler(Server(model.read_bytes(), side, threads).predict)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bare.Bare", {"Predict": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"127.0.0.1:{port}", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
