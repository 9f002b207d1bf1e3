"""MLServer: gRPC by the Open Inference Protocol; batches in the front, workers in processes or none.

    python with_mlserver.py MODEL.onnx SIDE THREADS PORT WORKERS

With one worker there is no process of its own (`parallel_workers=0`), which takes a sixth less processor time: the
model is computed by a thread beside the server. HTTP, which cannot be left out, listens on some other port.
"""

import asyncio
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.settings import ModelParameters
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput
from mlserver.utils import install_uvloop_event_loop

from benchmarks.serving.computing import LARGEST_BATCH, LONGEST_WAIT, Classifier, pixels


class Diagnoser(MLModel):  # type: ignore[misc]
    """Takes files, and gives probabilities."""

    async def load(self) -> bool:
        model, side, threads = self.settings.parameters.extra["arguments"]
        self._classifier, self._side = Classifier(Path(model), int(threads)), int(side)
        self._computing = ThreadPoolExecutor(1)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        run = asyncio.get_running_loop().run_in_executor
        chances = await run(self._computing, self._chances, payload.inputs[0].data.root)
        output = ResponseOutput(
            name="probabilities", datatype="FP32", shape=list(chances.shape), data=chances.ravel().tolist()
        )
        return InferenceResponse(model_name=self.name, outputs=[output])

    def _chances(self, files: list[bytes]) -> Any:
        return self._classifier.chances(np.stack([pixels(file, self._side) for file in files]))


async def main(arguments: list[str], port: int, workers: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        unused = probe.getsockname()[1]
    settings = Settings(
        host="127.0.0.1",
        grpc_port=port,
        http_port=unused,
        parallel_workers=0 if workers == 1 else workers,
        debug=False,  # which would log every call
        metrics_endpoint=None,
        load_models_at_startup=False,
    )
    model = ModelSettings(
        name="bench",
        implementation="with_mlserver.Diagnoser",  # a worker cannot import what __main__ defines
        max_batch_size=LARGEST_BATCH,
        max_batch_time=LONGEST_WAIT,
        parameters=ModelParameters(extra={"arguments": arguments}),
    )
    await MLServer(settings).start([model])


if __name__ == "__main__":
    install_uvloop_event_loop()
    asyncio.run(main(sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5])))
