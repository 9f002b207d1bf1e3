"""mosec: a front end in Rust, which batches; workers are processes.

    python with_mosec.py MODEL.onnx SIDE THREADS PORT WORKERS

Each worker decodes and computes whole batches: decoding in a stage before it would send pixels through a socket.
"""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from mosec import Server, Worker

from benchmarks.serving.computing import LARGEST_BATCH, LONGEST_WAIT, Classifier, pixels

MODEL, SIDE, THREADS, PORT, WORKERS = Path(sys.argv[1]), *(int(word) for word in sys.argv[2:6])


class Diagnoser(Worker):  # type: ignore[misc]
    """Takes a body as it is, and gives float32 probabilities."""

    resp_mime_type = "application/octet-stream"

    def __init__(self) -> None:
        super().__init__()
        self._classifier = Classifier(MODEL, THREADS)

    def deserialize(self, data: bytes) -> bytes:
        return data

    def forward(self, data: list[bytes]) -> list[Any]:
        return list(self._classifier.chances(np.stack([pixels(one, SIDE) for one in data])))

    def serialize(self, data: Any) -> bytes:
        return bytes(data.tobytes())


def main() -> None:
    os.environ |= {"MOSEC_ADDRESS": "127.0.0.1", "MOSEC_PORT": str(PORT), "MOSEC_LOG_LEVEL": "warning"}
    os.environ["MOSEC_TIMEOUT"] = "60000"
    server = Server()
    milliseconds = int(LONGEST_WAIT * 1000)
    server.append_worker(Diagnoser, num=WORKERS, max_batch_size=LARGEST_BATCH, max_wait_time=milliseconds)
    server.run()


if __name__ == "__main__":
    main()
