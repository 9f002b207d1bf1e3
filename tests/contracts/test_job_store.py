"""What every job store keeps to: the same tests on the fake and on a real Valkey."""

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from synthoscope.jobs.job import Job, JobError, JobKind, JobState, Progress
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.redis import RedisJobStore
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, NotFound, Unavailable

NOW = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture(params=["memory", pytest.param("valkey", marks=pytest.mark.stack)])
def store(request):
    if request.param == "memory":
        return InMemoryJobStore()
    return RedisJobStore(request.getfixturevalue("redis_settings"))


@pytest.fixture
def tenant():
    return f"t{uuid.uuid4().hex}"


def a_job(tenant, name="a", kind=JobKind.STUDY, seconds=0.0, **values):
    created = NOW + timedelta(seconds=seconds)
    return Job(f"tenants/{tenant}/jobs/{name}", kind, JobState.QUEUED, created, **values)


def test_a_job_comes_back_as_it_was_created(store, tenant):
    job = a_job(
        tenant,
        state_reason="waits",
        progress=Progress("training", 3, 10, 12.5, 0.75, {"loss": 0.1}),
        error=JobError("INTERNAL", "what"),
        result="tenants/x/models/y",
        request_id="r",
        attempt=2,
        start_time=NOW,
        end_time=NOW,
    )
    assert store.create(job)
    assert store.get(job.name) == job
    assert [event.job for event in store.events(job.name)] == [job]


def test_a_second_create_changes_nothing(store, tenant):
    job = a_job(tenant)
    assert store.create(job)
    assert not store.create(replace(job, state_reason="other"))
    assert store.get(job.name) == job
    assert len(store.events(job.name)) == 1


def test_what_is_not_there(store, tenant):
    name = f"tenants/{tenant}/jobs/none"
    with pytest.raises(NotFound):
        store.get(name)
    with pytest.raises(NotFound):
        store.update(name, lambda job: job)
    with pytest.raises(NotFound):
        store.events(name)
    assert store.list(tenant).jobs == []


def test_of_racing_creates_one_is_new(store, tenant):
    with ThreadPoolExecutor(8) as threads:
        new = list(threads.map(lambda i: store.create(a_job(tenant, state_reason=str(i))), range(8)))
    assert sum(new) == 1
    assert store.get(a_job(tenant).name).state_reason == str(new.index(True))


def test_racing_updates_are_all_kept(store, tenant):
    store.create(a_job(tenant))
    name = a_job(tenant).name

    def count(_):
        store.update(name, lambda job: replace(job, progress=replace(job.progress, step=job.progress.step + 1)))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(count, range(40)))
    assert store.get(name).progress.step == 40
    assert [event.job.progress.step for event in store.events(name)] == list(range(41))


def test_a_change_that_raises_changes_nothing(store, tenant):
    job = a_job(tenant)
    store.create(job)
    with pytest.raises(FailedPrecondition):
        store.update(job.name, lambda job: job.to(JobState.SUCCEEDED, now=NOW))
    assert store.get(job.name) == job
    assert len(store.events(job.name)) == 1


def test_an_earlier_attempt_cannot_write(store, tenant):
    job = a_job(tenant, attempt=2)
    store.create(job)
    with pytest.raises(FailedPrecondition, match="attempt 1"):
        store.update(job.name, lambda job: replace(job, state_reason="late"), attempt=1)
    assert store.get(job.name) == job
    assert store.update(job.name, lambda job: replace(job, state_reason="mine"), attempt=2).state_reason == "mine"


def test_a_later_attempt_waits_for_a_store_that_was_rebuilt(store, tenant):
    store.create(a_job(tenant))
    with pytest.raises(Unavailable):
        store.update(a_job(tenant).name, lambda job: job, attempt=1)


def test_listing_is_newest_first_in_pages(store, tenant):
    for number in range(7):
        store.create(a_job(tenant, f"j{number}", seconds=number % 5))
    first = store.list(tenant, page_size=3)
    second = store.list(tenant, page_size=3, page_token=first.next_page_token)
    third = store.list(tenant, page_size=3, page_token=second.next_page_token)
    ids = [job.name.split("/")[-1] for page in (first, second, third) for job in page.jobs]
    assert ids == ["j4", "j3", "j2", "j6", "j1", "j5", "j0"]
    assert third.next_page_token == ""
    assert store.list(tenant, page_size=7).next_page_token == ""


def test_a_new_job_does_not_shift_the_next_page(store, tenant):
    for number in range(4):
        store.create(a_job(tenant, f"j{number}", seconds=number))
    first = store.list(tenant, page_size=2)
    store.create(a_job(tenant, "new", seconds=9))
    second = store.list(tenant, page_size=2, page_token=first.next_page_token)
    assert [job.name.split("/")[-1] for job in second.jobs] == ["j1", "j0"]


def test_listing_filters(store, tenant):
    store.create(a_job(tenant, "study", JobKind.STUDY))
    store.create(a_job(tenant, "gan", JobKind.GAN_TRAINING))
    store.update(f"tenants/{tenant}/jobs/gan", lambda job: job.to(JobState.RUNNING, now=NOW))

    def ids(**filters):
        return sorted(job.name.split("/")[-1] for job in store.list(tenant, **filters).jobs)

    assert ids(kinds=[JobKind.STUDY]) == ["study"]
    assert ids(states=[JobState.RUNNING]) == ["gan"]
    assert ids(states=[JobState.RUNNING], kinds=[JobKind.STUDY]) == []
    assert ids() == ["gan", "study"]


def test_tenants_do_not_see_each_other(store, tenant):
    store.create(a_job(tenant))
    assert store.list(f"{tenant}x").jobs == []


def test_a_token_that_was_never_given(store, tenant):
    with pytest.raises(InvalidInput, match="page_token"):
        store.list(tenant, page_token="nonsense")


def test_active_jobs_are_those_that_have_not_ended_oldest_first(store, tenant):
    for name, kind, seconds in (("b", JobKind.STUDY, 1), ("a", JobKind.STUDY, 2), ("c", JobKind.SYNTHESIS, 0)):
        store.create(a_job(tenant, name, kind, seconds))
    store.create(a_job(tenant, "d", JobKind.STUDY, 0))
    store.update(f"tenants/{tenant}/jobs/d", lambda job: job.to(JobState.CANCELLED, now=NOW))

    def mine(kinds):
        return [job.name.split("/")[-1] for job in store.active(kinds) if tenant in job.name]

    assert mine({JobKind.STUDY}) == ["b", "a"]
    assert mine({JobKind.STUDY, JobKind.SYNTHESIS}) == ["c", "b", "a"]
    assert mine(set()) == []


def test_events_go_on_where_one_stopped(store, tenant):
    name = a_job(tenant).name
    store.create(a_job(tenant))
    for step in range(1, 4):
        store.update(
            name, lambda job, step=step: replace(job, progress=Progress(step=step)), previews=[f"p{step}", "q"]
        )
    events = store.events(name)
    assert [event.job.progress.step for event in events] == [0, 1, 2, 3]
    assert [event.previews for event in events] == [(), ("p1", "q"), ("p2", "q"), ("p3", "q")]
    assert store.events(name, events[1].id) == events[2:]
    assert store.events(name, events[-1].id) == []


def test_waiting_for_an_event(store, tenant):
    job = a_job(tenant)
    store.create(job)
    last = store.events(job.name)[-1].id
    begun = time.monotonic()
    assert store.events(job.name, last, wait_seconds=0.2) == []
    assert 0.15 < time.monotonic() - begun < 10
    timer = threading.Timer(0.2, store.update, [job.name, lambda job: replace(job, state_reason="new")])
    timer.start()
    assert [event.job.state_reason for event in store.events(job.name, last, wait_seconds=10)] == ["new"]
    timer.join()


@pytest.mark.parametrize("after", ["x", "1", "-", "1-2-3", "1-", "9" * 30 + "-1"])
def test_a_position_that_is_none(store, tenant, after):
    store.create(a_job(tenant))
    with pytest.raises(InvalidInput, match="after"):
        store.events(a_job(tenant).name, after)


def test_beats_belong_to_an_attempt(store, tenant):
    job = a_job(tenant)
    store.create(job)
    assert store.seconds_since_beat(job.name, 1) is None
    store.beat(job.name, 1)
    assert 0 <= store.seconds_since_beat(job.name, 1) < 10
    assert store.seconds_since_beat(job.name, 2) is None
    time.sleep(0.1)
    assert store.seconds_since_beat(job.name, 1) >= 0.1
