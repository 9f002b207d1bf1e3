"""What goes wrong with a real Valkey."""

import socket
import uuid
from datetime import UTC, datetime

import pytest
import servers
from pydantic import SecretStr

from synthoscope.api.jobs.v1.jobs_service_pb2 import ListJobsRequest
from synthoscope.jobs.connection import connect
from synthoscope.jobs.job import Job, JobKind, JobState
from synthoscope.jobs.redis import RedisJobStore, RedisSettings
from synthoscope.jobs.redis_queue import RedisWorkQueue
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import PermissionDenied, ResourceExhausted, Unavailable

NAME = "tenants/t/jobs/j"
JOB = Job(NAME, JobKind.STUDY, JobState.QUEUED, datetime(2026, 11, 21, tzinfo=UTC))
STORE_CALLS = {
    "create": lambda store: store.create(JOB),
    "get": lambda store: store.get(NAME),
    "list": lambda store: store.list("t"),
    "active": lambda store: store.active(set(JobKind)),
    "update": lambda store: store.update(NAME, lambda job: job),
    "events": lambda store: store.events(NAME),
    "beat": lambda store: store.beat(NAME, 1),
    "seconds_since_beat": lambda store: store.seconds_since_beat(NAME, 1),
}
QUEUE_CALLS = {
    "put": lambda queue: queue.put("x"),
    "claim": lambda queue: queue.claim("w"),
    "reclaim": lambda queue: queue.reclaim("w", 0),
    "depth": lambda queue: queue.depth(),
}
every_store_call = pytest.mark.parametrize("call", STORE_CALLS.values(), ids=STORE_CALLS)
every_queue_call = pytest.mark.parametrize("call", QUEUE_CALLS.values(), ids=QUEUE_CALLS)
AWAY = RedisSettings(port=1, retries=1)


@every_store_call
def test_a_store_that_is_away(call):
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 cannot be reached"):
        call(RedisJobStore(AWAY))


@every_queue_call
def test_a_queue_that_is_away(call):
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 cannot be reached"):
        call(RedisWorkQueue(AWAY, "q"))


def test_a_store_that_never_answers():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = RedisSettings(port=silent.getsockname()[1], timeout=0.1, retries=1)
        with pytest.raises(Unavailable):
            RedisJobStore(settings).get(NAME)


@pytest.mark.stack
@every_store_call
@pytest.mark.parametrize("password", [None, SecretStr("wrong")], ids=["none", "wrong"])
def test_a_wrong_password_is_refused(redis_settings, call, password):
    with pytest.raises(PermissionDenied, match="refuses the credentials"):
        call(RedisJobStore(redis_settings.model_copy(update={"password": password})))


@pytest.fixture
def own(tmp_path):
    """A Valkey that the test may break."""
    with servers.valkey(tmp_path) as (settings, server):
        yield settings, server


@pytest.mark.stack
def test_a_full_store_refuses_writes_and_still_reads(own):
    settings, _ = own
    store, queue = RedisJobStore(settings), RedisWorkQueue(settings, "q")
    store.create(JOB)
    queue.put("x")
    connect(settings).config_set("maxmemory", "1mb")
    writes = (
        lambda: store.create(Job("tenants/t/jobs/k", JobKind.STUDY, JobState.QUEUED, JOB.create_time)),
        lambda: store.update(NAME, lambda job: job),
        lambda: queue.put("y"),
    )
    for write in writes:
        with pytest.raises(ResourceExhausted):
            write()
    assert store.get(NAME) == JOB
    assert [job.name for job in store.list("t").jobs] == [NAME]
    assert queue.depth() == 1


@pytest.mark.stack
def test_what_was_stored_survives_a_killed_server(own):
    settings, server = own
    store, queue = RedisJobStore(settings), RedisWorkQueue(settings, "q")
    store.create(JOB)
    queue.put("x")
    item = queue.claim("w")
    server.kill()
    with pytest.raises(Unavailable):
        store.get(NAME)
    server.start()
    assert store.get(NAME) == JOB
    assert queue.reclaim("other", 0).id == item.id


@pytest.mark.stack
def test_a_store_that_lost_everything_is_rebuilt(own):
    settings, _ = own
    store = RedisJobStore(settings)
    jobs = Jobs(InMemoryObjectStore(), store)
    waiting = jobs.submit("t", JobKind.STUDY, ListJobsRequest(), "r")
    ended = jobs.cancel(jobs.submit("t", JobKind.STUDY, ListJobsRequest()).name)
    queue = RedisWorkQueue(settings, "q")
    assert queue.claim("w") is None
    connect(settings).flushall()
    assert jobs.rebuild() == 2
    assert store.get(waiting.name) == waiting
    assert store.get(ended.name) == ended
    assert [job.name for job in store.active({JobKind.STUDY})] == [waiting.name]
    queue.put("x")
    assert queue.claim("w").payload == "x"


@pytest.mark.stack
def test_a_store_keeps_a_bounded_number_of_events(redis_settings):
    store = RedisJobStore(redis_settings)
    name = f"tenants/{uuid.uuid4().hex}/jobs/j"
    store.create(Job(name, JobKind.STUDY, JobState.QUEUED, JOB.create_time))
    for _ in range(2500):
        store.update(name, lambda job: job)
    assert 2000 <= len(store.events(name)) < 2400
