"""LitServe: uvicorn in front, workers that batch behind a queue.

    python with_litserve.py MODEL.onnx SIDE THREADS PORT WORKERS

Its documentation advises as many workers as cores on a CPU, as many servers of HTTP as workers, which is the default,
and the fast queue (ZeroMQ) for more than a hundred requests a second. The body is taken as it is by what FastAPI calls
a dependency: JSON and forms cost more.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import litserve
import numpy as np
from fastapi import Depends, Request, Response

from benchmarks.serving.computing import LARGEST_BATCH, LONGEST_WAIT, Classifier, pixels

MODEL, SIDE, THREADS, PORT, WORKERS = Path(sys.argv[1]), *(int(word) for word in sys.argv[2:6])


async def body(request: Request) -> bytes:
    return bytes(await request.body())


class Diagnoser(litserve.LitAPI):  # type: ignore[misc]
    """Takes a body as it is, and gives float32 probabilities."""

    def setup(self, device: str) -> None:
        self._classifier = Classifier(MODEL, THREADS)

    def decode_request(self, request: Annotated[bytes, Depends(body)]) -> Any:
        return pixels(request, SIDE)

    def batch(self, inputs: list[Any]) -> Any:
        return np.stack(inputs)

    def predict(self, images: Any) -> Any:
        return self._classifier.chances(images)

    def unbatch(self, output: Any) -> list[Any]:
        return list(output)

    def encode_response(self, output: Any) -> Response:
        return Response(output.tobytes(), media_type="application/octet-stream")


def main() -> None:
    diagnoser = Diagnoser(max_batch_size=LARGEST_BATCH, batch_timeout=LONGEST_WAIT)
    server = litserve.LitServer(
        diagnoser, accelerator="cpu", workers_per_device=WORKERS, fast_queue=True, timeout=60, disable_openapi_url=True
    )
    server.run("127.0.0.1", PORT, log_level="warning", access_log=False, generate_client_file=False)


if __name__ == "__main__":
    main()
