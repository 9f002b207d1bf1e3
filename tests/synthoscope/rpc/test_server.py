import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from synthoscope.api.jobs.v1 import jobs_service_pb2, jobs_service_pb2_grpc
from synthoscope.rpc.channel import open_channel
from synthoscope.rpc.errors import StartupError
from synthoscope.rpc.testing import running_server, write_tokens

JOB = jobs_service_pb2.GetJobRequest(name="tenants/default/jobs/1")


class Process:
    """A served process, its log as it comes, and a client's stub."""

    def __init__(self, directory, *background, **settings):
        tokens = directory / "tokens.json"
        write_tokens(tokens, "secret")
        options = {"tokens_file": tokens, "port": 0, **settings}
        environment = {f"SYNTHOSCOPE_SERVER__{name.upper()}": str(value) for name, value in options.items()}
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("served_process.py")), *background],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._log = threading.Thread(target=self._read)
        self._log.start()

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line)

    def address(self):
        return self.event("serving")["address"]

    def event(self, name, seconds=20):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for line in tuple(self.lines):
                if line.startswith("{") and json.loads(line)["event"] == name:
                    return json.loads(line)
            time.sleep(0.02)
        raise AssertionError(f"no {name} in {self.lines}")

    def end(self, seconds=20):
        status = self.process.wait(seconds)
        self._log.join()
        return status


@pytest.fixture
def start_process(tmp_path):
    with contextlib.ExitStack() as stack:

        def start(*background, **settings):
            served = Process(tmp_path, *background, **settings)
            stack.callback(served.process.stdout.close)
            stack.callback(served.process.stderr.close)
            stack.callback(served.end)
            stack.callback(served.process.kill)
            return served

        yield start


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_drain(start_process, number):
    served = start_process("tidy", drain_watch_seconds=0.2)
    address = served.address()
    with open_channel(address, "secret") as channel:
        stub = jobs_service_pb2_grpc.JobServiceStub(channel)
        in_flight = stub.GetJob.future(JOB)
        watch = stub.WatchJob(jobs_service_pb2.WatchJobRequest(name=JOB.name))
        next(watch)
        time.sleep(0.2)
        served.process.send_signal(number)
        served.event("draining")
        with grpc.insecure_channel(address) as late:
            call = late.unary_unary("/synthoscope.api.jobs.v1.JobService/GetJob")
            with pytest.raises(grpc.RpcError) as refused:
                call(b"", metadata=(("authorization", "Bearer secret"),), timeout=5)
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        with pytest.raises(grpc.RpcError) as cut:
            for _ in watch:
                pass
        assert cut.value.code() is grpc.StatusCode.UNAVAILABLE
        assert in_flight.result().name == JOB.name
    assert served.end() == 0
    assert served.process.stdout.read() == "background ended\n"
    assert json.loads(served.lines[-1])["event"] == "stopped"


def test_what_does_not_end_in_time_is_ended(start_process):
    served = start_process("deaf", drain_seconds=0.5)
    with open_channel(served.address(), "secret") as channel:
        hanging = jobs_service_pb2.GetJobRequest(name="tenants/default/jobs/hang")
        call = jobs_service_pb2_grpc.JobServiceStub(channel).GetJob.future(hanging)
        time.sleep(0.3)
        began = time.monotonic()
        served.process.terminate()
        assert served.end() == 0
        assert time.monotonic() - began < 9
        assert call.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE)


def test_a_crash_in_the_background_ends_the_process(start_process):
    served = start_process("tidy", "crashing")
    served.address()
    assert served.end() == 1
    crash = served.event("a background task crashed")
    assert crash["reason"] == "ValueError (text withheld)"
    assert "served_process.py" in crash["exception"]
    assert served.process.stdout.read() == "background ended\n"


def test_logs_are_json_and_hold_no_text_of_unexpected_errors(start_process):
    served = start_process()
    bug = jobs_service_pb2.GetJobRequest(name="tenants/default/jobs/bug")
    with open_channel(served.address(), "secret") as channel:
        call = jobs_service_pb2_grpc.JobServiceStub(channel).GetJob
        with pytest.raises(grpc.RpcError) as caught:
            call(bug)
    entry = served.event("unexpected error")
    assert caught.value.details().endswith(entry["error_id"])
    assert entry["process"] == "jobs"
    assert "served_process.py" in entry["exception"]
    served.process.terminate()
    assert served.end() == 0
    assert all(json.loads(line)["time"] for line in served.lines)
    assert "Jane" not in "".join(served.lines)
    assert "secret" not in "".join(served.lines)


@pytest.mark.parametrize("taken", ["port", "metrics_port"])
def test_port_taken(start_process, taken):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        served = start_process(**{taken: port})
        assert served.end() == 1
    assert len(served.lines) == 1
    assert f"127.0.0.1:{port}: Address already in use" in served.lines[0]


def test_port_taken_by_another_server(start_process, registrations):
    with running_server(registrations) as running:
        served = start_process(port=running.address.rpartition(":")[2])
        assert served.end() == 1
    assert "Address already in use" in served.lines[0]


def test_clear_text_beyond_loopback_is_warned_of(registrations, caplog):
    with running_server(registrations, host="0.0.0.0"):
        assert "no TLS" in caplog.text
    caplog.clear()
    with running_server(registrations):
        assert "no TLS" not in caplog.text


def test_reflection_lists_services_to_those_with_a_token(raw):
    stub = reflection_pb2_grpc.ServerReflectionStub(raw.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    (response,) = stub.ServerReflectionInfo(iter([request]), metadata=raw.token, timeout=5)
    names = {service.name for service in response.list_services_response.service}
    assert {"synthoscope.api.jobs.v1.JobService", "grpc.health.v1.Health"} <= names
    with pytest.raises(grpc.RpcError) as caught:
        list(stub.ServerReflectionInfo(iter([request]), timeout=5))
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_missing_certificate(registrations, tmp_path):
    missing = tmp_path / "missing.pem"
    with (
        pytest.raises(StartupError, match=r"missing\.pem: No such file"),
        running_server(registrations, tls_certificate=missing, tls_key=missing),
    ):
        pass


def test_a_crash_in_the_background_shows_at_the_end_of_the_block(registrations):
    async def crash(stop):
        raise ValueError

    with pytest.raises(AssertionError, match="background"), running_server(registrations, background=[crash]):
        pass
