import re
import time
import urllib.error
import urllib.request

import grpc
import pytest

from synthoscope.api.jobs.v1 import jobs_service_pb2

GET = "synthoscope.api.jobs.v1.JobService/GetJob"
WATCH = "synthoscope.api.jobs.v1.JobService/WatchJob"


def scrape(raw):
    with urllib.request.urlopen(f"http://{raw.server.metrics}/metrics") as response:
        return response.read().decode()


def value(text, name, **labels):
    for line in text.splitlines():
        if line.startswith(f"{name}{{") and all(f'{key}="{label}"' in line for key, label in labels.items()):
            return float(line.rpartition(" ")[2])
    return 0.0


def call(raw, job, metadata=None):
    request = jobs_service_pb2.GetJobRequest(name=f"tenants/default/jobs/{job}")
    return raw.unary(GET, request.SerializeToString(), metadata=metadata)


def test_calls_are_counted_by_status(raw):
    before = scrape(raw)
    call(raw, "1")
    for job, metadata in (("wrong", None), ("bug", None), ("1", ())):
        with pytest.raises(grpc.RpcError):
            call(raw, job, metadata)
    time.sleep(0.1)
    after = scrape(raw)
    for code in ("OK", "INVALID_ARGUMENT", "INTERNAL", "UNAUTHENTICATED"):
        labels = {"grpc_method": "GetJob", "grpc_code": code}
        grown = value(after, "grpc_server_handled_total", **labels) - value(
            before, "grpc_server_handled_total", **labels
        )
        assert grown == 1, code
    assert value(after, "grpc_server_handling_seconds_count", grpc_method="GetJob") >= 4


def test_calls_in_flight(raw):
    watch = raw.watch(WATCH, jobs_service_pb2.WatchJobRequest(name="tenants/default/jobs/endless").SerializeToString())
    next(watch)
    assert value(scrape(raw), "grpc_server_in_flight", grpc_method="WatchJob") == 1
    watch.cancel()
    time.sleep(0.2)
    assert value(scrape(raw), "grpc_server_in_flight", grpc_method="WatchJob") == 0
    labels = {"grpc_method": "WatchJob", "grpc_code": "CANCELLED"}
    assert value(scrape(raw), "grpc_server_handled_total", **labels) >= 1


def test_invented_methods_make_no_labels(raw):
    for number in range(20):
        with pytest.raises(grpc.RpcError):
            raw.unary(f"invented.Service/Method{number}")
    text = scrape(raw)
    assert "invented" not in text
    assert value(text, "grpc_server_handled_total", grpc_method="unknown", grpc_code="UNIMPLEMENTED") >= 20


def test_names_are_prometheus_names(raw):
    for line in scrape(raw).splitlines():
        assert line.startswith("#") or re.match(r"[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})? ([0-9.e+-]+|NaN)$", line), line
