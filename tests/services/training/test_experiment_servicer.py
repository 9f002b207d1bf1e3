from datetime import UTC, datetime
from unittest.mock import sentinel

import grpc
import pytest
from merged_sets import merge_into

from services.training.experiment_servicer import ExperimentServicer
from services.training.experiments import experiment_name, new_experiment
from synthoscope.api.datasets.v1.datasets_pb2 import ClassCount, DatasetVersion, Split
from synthoscope.api.experiments.v1.experiments_pb2 import Arm, Experiment, ExperimentSpecification, Fraction
from synthoscope.api.experiments.v1.experiments_service_pb2 import (
    GetExperimentRequest,
    ListExperimentsRequest,
    SubmitExperimentRequest,
)
from synthoscope.api.experiments.v1.experiments_service_pb2_grpc import (
    ExperimentServiceStub,
    add_ExperimentServiceServicer_to_server,
)
from synthoscope.api.jobs.v1 import jobs_pb2
from synthoscope.api.jobs.v1.jobs_pb2 import JobState as State
from synthoscope.api.synthesis.v1.synthesis_pb2 import Admission, SyntheticSet, Verdict
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig
from synthoscope.jobs.job import Job, JobKind, JobState
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import InMemoryObjectStore
from synthoscope.records import Records
from synthoscope.rpc.channel import open_channel
from synthoscope.rpc.errors import AlreadyExists, FailedPrecondition, InvalidInput, NotFound
from synthoscope.rpc.server import Registration
from synthoscope.rpc.testing import running_server
from synthoscope.synthetic.criteria import criterion

CONTEXT = sentinel.context
PARENT = "tenants/t"
WHOLE, PART, FURTHER = (f"{PARENT}/datasets/{name}/versions/0123456789abcdef" for name in ("whole", "part", "further"))
ADMITTED, REFUSED, FOR_STUDY, UNMEASURED = (f"{PARENT}/syntheticSets/{name}" for name in "arsu")
VERDICTS = {
    ADMITTED: Verdict(admission=Admission.ADMISSION_ADMITTED),
    REFUSED: Verdict(admission=Admission.ADMISSION_REFUSED, criteria=[criterion("coverage", 0.1)]),
    FOR_STUDY: Verdict(admission=Admission.ADMISSION_FOR_STUDY, criteria=[criterion("coverage", 0.7)]),
    UNMEASURED: None,
}


@pytest.fixture
def objects():
    objects = InMemoryObjectStore()
    counts = [
        ClassCount(split=split, label=label, count=10)
        for split in (Split.SPLIT_TRAIN, Split.SPLIT_TEST)
        for label in "ab"
    ]
    for name in (WHOLE, PART, FURTHER):
        Records(objects, DatasetVersion).put(name, DatasetVersion(name=name, classes=["a", "b"], counts=counts))
    for name, verdict in VERDICTS.items():
        Records(objects, SyntheticSet).put(name, SyntheticSet(name=name, counts={"a": 30}, verdict=verdict))
    return objects


@pytest.fixture
def jobs(objects):
    return Jobs(objects, InMemoryJobStore())


@pytest.fixture
def servicer(objects, jobs):
    return ExperimentServicer(objects, jobs)


def request(request_id="", accept_unadmitted=False, parent=PARENT, of=(), **fields):
    """Asks for an experiment; `of` are fields of its only fraction."""
    fraction = Fraction(**{"share": 0.5, "dataset_version": PART, "further_version": FURTHER, **dict(of)})
    given = {"dataset_version": WHOLE, "fractions": [fraction], "presets": ["cnn-64"], "seeds": 3}
    specification = ExperimentSpecification(**given | {"training": ClassifierTrainingConfig(epochs=2)} | fields)
    return SubmitExperimentRequest(
        parent=parent, request_id=request_id, specification=specification, accept_unadmitted=accept_unadmitted
    )


def submit(servicer, **fields):
    return servicer.SubmitExperiment(request(**fields), CONTEXT)


def get(servicer, name):
    return servicer.GetExperiment(GetExperimentRequest(name=name), CONTEXT)


def listed(servicer, **fields):
    return servicer.ListExperiments(ListExperimentsRequest(parent=PARENT, **fields), CONTEXT)


def put_forward(jobs, name, state):
    """The job in another state."""
    jobs.store.update(name, lambda job: job.to(state, reason="", now=datetime.now(UTC)))


def test_an_experiment_is_a_job_and_a_record(servicer, jobs):
    job = submit(servicer)
    assert (job.kind, job.state) == (jobs_pb2.JobKind.JOB_KIND_EXPERIMENT, State.JOB_STATE_QUEUED)
    assert jobs.specification(job.name, SubmitExperimentRequest) == request()
    name = job.name.replace("/jobs/", "/experiments/")
    assert get(servicer, name) == Experiment(
        name=name,
        job=job.name,
        state=State.JOB_STATE_QUEUED,
        specification=request().specification,
        create_time=job.create_time,
    )


def test_the_same_request_is_the_same_experiment(servicer):
    jobs = [submit(servicer, request_id="r") for _ in range(2)]
    assert jobs[0] == jobs[1]
    assert len(listed(servicer).experiments) == 1
    assert submit(servicer).name != submit(servicer).name


def test_asking_again_leaves_what_an_experiment_has_come_to(servicer, objects):
    name = experiment_name(submit(servicer, request_id="r").name)
    record = Records(objects, Experiment).get(name)
    record.chosen_preset = "cnn-64"
    Records(objects, Experiment).put(name, record)
    submit(servicer, request_id="r")
    assert get(servicer, name).chosen_preset == "cnn-64"


def test_asking_again_writes_the_record_that_a_stopped_service_did_not(servicer, objects):
    name = experiment_name(submit(servicer, request_id="r").name)
    Records(objects, Experiment).delete(name)
    submit(servicer, request_id="r")
    assert get(servicer, name).specification == request().specification


@pytest.mark.parametrize("other", [{"seeds": 4}, {"arms": [Arm.ARM_ORACLE]}, {"accept_unadmitted": True}])
def test_a_request_id_stands_for_one_request(servicer, other):
    submit(servicer, request_id="r")
    with pytest.raises(AlreadyExists, match="request_id"):
        submit(servicer, request_id="r", **other)


def test_an_experiment_is_in_the_state_of_its_job(servicer, jobs):
    job = submit(servicer)
    name = experiment_name(job.name)
    for state, shown in (
        (JobState.RUNNING, State.JOB_STATE_RUNNING),
        (JobState.CANCELLING, State.JOB_STATE_CANCELLING),
        (JobState.CANCELLED, State.JOB_STATE_CANCELLED),
    ):
        put_forward(jobs, job.name, state)
        assert get(servicer, name).state == shown
        assert [item.state for item in listed(servicer).experiments] == [shown]


def test_an_experiment_whose_job_is_lost_is_in_the_recorded_state(servicer, objects):
    name = experiment_name(submit(servicer).name)
    record = Records(objects, Experiment).get(name)
    record.state = State.JOB_STATE_SUCCEEDED
    Records(objects, Experiment).put(name, record)
    without = ExperimentServicer(objects, Jobs(objects, InMemoryJobStore()))
    assert get(without, name).state == State.JOB_STATE_SUCCEEDED
    assert [item.state for item in listed(without).experiments] == [State.JOB_STATE_SUCCEEDED]


def test_experiments_are_listed_by_page_without_their_trials(servicer, objects):
    names = sorted(experiment_name(submit(servicer).name) for _ in range(5))
    record = Records(objects, Experiment).get(names[0])
    record.trials.add(id="one")
    record.verdict.append("yes")
    Records(objects, Experiment).put(names[0], record)
    assert len(get(servicer, names[0]).trials) == 1
    found, token = [], ""
    for expected in (2, 2, 1):
        page = listed(servicer, page_size=2, page_token=token)
        assert len(page.experiments) == expected
        found += page.experiments
        token = page.next_page_token
    assert not token
    assert [item.name for item in found] == names
    assert (list(found[0].verdict), len(found[0].trials)) == (["yes"], 0)


@pytest.mark.parametrize(("name", "says"), [
    (REFUSED, "is refused: coverage"),
    (FOR_STUDY, "is admitted for study only: coverage"),
    (UNMEASURED, "is refused: it was never measured"),
])  # fmt: skip
@pytest.mark.parametrize("field", ["synthetic_sets", "filtered_sets"])
def test_sets_that_are_not_admitted_are_refused_unless_accepted(servicer, name, says, field):
    of = {field: [ADMITTED, name]}
    with pytest.raises(FailedPrecondition, match=rf"{name} {says}.*accept_unadmitted \(--accept-unadmitted\)$"):
        submit(servicer, of=of)
    assert not listed(servicer).experiments
    assert submit(servicer, of=of, accept_unadmitted=True).state == State.JOB_STATE_QUEUED


@pytest.mark.parametrize("version", [PART, FURTHER])
def test_sets_that_were_merged_into_real_images_count_too(servicer, objects, version):
    merge_into(objects, version, REFUSED)
    with pytest.raises(FailedPrecondition, match=f"{REFUSED} is refused"):
        submit(servicer)
    submit(servicer, accept_unadmitted=True)


def test_admitted_sets_are_taken(servicer):
    fields = {"synthetic_sets": [ADMITTED], "filtered_sets": [ADMITTED]}
    assert submit(servicer, of=fields).state == State.JOB_STATE_QUEUED


@pytest.mark.parametrize(("fields", "error", "says"), [
    ({"parent": "t"}, InvalidInput, "parent: must have the form"),
    ({"parent": f"{PARENT}/experiments"}, InvalidInput, "parent: must have the form"),
    ({"request_id": "r" * 129}, InvalidInput, "request_id: must have at most 128"),
    ({"seeds": 1}, InvalidInput, r"specification\.seeds"),
    ({"dataset_version": WHOLE.replace("whole", "none")}, NotFound, "does not exist"),
    ({"of": {"synthetic_sets": [f"{PARENT}/syntheticSets/none"]}}, NotFound, "does not exist"),
])  # fmt: skip
def test_what_cannot_be_run_is_refused_and_leaves_nothing(servicer, objects, fields, error, says):
    before = [info.key for info in objects.list("")]
    with pytest.raises(error, match=says):
        submit(servicer, accept_unadmitted=True, **fields)
    assert [info.key for info in objects.list("")] == before


def test_names_and_pages_are_checked(servicer):
    for name in ("", "x", f"{PARENT}/jobs/j"):
        with pytest.raises(InvalidInput, match="name: must have the form"):
            get(servicer, name)
    with pytest.raises(NotFound, match="does not exist"):
        get(servicer, f"{PARENT}/experiments/none")
    with pytest.raises(InvalidInput, match="page_size"):
        listed(servicer, page_size=1001)
    with pytest.raises(InvalidInput, match="page_token"):
        listed(servicer, page_token="x")
    with pytest.raises(InvalidInput, match="parent"):
        servicer.ListExperiments(ListExperimentsRequest(parent=f"{PARENT}/jobs"), CONTEXT)


def test_another_tenant_s_experiments_and_images_are_not_found(servicer):
    name = experiment_name(submit(servicer).name)
    registration = Registration(
        "synthoscope.api.experiments.v1.ExperimentService", add_ExperimentServiceServicer_to_server, servicer
    )
    with (
        running_server([registration], tenant="other") as server,
        open_channel(server.address, server.token) as channel,
    ):
        experiments = ExperimentServiceStub(channel)
        calls = [
            lambda: experiments.GetExperiment(GetExperimentRequest(name=name)),
            lambda: experiments.ListExperiments(ListExperimentsRequest(parent=PARENT)),
            lambda: experiments.SubmitExperiment(request(parent="tenants/other")),
        ]
        for call in calls:
            with pytest.raises(grpc.RpcError) as refused:
                call()
            assert refused.value.code() is grpc.StatusCode.NOT_FOUND
        mine = ListExperimentsRequest(parent="tenants/other")
        assert not experiments.ListExperiments(mine).experiments


def test_a_job_s_experiment_before_it_has_begun():
    created = datetime(2026, 11, 1, 12, 30, tzinfo=UTC)
    job = Job(f"{PARENT}/jobs/j1", JobKind.EXPERIMENT, JobState.QUEUED, created)
    found = new_experiment(job, request().specification)
    assert experiment_name(job.name) == found.name == f"{PARENT}/experiments/j1"
    assert (found.job, found.state) == (job.name, State.JOB_STATE_QUEUED)
    assert found.create_time.ToDatetime(UTC) == created
    with pytest.raises(InvalidInput):
        experiment_name("tenants/t/experiments/j1")
