"""Asks the service in this pod for its health over TLS, which Kubernetes' own gRPC probe cannot: health.py NAME.

NAME is one of the names in the certificate. Where callers must show a certificate, the service's own is shown.
"""

import sys
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

TLS = Path("/etc/synthoscope/tls")


def main(name: str, address: str = "127.0.0.1:50051", folder: Path = TLS) -> int:
    """0 when it serves, 1 when it does not or does not answer."""
    certificate, key = (folder / "tls.crt").read_bytes(), (folder / "tls.key").read_bytes()
    credentials = grpc.ssl_channel_credentials((folder / "ca.crt").read_bytes(), key, certificate)
    options = [("grpc.ssl_target_name_override", name), ("grpc.enable_http_proxy", 0)]
    with grpc.secure_channel(address, credentials, options) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=""), timeout=4)
        except grpc.RpcError as error:
            print(error.code(), file=sys.stderr)
            return 1
    return int(answer.status != health_pb2.HealthCheckResponse.SERVING)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
