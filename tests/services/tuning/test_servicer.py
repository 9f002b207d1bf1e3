import pytest

from services.tuning.servicer import TuningServicer
from synthoscope.api.datasets.v1.datasets_pb2 import ClassCount, DatasetVersion, Split
from synthoscope.api.jobs.v1.jobs_pb2 import JobKind, JobState
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanTrainingConfig
from synthoscope.api.tuning.v1.tuning_pb2 import DoubleRange, NumberChoice, Parameter, Study, StudySpecification
from synthoscope.api.tuning.v1.tuning_service_pb2 import GetStudyRequest, ListStudiesRequest, SubmitStudyRequest
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import InMemoryObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import AlreadyExists, FailedPrecondition, InvalidInput, NotFound
from tests.merged_sets import merge_into

DATASET = "tenants/default/datasets/brain/versions/0123456789abcdef"
RATE = Parameter(name="learning_rate", range=DoubleRange(minimum=1e-4, maximum=1e-2, log=True))


@pytest.fixture
def jobs():
    objects = InMemoryObjectStore()
    counts = [ClassCount(split=Split.SPLIT_TRAIN, label=label, count=20) for label in ("a", "b")]
    records = Records(objects, DatasetVersion)
    records.put(DATASET, DatasetVersion(name=DATASET, classes=["a", "b"], counts=counts))
    records.set_latest(DATASET)
    return Jobs(objects, InMemoryJobStore())


@pytest.fixture
def servicer(jobs):
    return TuningServicer(jobs.objects, jobs)


def classifier(**fields):
    base = ClassifierTrainingConfig(preset="cnn-64", epochs=2, batch_size=8)
    return StudySpecification(**{"classifier": base, "parameters": [RATE], "max_trials": 3} | fields)


def request(specification=None, dataset=DATASET, request_id=""):
    return SubmitStudyRequest(
        parent="tenants/default",
        request_id=request_id,
        dataset_version=dataset,
        specification=specification or classifier(),
    )


def test_a_study_becomes_a_job_with_a_record(servicer, jobs):
    job = servicer.SubmitStudy(request(), None)
    assert (job.kind, job.state) == (JobKind.JOB_KIND_STUDY, JobState.JOB_STATE_QUEUED)
    study = servicer.GetStudy(GetStudyRequest(name=job.name.replace("/jobs/", "/studies/")), None)
    assert (study.job, study.state) == (job.name, JobState.JOB_STATE_QUEUED)
    assert study.specification == classifier()
    assert jobs.specification(job.name, SubmitStudyRequest).specification == classifier()


@pytest.mark.parametrize(
    "base", [{}, {"classifier": None, "gan": GanTrainingConfig(preset="dcgan-64", epochs=1)}], ids=["classifier", "GAN"]
)
def test_nothing_is_tuned_on_a_merged_set_that_is_not_admitted(servicer, jobs, base):
    synthetic = "tenants/default/syntheticSets/s"
    merge_into(jobs.objects, DATASET, synthetic)
    with pytest.raises(FailedPrecondition, match=f"{synthetic} is refused: it was never measured"):
        servicer.SubmitStudy(request(classifier(**base)), None)


def test_latest_is_resolved_before_it_is_kept(servicer):
    job = servicer.SubmitStudy(request(dataset=DATASET.replace("0123456789abcdef", "latest")), None)
    study = servicer.GetStudy(GetStudyRequest(name=job.name.replace("/jobs/", "/studies/")), None)
    assert study.dataset_version == DATASET


def test_a_retry_is_the_same_study_though_latest_has_moved_on(servicer, jobs):
    asked = request(dataset=DATASET.replace("0123456789abcdef", "latest"), request_id="once")
    first = servicer.SubmitStudy(asked, None)
    records, newer = Records(jobs.objects, DatasetVersion), DATASET.replace("0123", "ffff")
    version = records.get(DATASET)
    version.name = newer
    records.put(newer, version)
    records.set_latest(newer)
    assert servicer.SubmitStudy(asked, None).name == first.name
    study = servicer.GetStudy(GetStudyRequest(name=first.name.replace("/jobs/", "/studies/")), None)
    assert study.dataset_version == DATASET


def test_the_state_is_that_of_the_job(servicer, jobs):
    job = servicer.SubmitStudy(request(), None)
    jobs.cancel(job.name)
    study = servicer.GetStudy(GetStudyRequest(name=job.name.replace("/jobs/", "/studies/")), None)
    assert study.state == JobState.JOB_STATE_CANCELLED


def test_submitting_twice_is_submitting_once(servicer):
    first, second = (servicer.SubmitStudy(request(request_id="once"), None) for _ in range(2))
    assert first.name == second.name
    with pytest.raises(AlreadyExists):
        servicer.SubmitStudy(request(classifier(max_trials=4), request_id="once"), None)


def test_submitting_twice_leaves_the_record_of_a_study_that_runs(servicer, jobs):
    job = servicer.SubmitStudy(request(request_id="once"), None)
    name = job.name.replace("/jobs/", "/studies/")
    records = Records(jobs.objects, Study)
    running = records.get(name)
    running.best_trial = "1"
    records.put(name, running)
    servicer.SubmitStudy(request(request_id="once"), None)
    assert servicer.GetStudy(GetStudyRequest(name=name), None).best_trial == "1"


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (request(StudySpecification(parameters=[RATE], max_trials=1)), InvalidInput),
        (request(classifier(parameters=[])), InvalidInput),
        (request(classifier(max_trials=0)), InvalidInput),
        (request(classifier(parameters=[Parameter(name="lr", choice=NumberChoice(values=[0.1]))])), InvalidInput),
        (request(dataset="brain"), InvalidInput),
        (request(dataset=DATASET.replace("brain", "lung")), NotFound),
        (request(classifier(max_images=8)), FailedPrecondition),
        (request(classifier(classifier=None, gan=GanTrainingConfig(preset="dcgan-64", epochs=-1))), InvalidInput),
        (
            request(classifier(classifier=None, gan=GanTrainingConfig(preset="dcgan-64", epochs=1, batch_size=64))),
            FailedPrecondition,
        ),
    ],
)
def test_what_cannot_run_is_refused_and_leaves_nothing(servicer, jobs, wrong, error):
    before = [info.key for info in jobs.objects.list("")]
    with pytest.raises(error):
        servicer.SubmitStudy(wrong, None)
    assert [info.key for info in jobs.objects.list("")] == before


def test_an_unknown_study(servicer):
    with pytest.raises(NotFound):
        servicer.GetStudy(GetStudyRequest(name="tenants/default/studies/none"), None)
    with pytest.raises(InvalidInput):
        servicer.GetStudy(GetStudyRequest(name="tenants/default/jobs/none"), None)


def test_listing_leaves_out_the_trials(servicer, jobs):
    names = sorted(servicer.SubmitStudy(request(), None).name.replace("/jobs/", "/studies/") for _ in range(3))
    records = Records(jobs.objects, Study)
    study = records.get(names[0])
    study.trials.add(id="1")
    records.put(names[0], study)
    page = servicer.ListStudies(ListStudiesRequest(parent="tenants/default", page_size=2), None)
    assert [study.name for study in page.studies] == names[:2]
    assert not page.studies[0].trials
    rest = ListStudiesRequest(parent="tenants/default", page_token=page.next_page_token)
    assert [study.name for study in servicer.ListStudies(rest, None).studies] == names[2:]
