"""Generation on real servers: SeaweedFS, Valkey and a Ray head; the generator's weights are those before training."""

import hashlib

import numpy as np
import pytest
from jobs_on_ray import ended, running_jobs, wait

from services.synthesis.candidates import open_workshop
from services.synthesis.generation import Repeats
from services.synthesis.selection import TASK_IMAGES, Judged, Judgement, Selection
from services.synthesis.servicer import SynthesisServicer
from synthoscope import models
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split
from synthoscope.api.models.v1.models_pb2 import Lineage, ModelKind, ModelVersion
from synthoscope.api.synthesis.v1.synthesis_pb2 import GenerationFilters, GenerationOptions
from synthoscope.api.synthesis.v1.synthesis_service_pb2 import SubmitGenerationRequest
from synthoscope.datasets.versions import store
from synthoscope.gan.config import GanConfig
from synthoscope.gan.families import family_of
from synthoscope.images.storage import encode_png, image_ref, load_image_bytes, store_pixels
from synthoscope.jobs.job import JobKind, JobState
from synthoscope.models.weights import WEIGHTS, dump_weights
from synthoscope.synthetic import sets
from synthoscope.synthetic.copies import thumbnails_of
from synthoscope_ray.program import Stores
from synthoscope_ray.settings import ProgramSettings


@pytest.fixture(scope="module")
def jobs(platform):
    with running_jobs(platform, "services.synthesis.run", JobKind.SYNTHESIS) as jobs:
        yield jobs


@pytest.fixture(scope="module")
def gan(jobs):
    """The name of a conditional generator of two classes."""
    networks = family_of(GanConfig("dcgan-64", epochs=1), classes=2).build(seed=0)
    weights = {f"0.generator.{name}": tensor for name, tensor in networks.generator.state_dict().items()}
    weights |= {f"0.discriminator.{name}": tensor for name, tensor in networks.discriminator.state_dict().items()}
    record = ModelVersion(
        kind=ModelKind.MODEL_KIND_GAN,
        classes=["a", "b"],
        preset="dcgan-64",
        image_size=64,
        lineage=Lineage(dataset_version=training_images(jobs.objects)),
    )
    record.config["conditioning"] = "conditional"
    return models.publish(jobs.objects, "tenants/default/models/gan", record, {WEIGHTS: dump_weights(weights)}).name


def training_images(objects):
    noise = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), np.uint8)
    pictures = [store_pixels(objects, "default", pixels) for pixels in noise]
    images = [
        DatasetImage(path=f"{index}.png", label="ab"[index % 2], split=Split.SPLIT_TRAIN, image=picture)
        for index, picture in enumerate(pictures)
    ]
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


def alone(platform, jobs, request, cache):
    """The digests of a request's images and their tallies, made here by one task at a time."""
    settings = ProgramSettings(objects=platform.objects, redis=platform.redis, cache_dir=cache)
    stores = Stores(settings, jobs.objects, jobs.store)
    workshop = open_workshop(jobs.objects, stores.settings.cache, request)
    selection = Selection(request.counts, request.options, Repeats(stores, request.model_version))
    while share := selection.next_share():
        candidates = list(workshop.candidates(share))
        judged = [
            Judged(each.number, each.refused, hashlib.sha256(encode_png(each.pixels)).hexdigest())
            for each in candidates
        ]
        passed = [each.generated for each in candidates if not each.refused]
        thumbnails = thumbnails_of(np.stack(passed)) if passed else None
        selection.take(share, Judgement(judged, thumbnails, workshop.threshold(share.label)))
    return [judged.sha256 for _, judged in selection.images()], selection.tallies()


@pytest.mark.stack
@pytest.mark.timeout(600)
def test_filters_refuse_and_replace_and_the_set_is_the_one_that_a_single_task_makes(platform, jobs, gan, tmp_path):
    filters = GenerationFilters(discriminator_share=0.5, distinct=True)
    options = {"filters": filters, "output_size": 96, "truncation": 1.5}
    counts = {"a": 24, "b": 9}
    record = generated(jobs, submit(jobs, gan, counts, **options))
    images = sets.read_images(jobs.objects, record)
    assert {(image.image.width, image.image.height) for image in images} == {(96, 96)}
    assert record.options == GenerationOptions(**options)
    for label, tally in record.tallies.items():
        assert (tally.asked, tally.kept) == (counts[label], record.counts[label])
        assert tally.made == tally.kept + sum(tally.refused.values())
        assert tally.refused["discriminator"] > 0
        assert [image.candidate for image in images if image.label == label][-1] == tally.made - 1

    request = SubmitGenerationRequest(model_version=gan, counts=counts, seed=3, options=GenerationOptions(**options))
    digests, tallies = alone(platform, jobs, request, tmp_path)
    assert [image.image.sha256 for image in images] == digests
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
