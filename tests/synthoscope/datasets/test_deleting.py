from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from synthoscope.api.classification.v1.classification_pb2 import Diagnosis
from synthoscope.api.datasets.v1.audits_pb2 import DatasetAudit
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, DatasetVersion, Derivation, Split
from synthoscope.api.models.v1.models_pb2 import ModelVersion
from synthoscope.api.training.v1.training_service_pb2 import SubmitGanTrainingRequest
from synthoscope.api.tuning.v1.tuning_pb2 import Study
from synthoscope.datasets import manifest
from synthoscope.datasets.audit import storage
from synthoscope.datasets.deleting import delete_version
from synthoscope.datasets.deriving import derive
from synthoscope.datasets.importing import import_version
from synthoscope.images.storage import store_pixels
from synthoscope.jobs.job import JobKind
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import InMemoryObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, NotFound

TENANT = "tenants/default"
DATASET = f"{TENANT}/datasets/d"
TOMORROW = datetime.now(UTC) + timedelta(days=2)


@pytest.fixture
def jobs() -> Jobs:
    return Jobs(InMemoryObjectStore(), InMemoryJobStore())


def picture(jobs: Jobs, grey: int):
    return store_pixels(jobs.objects, "default", np.full((4, 4), grey, np.uint8))


def imported(jobs: Jobs, greys: Iterable[int], dataset: str = DATASET) -> str:
    images = [
        DatasetImage(path=f"{grey}.png", split=Split.SPLIT_TRAIN, label="a", image=picture(jobs, grey))
        for grey in greys
    ]
    return import_version(jobs.objects, dataset, images).name


def stored(jobs: Jobs) -> set[str]:
    return {info.key for info in jobs.objects.list(f"{TENANT}/images/")}


def below(jobs: Jobs, name: str) -> list[str]:
    return [info.key for info in jobs.objects.list(f"{name}/")]


def test_a_version_goes_with_all_that_lies_below_it_and_the_images_that_only_it_had(jobs) -> None:
    kept, gone = imported(jobs, [1, 2]), imported(jobs, [2, 3])
    storage.put(jobs.objects, gone, DatasetAudit())
    jobs.objects.put(f"{gone}/shards/0.tar", b"tar")
    delete_version(jobs.objects, jobs, gone, TOMORROW)
    assert not below(jobs, gone)
    assert stored(jobs) == {picture(jobs, grey).name for grey in (1, 2)}
    assert (
        len(manifest.read(jobs.objects, Records(jobs.objects, DatasetVersion).get(f"{DATASET}/versions/latest"))) == 2
    )
    assert Records(jobs.objects, DatasetVersion).resolve(f"{DATASET}/versions/latest") == kept
    delete_version(jobs.objects, jobs, kept, TOMORROW)
    assert [info.key for info in jobs.objects.list(TENANT)] == []
    with pytest.raises(NotFound):
        delete_version(jobs.objects, jobs, kept)


def test_images_that_anything_else_of_the_tenant_mentions_stay(jobs) -> None:
    version = imported(jobs, [1, 2, 3, 4])
    diagnosis = Diagnosis(name=f"{TENANT}/diagnoses/d1", image=picture(jobs, 1))
    Records(jobs.objects, Diagnosis).put(diagnosis.name, diagnosis)
    unfinished = manifest.encode([DatasetImage(path="x", split=1, label="a", image=picture(jobs, 2))])
    jobs.objects.put(f"{TENANT}/datasets/e/versions/0123456789abcdef/images.json", unfinished)
    delete_version(jobs.objects, jobs, version, TOMORROW)
    assert stored(jobs) == {picture(jobs, grey).name for grey in (1, 2)}


def test_young_images_stay_until_the_next_deletion(jobs) -> None:
    young = imported(jobs, [1, 2])
    delete_version(jobs.objects, jobs, young)
    assert stored(jobs) == {picture(jobs, grey).name for grey in (1, 2)}
    other = imported(jobs, [3, 1], f"{TENANT}/datasets/e")
    delete_version(jobs.objects, jobs, imported(jobs, [4]), TOMORROW)
    assert stored(jobs) == {picture(jobs, grey).name for grey in (1, 3)}
    delete_version(jobs.objects, jobs, other, TOMORROW)
    assert stored(jobs) == set()


def test_another_tenants_images_are_left_alone(jobs) -> None:
    other = store_pixels(jobs.objects, "other", np.full((4, 4), 1, np.uint8))
    delete_version(jobs.objects, jobs, imported(jobs, [1]), TOMORROW)
    assert not stored(jobs)
    assert jobs.objects.head(other.name)


def test_what_refers_to_a_version_is_named_and_the_version_stays(jobs) -> None:
    version = imported(jobs, [1, 2])
    models, studies = Records(jobs.objects, ModelVersion), Records(jobs.objects, Study)
    before = [info.key for info in jobs.objects.list(TENANT)]

    def refused(by: str) -> None:
        with pytest.raises(FailedPrecondition, match=by):
            delete_version(jobs.objects, jobs, version, TOMORROW)
        assert set(before) <= {info.key for info in jobs.objects.list(TENANT)}

    model = ModelVersion(name=f"{TENANT}/models/m/versions/1", lineage={"dataset_version": version})
    models.put(model.name, model)
    refused(model.name)
    models.delete(model.name)
    study = Study(name=f"{TENANT}/studies/s", dataset_version=version)
    studies.put(study.name, study)
    refused(study.name)
    studies.delete(study.name)
    request = SubmitGanTrainingRequest(parent=TENANT, dataset_version=f"{DATASET}/versions/latest")
    job = jobs.submit("default", JobKind.GAN_TRAINING, request, resolved={"dataset_version": version})
    refused(job.name)
    jobs.cancel(job.name)
    derived = derive(jobs.objects, f"{TENANT}/datasets/e", version, Derivation(subset={"most_per_class": 1})).name
    refused(derived)
    delete_version(jobs.objects, jobs, derived, TOMORROW)
    delete_version(jobs.objects, jobs, version, TOMORROW)
    assert not below(jobs, version)


def test_many_references_are_not_all_named(jobs) -> None:
    version = imported(jobs, [1])
    for number in range(7):
        name = f"{TENANT}/models/m/versions/{number}"
        Records(jobs.objects, ModelVersion).put(name, ModelVersion(name=name, lineage={"dataset_version": version}))
    with pytest.raises(FailedPrecondition, match=r"versions/4 and others$"):
        delete_version(jobs.objects, jobs, version)


def test_an_interrupted_removal_is_finished_by_the_next(jobs) -> None:
    version = imported(jobs, [1, 2])
    Records(jobs.objects, DatasetVersion).delete(version)
    delete_version(jobs.objects, jobs, version, TOMORROW)
    assert not below(jobs, version)
    assert not stored(jobs)


def test_latest_and_other_names_are_refused(jobs) -> None:
    imported(jobs, [1])
    for name in (f"{DATASET}/versions/latest", DATASET):
        with pytest.raises(InvalidInput):
            delete_version(jobs.objects, jobs, name)
