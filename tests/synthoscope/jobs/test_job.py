from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthoscope.jobs.job import TRANSITIONS, Job, JobKind, JobState
from synthoscope.rpc.errors import FailedPrecondition

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def a_job(state=JobState.QUEUED):
    return Job("tenants/t/jobs/j", JobKind.STUDY, state, NOW)


@given(st.lists(st.sampled_from(JobState), max_size=12))
def test_any_walk_keeps_the_times_true(states):
    job, seconds = a_job(), 0
    for state in states:
        seconds += 1
        now = NOW + timedelta(seconds=seconds)
        if state not in TRANSITIONS[job.state]:
            with pytest.raises(FailedPrecondition, match=f"cannot become {state}"):
                job.to(state, now=now)
            continue
        before, job = job, job.to(state, reason="r", now=now)
        assert job.state is state
        assert job.state_reason == "r"
        assert (job.end_time == now) if state.ended else (job.end_time is None)
        assert job.start_time == (before.start_time or (now if state is JobState.RUNNING else None))
        assert (job.name, job.kind, job.create_time) == (before.name, before.kind, before.create_time)
    assert not (job.state is JobState.SUCCEEDED and job.start_time is None and JobState.CANCELLING not in states)


@pytest.mark.parametrize("state", JobState)
def test_nothing_follows_an_end(state):
    assert bool(TRANSITIONS[state]) != state.ended


def test_every_state_can_end():
    ended = {state for state in JobState if state.ended}
    reachable = {state: set(following) for state, following in TRANSITIONS.items()}
    for _ in JobState:
        for state, following in reachable.items():
            reachable[state] = following.union(*(TRANSITIONS[next_] for next_ in following)) if following else following
    assert all(following & ended for state, following in reachable.items() if not state.ended)
