"""Preparation against the real servicers over real gRPC, with objects and jobs in memory; the test does the jobs."""

from collections import Counter

import numpy as np
import pytest
import safetensors.numpy
from pydantic import SecretStr

from services.synthesis.servicer import SynthesisServicer
from services.training.registrations import registrations
from synthoscope import models
from synthoscope.api.datasets.v1.audits_pb2 import DatasetAudit, DuplicateCluster
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, DatasetVersion, Split
from synthoscope.api.experiments.v1.experiments_pb2 import Arm, ExperimentSpecification
from synthoscope.api.jobs.v1.jobs_pb2 import JobKind
from synthoscope.api.models.v1.models_pb2 import Lineage, ModelKind, ModelVersion
from synthoscope.api.synthesis.v1.synthesis_pb2 import Admission, GenerationTally, SyntheticImage, SyntheticSet, Verdict
from synthoscope.api.synthesis.v1.synthesis_service_pb2 import SubmitGenerationRequest
from synthoscope.api.synthesis.v1.synthesis_service_pb2_grpc import add_SynthesisServiceServicer_to_server
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanConditioning, GanTrainingConfig
from synthoscope.api.training.v1.training_service_pb2 import SubmitGanTrainingRequest
from synthoscope.client import Client, ClientSettings, Endpoints
from synthoscope.datasets import manifest
from synthoscope.datasets.audit import storage
from synthoscope.datasets.counts import training_counts
from synthoscope.datasets.importing import import_version
from synthoscope.experiment import checks
from synthoscope.experiment_preparation.preparing import Preparation, Request
from synthoscope.images.intake import Intake
from synthoscope.images.storage import store_pixels
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.submission import Jobs
from synthoscope.jobs.worker import JobWorker
from synthoscope.models.versions import WEIGHTS
from synthoscope.objects import InMemoryObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput
from synthoscope.rpc.server import Registration
from synthoscope.rpc.testing import running_server
from synthoscope.synthetic import sets

TRAIN, TEST = Split.SPLIT_TRAIN, Split.SPLIT_TEST
DATASET = "tenants/default/datasets/brain"
GAN = GanTrainingConfig(preset="r3", epochs=1, batch_size=4)


class Workers:
    """Does the jobs of a platform in this process, in no time; counts them by kind."""

    def __init__(self, objects, jobs):
        self.objects, self.jobs, self.done, self.titles, self.short = objects, jobs, Counter(), [], 0

    def follow(self, job, title):
        self.titles.append(title)
        found = self.jobs.store.get(job.name)
        if not found.state.ended:
            worker = JobWorker(self.jobs.store, self.objects, job.name, found.attempt)
            make = {
                JobKind.JOB_KIND_DATASET_AUDIT: self.audit,
                JobKind.JOB_KIND_GAN_TRAINING: self.train,
                JobKind.JOB_KIND_SYNTHESIS: self.generate,
            }
            worker.running()
            worker.succeed(make[job.kind](worker))
            self.done[JobKind.Name(job.kind)] += 1
        job.result = self.jobs.store.get(job.name).result
        return job

    def audit(self, worker):
        version = Records(self.objects, DatasetVersion).get(f"{DATASET}/versions/latest")
        found = DatasetAudit(clusters=[DuplicateCluster(paths=["a/000.png", "a/001.png", "a/002.png"])])
        found.splits.test_with_twin_in_train["all"].count, found.splits.test_with_twin_in_train["all"].of = 1, 24
        return storage.put(self.objects, version.name, found).name

    def train(self, worker):
        request = worker.specification(SubmitGanTrainingRequest)
        record = ModelVersion(
            kind=ModelKind.MODEL_KIND_GAN,
            classes=["a", "b"],
            preset=request.config.preset,
            lineage=Lineage(dataset_version=request.dataset_version),
        )
        weights = safetensors.numpy.save({"0.discriminator.weight": np.zeros(1, np.float32)})
        model = f"tenants/default/models/{request.model_id}"
        return models.publish(self.objects, model, record, {WEIGHTS: weights}).name

    def generate(self, worker):
        request = worker.specification(SubmitGenerationRequest)
        counts = {label: count - self.short for label, count in request.counts.items()}
        pixels = store_pixels(self.objects, "default", np.zeros((8, 8), np.uint8))
        labels = [label for label in sorted(counts) for _ in range(counts[label])]
        images = [SyntheticImage(index=index, label=label, image=pixels) for index, label in enumerate(labels)]
        record = SyntheticSet(
            name=worker.name.replace("/jobs/", "/syntheticSets/"),
            model_version=request.model_version,
            options=request.options,
            tallies={label: GenerationTally(asked=request.counts[label], kept=counts[label]) for label in counts},
            verdict=Verdict(admission=Admission.ADMISSION_ADMITTED),
        )
        return sets.publish(self.objects, record, images).name


@pytest.fixture
def objects():
    return InMemoryObjectStore()


@pytest.fixture
def workers(objects):
    return Workers(objects, Jobs(objects, InMemoryJobStore()))


@pytest.fixture
def client(objects, workers, decoders, pseudonyms):
    synthesis = Registration(
        "synthoscope.api.synthesis.v1.SynthesisService",
        add_SynthesisServiceServicer_to_server,
        SynthesisServicer(objects, workers.jobs),
    )
    offered = [*registrations(objects, workers.jobs, Intake(objects, pseudonyms, decoders)), synthesis]
    with running_server(offered) as server:
        endpoints = Endpoints(training=server.address, synthesis=server.address)
        with Client(ClientSettings(endpoints=endpoints, token=SecretStr(server.token))) as client:
            yield client


@pytest.fixture
def version(objects):
    """120 training images, two in three of class a, and 24 test images."""
    pixels = store_pixels(objects, "default", np.zeros((8, 8), np.uint8))
    images = [
        DatasetImage(path=f"{label}/{number:03}.png", split=(TRAIN, TEST)[number >= most], label=label, image=pixels)
        for label, most in (("a", 80), ("b", 40))
        for number in range(most + 12)
    ]
    return import_version(objects, DATASET, images)


def request(version, shares=(0.25, 1.0), **fields):
    specification = ExperimentSpecification(
        dataset_version=version.name,
        presets=["cnn-64"],
        training=ClassifierTrainingConfig(epochs=1),
        arms=fields.pop("arms", []),
    )
    return Request(specification, shares, **fields)


def paths(objects, name, split=None):
    images = manifest.read(objects, Records(objects, DatasetVersion).get(name))
    return {image.path for image in images if split in (None, image.split)}


def test_fractions_share_no_image_with_the_test_split_or_with_what_is_further(client, objects, workers, version):
    notes = []
    made = Preparation(client, workers.follow, notes.append).prepare(request(version))
    training = paths(objects, version.name, TRAIN)
    quarter, whole = made.fractions
    learned, chosen = (paths(objects, quarter.dataset_version, split) for split in (TRAIN, TEST))
    further = paths(objects, quarter.further_version, TRAIN)
    assert (len(learned | chosen), len(chosen), len(further)) == (30, 6, 90)
    assert not learned & chosen
    assert (learned | chosen) | further == training
    assert not (learned | chosen) & further
    assert paths(objects, whole.dataset_version) == training
    assert not whole.further_version
    copies = {"a/000.png", "a/001.png", "a/002.png"}
    assert any(copies <= part for part in (learned, chosen, further))
    assert client.datasets.get("tenants/default/datasets/brain/versions/latest").name == version.name
    assert notes == [
        "1 of 24 test images have a copy among the training images, so all scores are too high; "
        "synthoscope dataset derive --deduplicate makes a version without them",
        "25 % of the real images: 24 to learn from, 6 to choose by, 90 further ones",
        "100 % of the real images: 96 to learn from, 24 to choose by",
    ]
    checks.check(objects, made)


def test_each_fraction_has_a_generator_of_its_own_that_makes_enough_for_all_arms(client, objects, workers, version):
    made = Preparation(client, workers.follow).prepare(request(version, gan=GAN))
    checks.check(objects, made)
    assert workers.done == {"JOB_KIND_DATASET_AUDIT": 1, "JOB_KIND_GAN_TRAINING": 2, "JOB_KIND_SYNTHESIS": 4}
    assert workers.titles == [
        "auditing",
        *(f"training a GAN on {share} %" for share in (25, 100)),
        *(f"generating {what}for {share} %" for share in (25, 100) for what in ("", "and filtering ")),
    ]
    for fraction in made.fractions:
        real = training_counts(client.datasets.get(fraction.dataset_version))
        (unfiltered,), (filtered,) = (
            [client.synthesis.get(name) for name in listed]
            for listed in (fraction.synthetic_sets, fraction.filtered_sets)
        )
        assert dict(unfiltered.counts) == {label: 2 * count for label, count in real.items()}
        assert dict(filtered.counts) == real
        assert (filtered.options.filters.distinct, filtered.options.filters.discriminator_share) == (True, 0.5)
        assert not unfiltered.options.filters.ByteSize()
        for item in (unfiltered, filtered):
            learned = client.models.get(item.model_version).lineage.dataset_version
            assert learned == fraction.dataset_version


def test_a_second_run_takes_what_is_there_and_does_only_what_is_missing(client, workers, version):
    preparation = Preparation(client, workers.follow)
    first = preparation.prepare(request(version, gan=GAN, shares=(0.25,)))
    done = dict(workers.done)
    assert preparation.prepare(request(version, gan=GAN, shares=(0.25,))) == first
    assert workers.done == done
    more = preparation.prepare(request(version, gan=GAN, shares=(0.25, 0.5)))
    assert more.fractions[0] == first.fractions[0]
    assert workers.done["JOB_KIND_GAN_TRAINING"] == 2
    other = preparation.prepare(request(version, gan=GAN, shares=(0.25,), seed=1))
    assert other.fractions[0].dataset_version != first.fractions[0].dataset_version


def test_only_what_the_arms_need_is_made(client, workers, version):
    preparation = Preparation(client, workers.follow)
    made = preparation.prepare(request(version, gan=GAN, shares=(0.25,), arms=[Arm.ARM_AUGMENTED]))
    assert workers.done == {"JOB_KIND_DATASET_AUDIT": 1}
    assert (made.fractions[0].further_version, *made.fractions[0].synthetic_sets) == ("",)
    made = preparation.prepare(request(version, gan=GAN, shares=(0.25,), arms=[Arm.ARM_FILTERED]))
    assert made.fractions[0].filtered_sets
    assert not made.fractions[0].synthetic_sets


def test_a_set_that_stayed_too_small_is_told_of(client, workers, version):
    workers.short, notes = 1, []
    Preparation(client, workers.follow, notes.append).prepare(
        request(version, gan=GAN, shares=(1.0,), arms=[Arm.ARM_FILTERED])
    )
    assert any("has 63 of 64 images of a: arms that need more fail" in note for note in notes)


def test_named_sets_are_taken_and_a_generator_of_other_images_is_told_of(client, workers, version):
    preparation = Preparation(client, workers.follow)
    made = preparation.prepare(request(version, gan=GAN, shares=(0.5,))).fractions[0]
    notes = []
    named = {"synthetic_sets": {0.5: list(made.synthetic_sets)}, "filtered_sets": {0.5: list(made.filtered_sets)}}
    again = Preparation(client, workers.follow, notes.append).prepare(request(version, shares=(0.5,), **named))
    assert again.fractions[0] == made
    assert not any("learned from" in note for note in notes)
    elsewhere = {"synthetic_sets": {0.25: list(made.synthetic_sets)}}
    Preparation(client, workers.follow, notes.append).prepare(request(version, shares=(0.25,), **elsewhere))
    assert any(f"learned from {made.dataset_version}, not from" in note for note in notes)


def test_what_cannot_work_is_refused_before_anything_is_trained(client, objects, workers, version):
    preparation = Preparation(client, workers.follow)
    with pytest.raises(FailedPrecondition, match=r"^2 % of the real images: no image would be left"):
        preparation.prepare(request(version, shares=(0.02,)))
    with pytest.raises(FailedPrecondition, match=r"no image of b in 5 % .* to choose by; ask for a larger fraction"):
        preparation.prepare(request(version, shares=(0.05,)))
    unlabelled = GanTrainingConfig(preset="r3", epochs=1, conditioning=GanConditioning.GAN_CONDITIONING_UNCONDITIONAL)
    with pytest.raises(InvalidInput, match=r"gan\.conditioning"):
        preparation.prepare(request(version, gan=unlabelled))
    images = [image for image in manifest.read(objects, version) if image.split == TRAIN]
    untested = import_version(objects, DATASET, images)
    with pytest.raises(FailedPrecondition, match="has no test split"):
        preparation.prepare(request(untested))
    alone = import_version(objects, DATASET, [image for image in images if image.label == "a"])
    with pytest.raises(FailedPrecondition, match="has fewer than two classes"):
        preparation.prepare(request(alone))
    assert not workers.done["JOB_KIND_GAN_TRAINING"]


def test_no_generator_is_trained_to_balance_classes_of_one_size(client, objects, workers, version):
    every = manifest.read(objects, version)
    alike = import_version(
        objects, DATASET, [image for image in every if image.split == TEST or image.path[2:] < "040"]
    )
    preparation = Preparation(client, workers.follow)
    with pytest.raises(FailedPrecondition, match="of one size, so balanced adds nothing"):
        preparation.prepare(request(alike, gan=GAN, shares=(1.0,), arms=[Arm.ARM_BALANCED]))
    assert not workers.done["JOB_KIND_GAN_TRAINING"]
    both = preparation.prepare(request(alike, gan=GAN, shares=(1.0,), arms=[Arm.ARM_BALANCED, Arm.ARM_FILTERED]))
    assert both.fractions[0].filtered_sets
