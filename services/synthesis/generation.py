"""A generation job: Ray tasks sample the generator and store the images.

Tasks, and not the driver, do the work, so that Ray's budget counts it and a cluster shares it. An image depends on its
seed, class and index alone, so it does not matter which task makes it, or how often.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import ray
import torch
from numpy.typing import NDArray
from ray.exceptions import RayTaskError

from synthoscope import models, names
from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.api.synthesis.v1.synthesis_pb2 import SyntheticImage, SyntheticSet
from synthoscope.api.synthesis.v1.synthesis_service_pb2 import SubmitGenerationRequest
from synthoscope.datasets.loading import load_images
from synthoscope.gan import sampling
from synthoscope.images.grids import grid
from synthoscope.images.preprocessing import Pipeline
from synthoscope.images.storage import store_pixels
from synthoscope.jobs.job import Progress
from synthoscope.jobs.worker import JobWorker
from synthoscope.rpc.errors import Cancelled, SynthoscopeError
from synthoscope.synthetic import sets
from synthoscope_ray.program import Stores, open_stores
from synthoscope_ray.waiting import QueueWatch

TASK_IMAGES = 128
"""Images of one Ray task; a multiple of the chunk that goes through the network."""

TASK_CPUS = 0.25
TASK_THREADS = 1
"""Threads of torch in a task: pinned, since another number gives other bits."""

UPLOAD_THREADS = 8
GRID_IMAGES = 25
PREVIEWS = 5
"""Images of each finished task that are shown while the job runs."""

_POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Share:
    """One task's images of a label: those with indices [first, first + count)."""

    label: str
    first: int
    count: int


def run(worker: JobWorker, stores: Stores) -> str:
    """Does the job and returns the name of the synthetic set. Raises what sampling and the stores raise."""
    request = worker.specification(SubmitGenerationRequest)
    if not ray.is_initialized():
        ray.init(address="auto")
    images = _generate(worker, stores, request)
    worker.report(Progress("publishing", len(images), len(images)))
    ids = names.JOB.parse(worker.name)
    record = SyntheticSet(
        name=names.SYNTHETIC_SET.format(tenant=ids["tenant"], synthetic_set=ids["job"]),
        model_version=request.model_version,
        seed=request.seed,
        grid=store_pixels(stores.objects, ids["tenant"], _grid(stores, images)),
    )
    return sets.publish(stores.objects, record, images).name


def shares(counts: Mapping[str, int]) -> Iterator[Share]:
    """The tasks of a job, in the order of the set: by label, then by index."""
    for label in sorted(counts):
        for first in range(0, counts[label], TASK_IMAGES):
            yield Share(label, first, min(TASK_IMAGES, counts[label] - first))


def _generate(worker: JobWorker, stores: Stores, request: SubmitGenerationRequest) -> list[SyntheticImage]:
    """Runs the tasks, reporting as they finish; returns the set's images in order."""
    watch = QueueWatch(worker, stores.jobs, {"CPU": TASK_CPUS})
    task = ray.remote(num_cpus=TASK_CPUS)(_sample)
    todo = list(shares(request.counts))
    running = {
        task.remote(worker.name, worker.attempt, request.model_version, request.seed, share): index
        for index, share in enumerate(todo)
    }
    done: dict[int, list[ImageRef]] = {}
    started, total = time.monotonic(), sum(request.counts.values())
    while running:
        ready, _ = ray.wait(list(running), num_returns=1, timeout=_POLL_SECONDS)
        watch.look()
        if worker.cancelled():
            for reference in running:
                ray.cancel(reference)
            raise Cancelled(f"stopped after {sum(map(len, done.values()))} images")
        for reference in ready:
            images = _result(reference)
            done[running.pop(reference)] = images
            made = sum(map(len, done.values()))
            rate = made / (time.monotonic() - started)
            progress = Progress("generating", made, total, rate, (total - made) / rate)
            worker.report(progress, previews=[image.name for image in images[:PREVIEWS]])
    labelled = [(share.label, image) for index, share in enumerate(todo) for image in done[index]]
    return [SyntheticImage(index=index, label=label, image=image) for index, (label, image) in enumerate(labelled)]


def _result(reference: "ray.ObjectRef[list[bytes]]") -> list[ImageRef]:
    try:
        return [ImageRef.FromString(data) for data in ray.get(reference)]
    except RayTaskError as error:
        if isinstance(error.cause, SynthoscopeError):
            raise error.cause from error
        raise


def _sample(job: str, attempt: int, model_version: str, seed: int, share: Share) -> list[bytes]:
    """A task: makes a share's images and stores them; returns their ImageRefs, serialized."""
    torch.set_num_threads(TASK_THREADS)
    stores = open_stores()
    JobWorker(stores.jobs, stores.objects, job, attempt).running()
    generators = _generators(model_version)
    tenant = names.tenant_of(job)
    with ThreadPoolExecutor(UPLOAD_THREADS) as threads:
        images: list[ImageRef] = []
        for batch in sampling.sample(generators, share.label, share.count, seed, first=share.first):
            images.extend(threads.map(lambda pixels: store_pixels(stores.objects, tenant, pixels), batch))
    return [image.SerializeToString() for image in images]


@lru_cache(maxsize=2)
def _generators(model_version: str) -> sampling.Generators:
    objects = open_stores().objects
    return sampling.load(objects, models.get(objects, model_version))


def _grid(stores: Stores, images: Sequence[SyntheticImage]) -> NDArray[np.uint8]:
    """25 images, spread evenly over the set so that every class is among them, five by five."""
    chosen = np.linspace(0, len(images) - 1, min(GRID_IMAGES, len(images))).round().astype(int)
    pipeline = Pipeline().sized(images[0].image.width)
    return grid(load_images(stores.objects, [images[index].image for index in chosen], pipeline), columns=5)
