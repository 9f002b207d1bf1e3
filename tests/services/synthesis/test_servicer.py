import pytest

from services.synthesis.servicer import SynthesisServicer
from synthoscope import models
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion
from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.api.jobs.v1 import jobs_pb2
from synthoscope.api.models.v1.models_pb2 import Lineage, ModelKind, ModelVersion
from synthoscope.api.synthesis.v1 import synthesis_service_pb2 as messages
from synthoscope.api.synthesis.v1.synthesis_pb2 import (
    GenerationFilters,
    GenerationOptions,
    SyntheticImage,
    SyntheticSet,
)
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import InMemoryObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, NotFound
from synthoscope.synthetic import sets


@pytest.fixture
def objects():
    return InMemoryObjectStore()


@pytest.fixture
def jobs(objects):
    return Jobs(objects, InMemoryJobStore())


@pytest.fixture
def servicer(objects, jobs):
    return SynthesisServicer(objects, jobs)


def publish(objects, kind=ModelKind.MODEL_KIND_GAN, classes=("a", "b")):
    dataset = "tenants/t/datasets/d/versions/1"
    Records(objects, DatasetVersion).put(dataset, DatasetVersion(name=dataset))
    lineage = Lineage(dataset_version=dataset)
    record = ModelVersion(kind=kind, classes=classes, preset="dcgan-64", image_size=64, lineage=lineage)
    return models.publish(objects, "tenants/t/models/m", record, {}).name


def generation(model_version, counts=None, seed=0):
    return messages.SubmitGenerationRequest(
        parent="tenants/t", model_version=model_version, counts={"a": 2} if counts is None else counts, seed=seed
    )


def test_a_generation_becomes_a_job_that_names_the_very_version(servicer, objects, jobs):
    name = publish(objects)
    job = servicer.SubmitGeneration(generation("tenants/t/models/m/versions/latest", seed=7), None)
    assert job.kind == jobs_pb2.JOB_KIND_SYNTHESIS
    assert jobs.specification(job.name, messages.SubmitGenerationRequest) == generation(name, seed=7)


@pytest.mark.parametrize(
    ("counts", "seed", "text"),
    [
        ({}, 0, "counts"),
        ({"a": 0}, 0, r"counts\['a'\]"),
        ({"a": -5}, 0, r"counts\['a'\]"),
        ({"a": 100_001}, 0, r"counts\['a'\]"),
        ({"a": 60_000, "b": 60_000}, 0, "add up"),
        ({"c": 1}, 0, r"counts\['c'\]: the label must be one of: a, b"),
        ({"": 1}, 0, r"counts\[''\]"),
        ({"a": 1}, -1, "seed"),
    ],
)
def test_counts_and_seed_are_checked(servicer, objects, counts, seed, text):
    with pytest.raises(InvalidInput, match=text):
        servicer.SubmitGeneration(generation(publish(objects), counts, seed), None)


def test_the_latest_classifier_is_resolved_when_the_job_is_accepted(servicer, objects, jobs):
    gan = publish(objects)
    record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=["a", "b"], image_size=64)
    name = models.publish(objects, "tenants/t/models/cnn", record, {}).name
    request = generation(gan)
    request.options.filters.classifier = "tenants/t/models/cnn/versions/latest"
    job = servicer.SubmitGeneration(request, None)
    options = jobs.specification(job.name, messages.SubmitGenerationRequest).options
    assert options == GenerationOptions(filters=GenerationFilters(classifier=name))


def test_options_are_checked(servicer, objects):
    request = generation(publish(objects))
    request.options.output_size = 7
    with pytest.raises(InvalidInput, match=r"options\.output_size"):
        servicer.SubmitGeneration(request, None)


def test_a_generator_without_classes_knows_the_empty_label_only(servicer, objects):
    name = publish(objects, classes=())
    servicer.SubmitGeneration(generation(name, {"": 3}), None)
    with pytest.raises(InvalidInput, match="the empty string"):
        servicer.SubmitGeneration(generation(name, {"a": 3}), None)


def test_only_a_gan_generates(servicer, objects):
    with pytest.raises(FailedPrecondition, match="not a GAN"):
        servicer.SubmitGeneration(generation(publish(objects, ModelKind.MODEL_KIND_CLASSIFIER)), None)


def test_unknown_names(servicer):
    with pytest.raises(NotFound):
        servicer.SubmitGeneration(generation("tenants/t/models/m/versions/1"), None)
    with pytest.raises(InvalidInput, match="model_version"):
        servicer.SubmitGeneration(generation("m"), None)
    with pytest.raises(NotFound):
        servicer.GetSyntheticSet(messages.GetSyntheticSetRequest(name="tenants/t/syntheticSets/s"), None)
    with pytest.raises(NotFound):
        servicer.ListSyntheticImages(messages.ListSyntheticImagesRequest(parent="tenants/t/syntheticSets/s"), None)


def listed_set(objects, name="tenants/t/syntheticSets/s", labels="aabab"):
    images = [
        SyntheticImage(
            index=index,
            label=label,
            image=ImageRef(name=f"tenants/t/images/{index:064}", sha256=f"{index:064}", frames=1),
        )
        for index, label in enumerate(labels)
    ]
    return sets.publish(objects, SyntheticSet(name=name), images), images


def all_images(servicer, **filters):
    request = messages.ListSyntheticImagesRequest(parent="tenants/t/syntheticSets/s", page_size=2, **filters)
    found = []
    while True:
        page = servicer.ListSyntheticImages(request, None)
        assert len(page.images) <= 2
        found += page.images
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


def test_images_are_listed_by_page_and_label(servicer, objects):
    _, images = listed_set(objects)
    assert all_images(servicer) == images
    assert [image.index for image in all_images(servicer, label="a")] == [0, 1, 3]
    assert not all_images(servicer, label="c")


@pytest.mark.parametrize(("page_size", "token"), [(-1, ""), (1001, ""), (1, "x"), (1, "-1")])
def test_pages_are_checked(servicer, objects, page_size, token):
    listed_set(objects)
    request = messages.ListSyntheticImagesRequest(
        parent="tenants/t/syntheticSets/s", page_size=page_size, page_token=token
    )
    with pytest.raises(InvalidInput, match="page_"):
        servicer.ListSyntheticImages(request, None)


def test_sets_are_listed(servicer, objects):
    expected = [listed_set(objects, f"tenants/t/syntheticSets/s{number}")[0] for number in range(3)]
    listed_set(objects, "tenants/u/syntheticSets/s")
    first = servicer.ListSyntheticSets(messages.ListSyntheticSetsRequest(parent="tenants/t", page_size=2), None)
    rest = servicer.ListSyntheticSets(
        messages.ListSyntheticSetsRequest(parent="tenants/t", page_token=first.next_page_token), None
    )
    assert [*first.synthetic_sets, *rest.synthetic_sets] == expected
