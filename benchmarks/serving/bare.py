"""The least that answers: one process, `grpc.aio`, batches, ONNX Runtime; no token, no store, no check of any kind.

    python -m benchmarks.serving.bare MODEL.onnx SIDE THREADS

A call to METHOD takes a PNG and gives float32 probabilities. Prints its address.
"""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray

from benchmarks.serving.computing import LARGEST_BATCH, Classifier, pixels

METHOD = "/bare.Bare/Predict"


class Server:
    """Decodes in one thread, and computes what waits in another."""

    def __init__(self, model: Path, side: int, threads: int) -> None:
        self._classifier = Classifier(model, threads)
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
            chances = await run(self._computing, self._classifier.chances, images)
            for (_, answer), row in zip(batch, chances, strict=True):
                answer.set_result(row.tobytes())
        self._busy = False


async def main(model: Path, side: int, threads: int) -> None:
    server = grpc.aio.server()
    handler: Any = grpc.unary_unary_rpc_method_handler(Server(model, side, threads).predict)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bare.Bare", {"Predict": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"127.0.0.1:{port}", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
