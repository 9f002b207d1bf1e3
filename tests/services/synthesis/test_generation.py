"""Generation on real servers: SeaweedFS, Valkey and a Ray head; the generator's weights are those before training."""

import pytest
from jobs_on_ray import ended, running_jobs, wait

from services.synthesis.generation import TASK_IMAGES, Share, shares
from services.synthesis.servicer import SynthesisServicer
from synthoscope import models
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.api.synthesis.v1.synthesis_service_pb2 import SubmitGenerationRequest
from synthoscope.gan.config import GanConfig
from synthoscope.gan.families import family_of
from synthoscope.images.storage import image_ref, load_image_bytes
from synthoscope.jobs.job import JobKind, JobState
from synthoscope.models.weights import WEIGHTS, dump_weights
from synthoscope.synthetic import sets


def test_shares_cover_every_image_once_in_the_order_of_the_set():
    found = list(shares({"b": TASK_IMAGES + 1, "a": 2}))
    assert found == [Share("a", 0, 2), Share("b", 0, TASK_IMAGES), Share("b", TASK_IMAGES, 1)]


@pytest.fixture(scope="module")
def jobs(platform):
    with running_jobs(platform, "services.synthesis.run", JobKind.SYNTHESIS) as jobs:
        yield jobs


@pytest.fixture(scope="module")
def gan(jobs):
    """The name of a conditional generator of two classes."""
    generator = family_of(GanConfig("dcgan-64", epochs=1), classes=2).build(seed=0).generator
    weights = {f"0.generator.{name}": tensor for name, tensor in generator.state_dict().items()}
    record = ModelVersion(kind=ModelKind.MODEL_KIND_GAN, classes=["a", "b"], preset="dcgan-64", image_size=64)
    record.config["conditioning"] = "conditional"
    return models.publish(jobs.objects, "tenants/default/models/gan", record, {WEIGHTS: dump_weights(weights)}).name


def submit(jobs, gan, counts, seed=3):
    request = SubmitGenerationRequest(parent="tenants/default", model_version=gan, counts=counts, seed=seed)
    return SynthesisServicer(jobs.objects, jobs).SubmitGeneration(request, None).name


def generated(jobs, name):
    """The set of a job that succeeds."""
    job = wait(jobs, name, ended)
    assert job.state is JobState.SUCCEEDED, job
    return sets.get(jobs.objects, job.result)


@pytest.mark.stack
@pytest.mark.timeout(600)
def test_a_set_has_what_was_asked_for_and_the_same_seed_gives_the_same_images(jobs, gan):
    name = submit(jobs, gan, {"a": TASK_IMAGES + 20, "b": 30})
    record = generated(jobs, name)
    assert record.name == name.replace("/jobs/", "/syntheticSets/")
    assert (record.model_version, record.seed) == (gan, 3)
    assert (dict(record.counts), record.image_count) == ({"a": TASK_IMAGES + 20, "b": 30}, TASK_IMAGES + 50)
    assert (record.grid.width, record.grid.height) == (5 * 66 - 2, 5 * 66 - 2)

    images = sets.read_images(jobs.objects, record)
    assert len({image.image.sha256 for image in images}) == len(images)
    assert load_image_bytes(jobs.objects, images[-1].image.name).startswith(b"\x89PNG")
    assert image_ref(jobs.objects, images[0].image.name) == images[0].image

    shown = {preview for event in jobs.store.events(name) for preview in event.previews}
    assert shown
    assert shown <= {image.image.name for image in images}

    again = generated(jobs, submit(jobs, gan, {"b": 12, "a": 10}))
    of_a = [image.image.sha256 for image in images if image.label == "a"]
    of_b = [image.image.sha256 for image in images if image.label == "b"]
    assert [image.image.sha256 for image in sets.read_images(jobs.objects, again)] == of_a[:10] + of_b[:12]

    other = generated(jobs, submit(jobs, gan, {"a": 10}, seed=4))
    assert not set(of_a) & {image.image.sha256 for image in sets.read_images(jobs.objects, other)}


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
