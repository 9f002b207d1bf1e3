import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing

import psutil
import pytest
import redis
from pydantic import SecretStr
from redis.backoff import NoBackoff
from redis.retry import Retry

from synthoscope.local import stack, sweep
from synthoscope.local.home import stack_id
from synthoscope.local.state import StackState
from synthoscope.local.status import logs, status
from synthoscope.local.supervision import Supervisor
from synthoscope.objects import MinioObjectStore, make_bucket
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, NotFound, PermissionDenied, Unavailable

pytestmark = pytest.mark.stack

SERVERS = ("valkey", "seaweedfs", "ray")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    # Longer than a unix socket's path may be, and with characters that configuration files care about.
    return tmp_path_factory.mktemp("stack") / ("lo'ng-ü " * 15 + "x")


@pytest.fixture(scope="module")
def state(home):
    with stack.running(home, only=SERVERS) as state:
        yield state
    assert members(home) == []


def members(home):
    return sweep.members({sweep.STACK_VARIABLE: stack_id(home)})


def until(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def process(home, name):
    return next(one for one in status(home) if one.name == name)


def supervisor_pid(state):
    with closing(Supervisor(state.runtime, state.supervisor_password)) as supervisor:
        return supervisor.pid()


def test_everything_is_ready_and_recorded(home, state):
    assert StackState.load(home) == state
    assert [(one.name, one.state) for one in status(home)] == [(name, "ready") for name in SERVERS]
    for name in SERVERS:
        assert process(home, name).port == state.ports[name]
        assert process(home, name).memory > 1_000_000
        assert (home / f"logs/{name}.log").exists()
    assert len(set(state.ports.values())) == len(state.ports)


def test_secrets_are_for_the_owner_only_and_the_tokens_file_has_none(home, state):
    for file in ("state.json", "secrets.json", "tokens.json", "supervisord.conf"):
        assert stat.S_IMODE((home / file).stat().st_mode) == 0o600
    assert stat.S_IMODE(state.runtime.stat().st_mode) == 0o700
    assert state.token not in (home / "tokens.json").read_text()
    assert json.loads((home / "state.json").read_text())["token"] == state.token


def test_everything_listens_on_loopback_only(home, state):
    addresses = {
        connection.laddr.ip.removeprefix("::ffff:")
        for one in members(home)
        for connection in one.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}


def test_a_second_up_changes_nothing(home, state):
    before = [one.pid for one in status(home)]
    began = time.monotonic()
    assert stack.up(home, only=SERVERS) == state
    assert time.monotonic() - began < 15
    assert [one.pid for one in status(home)] == before


def test_valkey_asks_for_its_password(state):
    for password in (None, "wrong"):
        with (
            closing(redis.Redis(port=state.redis.port, password=password, retry=Retry(NoBackoff(), 0))) as client,
            pytest.raises(redis.AuthenticationError),
        ):
            client.ping()


def test_the_object_store_refuses_strangers(state):
    with pytest.raises(urllib.error.HTTPError, match="403") as refused:
        urllib.request.urlopen(f"http://{state.objects.endpoint}/synthoscope")
    refused.value.close()
    wrong = state.objects.model_copy(update={"secret_key": SecretStr("wrong")})
    with pytest.raises(PermissionDenied, match="refuses the credentials"):
        MinioObjectStore(wrong).put("a", b"")


def test_each_bucket_has_one_identity_that_may_use_it(state):
    services, ray = state.objects, state.ray_storage
    for owner, other in ((services, ray), (ray, services)):
        own = MinioObjectStore(owner)
        own.put("kept", b"whole")
        foreign = MinioObjectStore(owner.other_bucket(other.bucket))
        for call in (
            lambda foreign=foreign: foreign.put("kept", b"other"),
            lambda foreign=foreign: foreign.put_if_absent("new", b"other"),
            lambda foreign=foreign: foreign.get("kept"),
            lambda foreign=foreign: foreign.delete("kept"),
            lambda foreign=foreign: list(foreign.list("")),
        ):
            with pytest.raises(PermissionDenied):
                call()
        with pytest.raises(PermissionDenied):
            make_bucket(owner.other_bucket("synthoscope-mine-too"))
    assert MinioObjectStore(ray).get("kept") == b"whole"
    assert [info.key for info in MinioObjectStore(ray).list("")] == ["kept"]


def test_only_rays_processes_know_rays_identity(home, state):
    secret = state.ray_storage.secret_key.get_secret_value()
    knowing = {one.name() for one in members(home) if secret in one.environ().values()}
    assert "raylet" in knowing
    assert not knowing & {"weed", "valkey-server"}


@pytest.mark.parametrize(("token", "answer"), [(None, 401), ("wrong", 403)])
def test_ray_refuses_strangers(state, token, answer):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(f"{state.dashboard}/api/jobs/", headers=headers))
    assert refused.value.code == answer
    refused.value.close()


def test_a_wrong_password_of_an_external_store_is_told_before_anything_starts(state, tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTHOSCOPE_OBJECTS__ENDPOINT", state.objects.endpoint)
    monkeypatch.setenv("SYNTHOSCOPE_OBJECTS__ACCESS_KEY", state.objects.access_key)
    monkeypatch.setenv("SYNTHOSCOPE_OBJECTS__SECRET_KEY", "wrong")
    with pytest.raises(PermissionDenied, match="refuses the credentials"):
        stack.up(tmp_path, only=["valkey", "seaweedfs"])
    assert members(tmp_path) == []


def test_external_servers_are_used_instead_of_own_ones(state, tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTHOSCOPE_OBJECTS__ENDPOINT", state.objects.endpoint)
    monkeypatch.setenv("SYNTHOSCOPE_OBJECTS__ACCESS_KEY", state.objects.access_key)
    monkeypatch.setenv("SYNTHOSCOPE_OBJECTS__SECRET_KEY", state.objects.secret_key.get_secret_value())
    monkeypatch.setenv("SYNTHOSCOPE_RAY__STORAGE_ACCESS_KEY", state.ray_storage.access_key)
    monkeypatch.setenv("SYNTHOSCOPE_RAY__STORAGE_SECRET_KEY", state.ray_storage.secret_key.get_secret_value())
    with stack.running(tmp_path, only=["valkey", "seaweedfs"]) as other:
        assert other.processes == ("valkey",)
        assert other.objects.endpoint == state.objects.endpoint


def test_a_killed_child_is_started_again(home, state):
    client = redis.Redis(port=state.redis.port, password=state.redis.password.get_secret_value())
    with closing(client):
        client.set("kept", "1")
        time.sleep(1.5)  # the append-only file is synced every second
        killed = process(home, "valkey").pid
        os.kill(killed, signal.SIGKILL)
        until(lambda: process(home, "valkey").pid not in (0, killed) and process(home, "valkey").state == "ready")
        assert client.get("kept") == b"1"
    assert process(home, "valkey").restarts == 1
    assert process(home, "valkey").reason == "terminated by SIGKILL"


def test_a_killed_ray_head_is_replaced_although_its_children_live_on(home, state):
    killed = process(home, "ray").pid
    os.kill(killed, signal.SIGKILL)
    until(lambda: process(home, "ray").pid not in (0, killed) and process(home, "ray").state == "ready")
    heads = [one for one in members(home) if one.name() == "gcs_server"]
    assert len(heads) == 1


def test_logs_are_read_by_name(home, state):
    assert any("Ready to accept connections" in line for line in logs(home, "valkey"))
    assert len(list(logs(home, "ray", lines=2))) == 2
    with pytest.raises(NotFound, match="known are valkey"):
        logs(home, "nobody")


def test_after_supervisor_was_killed_up_starts_anew_and_nothing_is_left(tmp_path):
    with stack.running(tmp_path, only=["valkey"]) as before:
        os.kill(supervisor_pid(before), signal.SIGKILL)
        until(lambda: "supervisor is gone" in process(tmp_path, "valkey").reason)
        after = stack.up(tmp_path, only=["valkey"])
        assert process(tmp_path, "valkey").state == "ready"
        assert after.token == before.token
        assert len([one for one in members(tmp_path) if one.name() == "valkey-server"]) == 1
    assert members(tmp_path) == []
    assert not before.runtime.exists()


def test_down_ends_even_without_its_files(tmp_path):
    state = stack.up(tmp_path, only=["valkey"])
    os.kill(supervisor_pid(state), signal.SIGKILL)
    for file in ("state.json", "secrets.json"):
        (tmp_path / file).unlink()
    assert stack.down(tmp_path) >= 1
    assert members(tmp_path) == []
    with pytest.raises(FailedPrecondition, match="no local stack is up"):
        status(tmp_path)


def test_data_stays_until_it_is_asked_to_go(tmp_path):
    (tmp_path / "mine").touch()
    with stack.running(tmp_path, only=["valkey"]):
        pass
    assert (tmp_path / "valkey").exists()
    assert not (tmp_path / "state.json").exists()
    stack.down(tmp_path, delete_data=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "mine"]


def test_a_process_that_cannot_run_is_named_with_its_state_and_log(tmp_path):
    (tmp_path / "valkey").mkdir()
    (tmp_path / "valkey/appendonlydir").touch()
    with pytest.raises(Unavailable, match=r"(?s)valkey is FATAL.*valkey\.log ends with.*appendonlydir"):
        stack.up(tmp_path, only=["valkey"])
    assert members(tmp_path) == []


def test_a_child_that_keeps_dying_is_shown_with_its_reason_and_up_repairs_it(tmp_path):
    with stack.running(tmp_path, only=["valkey"]):
        (tmp_path / "valkey/appendonlydir").rename(tmp_path / "aside")
        (tmp_path / "valkey/appendonlydir").touch()
        os.kill(process(tmp_path, "valkey").pid, signal.SIGKILL)
        until(lambda: process(tmp_path, "valkey").state == "failed")
        assert "appendonlydir" in process(tmp_path, "valkey").reason
        (tmp_path / "valkey/appendonlydir").unlink()
        (tmp_path / "aside").rename(tmp_path / "valkey/appendonlydir")
        stack.up(tmp_path, only=["valkey"])
        assert process(tmp_path, "valkey").state == "ready"


def test_a_pinned_port_is_used_or_its_being_taken_told(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(FailedPrecondition, match=f"port {port}, asked for by valkey, is already taken"):
            stack.up(tmp_path, only=["valkey"], pinned={"valkey": port})
    with stack.running(tmp_path, only=["valkey"], pinned={"valkey": port}) as state:
        assert state.redis.port == port


def test_an_unknown_process_or_a_home_that_is_a_file_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="no process is called 'nobody'"):
        stack.up(tmp_path, only=["nobody"])
    (tmp_path / "file").touch()
    for wrong in (tmp_path / "file", tmp_path / "100%", tmp_path / "a #b"):
        with pytest.raises(FailedPrecondition, match="cannot live in"):
            stack.up(wrong, only=["valkey"])


@pytest.mark.parametrize(("number", "server"), [(signal.SIGINT, "ray"), (signal.SIGTERM, "seaweedfs")])
def test_an_interrupted_up_leaves_nothing(tmp_path, number, server):
    # It interrupts itself once the server runs and `up` has not ended, however fast or slow the machine is.
    # Tests that run in the background of a script were told to ignore SIGINT, and their children inherit that.
    code = (
        "import os, signal, sys, pathlib; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from synthoscope.local import stack; home, server, number = sys.argv[1:]; "
        "interrupt = lambda line: line.startswith(server) and os.kill(os.getpid(), int(number)); "
        "stack.up(pathlib.Path(home), interrupt, only=['valkey', server])"
    )
    command_line = [sys.executable, "-c", code, str(tmp_path), server, str(int(number))]
    ended = subprocess.run(command_line, stderr=subprocess.PIPE, text=True, timeout=200)
    left = members(tmp_path)
    stack.down(tmp_path)  # also when the test fails
    assert "KeyboardInterrupt" in ended.stderr
    assert ended.returncode != 0
    assert left == []
