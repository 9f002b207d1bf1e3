"""Ray Serve as it comes: its own gRPC proxy, batches by `@serve.batch`, the same model.

    python -m benchmarks.serving.ray_proxy MODEL.onnx SIDE THREADS

Starts a Ray of its own. A call to METHOD takes a PNG and gives float32 probabilities, each in a BytesValue, as Ray's
proxy wants messages. Prints its address.
"""

import socket
import sys
import time
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from google.protobuf.wrappers_pb2 import BytesValue

from benchmarks.serving.computing import LARGEST_BATCH, LONGEST_WAIT, Classifier, pixels

METHOD = "/raybench.Predictor/Predict"


def add_to_server(servicer: Any, server: Any) -> None:
    """What protoc would generate for a service of one method from BytesValue to BytesValue."""
    handler: Any = grpc.unary_unary_rpc_method_handler(
        servicer.Predict, BytesValue.FromString, BytesValue.SerializeToString
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("raybench.Predictor", {"Predict": handler}),))


def application(model: Path, side: int, threads: int) -> Any:
    from ray import serve

    class Predictor:
        def __init__(self) -> None:
            self.classifier = Classifier(model, threads)

        @serve.batch(max_batch_size=LARGEST_BATCH, batch_wait_timeout_s=LONGEST_WAIT)
        async def answers(self, images: list[Any]) -> list[bytes]:
            return [row.tobytes() for row in self.classifier.chances(np.stack(images))]

        async def Predict(self, request: BytesValue) -> BytesValue:  # noqa: N802 (the RPC's name)
            return BytesValue(value=await self.answers(pixels(request.value, side)))

    deployment: Any = serve.deployment(
        Predictor,
        max_ongoing_requests=256,
        ray_actor_options={"num_cpus": 0.5},
    )
    return deployment.bind()


def main(model: Path, side: int, threads: int) -> None:
    import ray
    from ray import serve
    from ray.serve.config import gRPCOptions

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ray.init(include_dashboard=False, log_to_driver=False, num_cpus=2)
    options = gRPCOptions(port=port, grpc_servicer_functions=["benchmarks.serving.ray_proxy.add_to_server"])
    serve.start(grpc_options=options, http_options={"host": "127.0.0.1"})
    serve.run(application(model, side, threads))
    print(f"127.0.0.1:{port}", flush=True)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
