from synthoscope.api.jobs.v1.jobs_pb2 import Job, JobState
from synthoscope.api.training.v1.training_pb2 import GanTrainingConfig
from synthoscope.client.repeating import digest_of, ensure
from synthoscope.jobs.submission import LONGEST_REQUEST_ID


class Jobs:
    """A job by its request id; those of some numbers have ended badly."""

    def __init__(self, *states):
        self.states, self.ids = states, []

    def start(self, request_id):
        state = dict(enumerate(self.states)).get(len(self.ids), JobState.JOB_STATE_QUEUED)
        self.ids.append(request_id)
        return Job(name=request_id, state=state)


def test_the_same_inputs_ask_for_the_same_job():
    jobs = Jobs()
    first = ensure(jobs.start, "gan", "brain", GanTrainingConfig(preset="r3", epochs=2))
    assert ensure(jobs.start, "gan", "brain", GanTrainingConfig(epochs=2, preset="r3")) == first
    assert ensure(jobs.start, "gan", "brain", GanTrainingConfig(preset="r3", epochs=3)) != first
    assert all(len(request_id) <= LONGEST_REQUEST_ID for request_id in jobs.ids)


def test_a_job_that_failed_or_was_cancelled_is_begun_anew():
    jobs = Jobs(JobState.JOB_STATE_FAILED, JobState.JOB_STATE_CANCELLED, JobState.JOB_STATE_RUNNING)
    assert ensure(jobs.start, "audit", "brain").state == JobState.JOB_STATE_RUNNING
    assert len(set(jobs.ids)) == 3
    again = Jobs(JobState.JOB_STATE_SUCCEEDED)
    ensure(again.start, "audit", "brain")
    assert again.ids == jobs.ids[:1]


def test_a_job_that_left_something_undone_is_begun_anew():
    jobs = Jobs(JobState.JOB_STATE_SUCCEEDED, JobState.JOB_STATE_SUCCEEDED)
    found = ensure(jobs.start, "run", "brain", is_whole=lambda job: job.name.endswith("-1"))
    assert found.name == jobs.ids[-1]
    assert len(jobs.ids) == 2


def test_what_a_job_leaves_undone_is_not_asked_before_it_has_succeeded():
    jobs = Jobs(JobState.JOB_STATE_FAILED, JobState.JOB_STATE_RUNNING)
    assert ensure(jobs.start, "run", "brain", is_whole=lambda job: False).state == JobState.JOB_STATE_RUNNING


def test_a_digest_is_the_same_on_every_machine():
    assert digest_of("a", 1, GanTrainingConfig(preset="r3")) == "a5aa87240333940a0e2c427b1c4d7b1d"
    assert digest_of("a", "b") != digest_of("ab")
