"""Generation on real servers: SeaweedFS, Valkey and a Ray head; the generator's weights are those before training."""

import pytest
import torch
from jobs_on_ray import ended, running_jobs, wait

from services.synthesis import generation, selection
from services.synthesis.generation import Repeats
from services.synthesis.selection import TASK_IMAGES, Selection
from services.synthesis.servicer import SynthesisServicer
from synthoscope import models
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split
from synthoscope.api.models.v1.models_pb2 import Lineage, ModelKind, ModelVersion
from synthoscope.api.synthesis.v1.synthesis_pb2 import Admission, GenerationFilters, GenerationOptions
from synthoscope.api.synthesis.v1.synthesis_service_pb2 import SubmitGenerationRequest
from synthoscope.datasets import phantoms
from synthoscope.datasets.versions import store
from synthoscope.gan.config import GanConfig
from synthoscope.gan.families import family_of
from synthoscope.images.storage import image_ref, load_image_bytes, store_pixels
from synthoscope.jobs.job import JobKind, JobState
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.redis import RedisSettings
from synthoscope.jobs.submission import Jobs
from synthoscope.models.weights import WEIGHTS, dump_weights
from synthoscope.objects import InMemoryObjectStore, ObjectStoreSettings
from synthoscope.synthetic import sets
from synthoscope.synthetic.criteria import LEAST_IMAGES
from synthoscope_ray.program import Stores
from synthoscope_ray.settings import ProgramSettings


@pytest.fixture(scope="module")
def jobs(platform):
    with running_jobs(platform, "services.synthesis.run", JobKind.SYNTHESIS) as jobs:
        yield jobs


@pytest.fixture(scope="module")
def gan(jobs):
    return gan_in(jobs.objects)


def gan_in(objects, lively=False):
    """The name of a conditional generator of two classes; with large random weights, so that images differ, or not."""
    networks = family_of(GanConfig("dcgan-64", epochs=1), classes=2).build(seed=0)
    numbers = torch.Generator().manual_seed(1)
    for parameter in networks.generator.parameters():
        if lively and parameter.ndim > 1:
            parameter.data = 0.5 * torch.randn(parameter.shape, generator=numbers)
    weights = {f"0.generator.{name}": tensor for name, tensor in networks.generator.state_dict().items()}
    weights |= {f"0.discriminator.{name}": tensor for name, tensor in networks.discriminator.state_dict().items()}
    record = ModelVersion(
        kind=ModelKind.MODEL_KIND_GAN,
        classes=["a", "b"],
        preset="dcgan-64",
        image_size=64,
        lineage=Lineage(dataset_version=training_images(objects)),
    )
    record.config["conditioning"] = "conditional"
    return models.publish(objects, "tenants/default/models/gan", record, {WEIGHTS: dump_weights(weights)}).name


def training_images(objects):
    """As many phantoms of each class as the gate asks for."""
    images = []
    for index in range(2 * LEAST_IMAGES):
        label = "ab"[index % 2]
        pixels = phantoms.generate({"a": "glioma", "b": "notumor"}[label], index, 64).image
        picture = store_pixels(objects, "default", pixels)
        images.append(DatasetImage(path=f"{index}.png", label=label, split=Split.SPLIT_TRAIN, image=picture))
    return store(objects, "tenants/default/datasets/of-a-generation", images).name


def submit(jobs, gan, counts, **options):
    request = SubmitGenerationRequest(
        parent="tenants/default",
        model_version=gan,
        counts=counts,
        seed=3,
        options=GenerationOptions(**options),
    )
    return SynthesisServicer(jobs.objects, jobs).SubmitGeneration(request, None).name


def generated(jobs, name):
    """The set of a job that succeeds."""
    job = wait(jobs, name, ended)
    assert job.state is JobState.SUCCEEDED, job
    return sets.get(jobs.objects, job.result)


FILTERED = {
    "filters": GenerationFilters(discriminator_share=0.5, distinct=True),
    "output_size": 96,
    "truncation": 1.5,
}


@pytest.fixture
def made_here(monkeypatch, tmp_path, one_thread):
    """What the tasks of a filtered set make when they run here, one after the other: its images and its tallies."""
    objects = InMemoryObjectStore()
    jobs = Jobs(objects, InMemoryJobStore())
    settings = ProgramSettings(
        objects=ObjectStoreSettings(endpoint="127.0.0.1:1", access_key="a", secret_key="s"),
        redis=RedisSettings(host="127.0.0.1", port=1),
        cache_dir=tmp_path,
    )
    stores = Stores(settings, objects, jobs.store)
    monkeypatch.setattr(generation, "open_stores", lambda: stores)
    gan = gan_in(objects, lively=True)

    def make(counts, images_of_a_task=TASK_IMAGES):
        monkeypatch.setattr(selection, "TASK_IMAGES", images_of_a_task)
        generation._workshop.cache_clear()
        job = submit(jobs, gan, counts, **FILTERED)
        request = jobs.specification(job, SubmitGenerationRequest)
        chosen = Selection(request.counts, request.options, Repeats(stores, request.model_version))
        while share := chosen.next_share():
            chosen.take(share, generation._make(job, 0, request.SerializeToString(), share))
        images = list(generation._images(job, chosen))
        assert [image_ref(objects, image.image.name) for image in images] == [image.image for image in images]
        return images, chosen.tallies()

    return make


@pytest.mark.slow
def test_what_tasks_store_does_not_depend_on_their_number(made_here):
    images, tallies = made_here({"a": 6, "b": 3})
    assert (images, tallies) == made_here({"a": 6, "b": 3}, images_of_a_task=4)
    assert [(image.label, image.index) for image in images] == list(zip("a" * 6 + "b" * 3, range(9), strict=True))
    assert {(image.image.width, image.image.height) for image in images} == {(96, 96)}
    for tally in tallies.values():
        assert tally.refused["discriminator"] > 0
        assert tally.made == tally.kept + sum(tally.refused.values())


@pytest.mark.stack
@pytest.mark.timeout(600)
def test_a_set_has_what_was_asked_for_and_the_same_seed_gives_the_same_images(jobs, gan):
    name = submit(jobs, gan, {"a": TASK_IMAGES + 20, "b": 50})
    record = generated(jobs, name)
    assert record.name == name.replace("/jobs/", "/syntheticSets/")
    assert (record.model_version, record.seed) == (gan, 3)
    assert (dict(record.counts), record.image_count) == ({"a": TASK_IMAGES + 20, "b": 50}, TASK_IMAGES + 70)
    assert (record.grid.width, record.grid.height) == (5 * 66 - 2, 5 * 66 - 2)

    images = sets.read_images(jobs.objects, record)
    assert len({image.image.sha256 for image in images}) == len(images)
    assert load_image_bytes(jobs.objects, images[-1].image.name).startswith(b"\x89PNG")
    assert image_ref(jobs.objects, images[0].image.name) == images[0].image

    shown = {preview for event in jobs.store.events(name) for preview in event.previews}
    assert shown
    assert shown <= {image.image.name for image in images}

    values = {item.name: item.value for item in record.verdict.criteria if item.HasField("value")}
    assert record.verdict.admission == Admission.ADMISSION_REFUSED
    assert (record.verdict.measured_images, record.verdict.reference_images) == (TASK_IMAGES + 70, 2 * LEAST_IMAGES)
    assert (values["generated_images"], values["training_images"]) == (50, LEAST_IMAGES)
    assert values["frechet"] > 4
    assert "measuring" in {event.job.progress.phase for event in jobs.store.events(name)}

    again = generated(jobs, submit(jobs, gan, {"b": 12, "a": 10}, measure_with="efficientnet-lite0"))
    assert (len(record.measurement.fields), again.measurement["counts"]["generated"]["b"]) == (0, 12)
    of_a = [image.image.sha256 for image in images if image.label == "a"]
    of_b = [image.image.sha256 for image in images if image.label == "b"]
    assert [image.image.sha256 for image in sets.read_images(jobs.objects, again)] == of_a[:10] + of_b[:12]


@pytest.mark.slow
@pytest.mark.stack
@pytest.mark.timeout(600)
def test_a_filtered_set_is_the_one_that_tasks_make_one_after_the_other(jobs, made_here):
    record = generated(jobs, submit(jobs, gan_in(jobs.objects, lively=True), {"a": 6, "b": 3}, **FILTERED))
    assert record.options == GenerationOptions(**FILTERED)
    images, tallies = made_here({"a": 6, "b": 3})
    assert sets.read_images(jobs.objects, record) == images
    assert dict(record.tallies) == tallies


@pytest.mark.stack
@pytest.mark.timeout(600)
def test_cancelling_ends_the_job_and_publishes_nothing(jobs, gan):
    name = submit(jobs, gan, {"a": 50_000})
    wait(jobs, name, lambda job: job.progress.step > 0)
    jobs.cancel(name)
    job = wait(jobs, name, ended, seconds=60)
    assert job.state is JobState.CANCELLED
    assert not job.result
    assert not list(jobs.objects.list(name.replace("/jobs/", "/syntheticSets/")))
