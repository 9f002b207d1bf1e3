"""A generation job: Ray tasks make candidates, judge them and store the images; the driver chooses, by digests alone.

Tasks, and not the driver, do the work, so that Ray's budget counts it and a cluster shares it. A candidate depends on
the request, its class and its index, so it does not matter which task makes it, or how often.
"""

import time
from collections.abc import Collection, Iterator
from functools import lru_cache

import numpy as np
import ray
from numpy.typing import NDArray

from services.synthesis import judging
from services.synthesis.candidates import Candidate, Workshop, open_workshop, training_copies
from services.synthesis.selection import Judged, Judgement, Selection, Share
from synthoscope import names
from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.api.synthesis.v1.synthesis_pb2 import SyntheticImage, SyntheticSet
from synthoscope.api.synthesis.v1.synthesis_service_pb2 import SubmitGenerationRequest
from synthoscope.datasets.loading import load_images
from synthoscope.images.decoding import PNG
from synthoscope.images.grids import grid
from synthoscope.images.preprocessing import Pipeline
from synthoscope.images.storage import store_pixels
from synthoscope.jobs.job import Progress
from synthoscope.jobs.worker import JobWorker
from synthoscope.pipelining import map_ahead
from synthoscope.rpc.errors import Cancelled, FailedPrecondition
from synthoscope.synthetic import sets
from synthoscope.synthetic.copies import RepeatFinder, thumbnails_of
from synthoscope.training.processors import compute_with
from synthoscope_ray.program import Stores, open_stores
from synthoscope_ray.tasks import RemoteTask
from synthoscope_ray.waiting import QueueWatch

TASK_CPUS = 0.25
TASK_THREADS = 1
"""Threads of torch in a task: pinned, since another number gives other bits."""

UPLOAD_THREADS = 4
UPLOADS_AHEAD = 32
"""Candidates of a task that wait for being stored while the next ones are made."""

GRID_IMAGES = 25
PREVIEWS = 5
"""Images of each finished task that are shown while the job runs."""

_POLL_SECONDS = 0.25


def run(worker: JobWorker, stores: Stores) -> str:
    """Does the job and returns the name of the synthetic set.

    Raises FailedPrecondition when no candidate was kept, and what sampling and the stores raise.
    """
    request = worker.specification(SubmitGenerationRequest)
    if not ray.is_initialized():
        ray.init(address="auto")
    repeats = Repeats(stores, request.model_version) if request.options.filters.distinct else None
    selection = Selection(request.counts, request.options, repeats)
    _generate(worker, stores, request, selection)
    if not selection.kept:
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(selection.refused.items()))
        raise FailedPrecondition(f"the filters refused every candidate ({reasons}): ask for less of them")
    ids = names.JOB.parse(worker.name)
    record = SyntheticSet(
        name=names.SYNTHETIC_SET.format(tenant=ids["tenant"], synthetic_set=ids["job"]),
        model_version=request.model_version,
        seed=request.seed,
        grid=store_pixels(stores.objects, ids["tenant"], _grid(worker.name, stores, selection)),
        options=request.options,
        tallies=selection.tallies(),
    )
    record.MergeFrom(_judged(worker, stores, selection, record))
    worker.report(Progress("publishing", selection.kept, selection.kept))
    return sets.publish(stores.objects, record, _images(worker.name, selection)).name


class Repeats:
    """Near-copies of earlier candidates of the set, told by their thumbnails."""

    def __init__(self, stores: Stores, model_version: str) -> None:
        self._finder = RepeatFinder(training_copies(stores.objects, stores.settings.cache, model_version))
        self._seen = 0

    def __call__(self, thumbnails: NDArray[np.uint8]) -> Collection[int]:
        """Which of the thumbnails, uint8 N×96×96, repeat an earlier one."""
        found = {copy.index - self._seen for copy in self._finder.find(thumbnails)}
        self._seen += len(thumbnails)
        return found


def _generate(worker: JobWorker, stores: Stores, request: SubmitGenerationRequest, selection: Selection) -> None:
    """Runs tasks until the selection has what it wants, reporting as they finish."""
    watch = QueueWatch(worker, stores.jobs, {"CPU": TASK_CPUS})
    task = RemoteTask(_make, TASK_CPUS, stores.settings.ray.worker_retries)
    arguments = (worker.name, worker.attempt, request.SerializeToString(deterministic=True))
    # One more than there are processors, so that one can compute while another waits for its last uploads.
    at_a_time = 1 + max(1, int(ray.cluster_resources().get("CPU", 1)))  # type: ignore[no-untyped-call]
    running: dict[ray.ObjectRef[Judgement], Share] = {}
    started, total = time.monotonic(), sum(request.counts.values())
    while not selection.done:
        while len(running) < at_a_time and (share := selection.next_share()):
            running[task.start(*arguments, share)] = share
        ready, _ = ray.wait(list(running), num_returns=1, timeout=_POLL_SECONDS)
        watch.look()
        if worker.cancelled():
            for reference in running:
                ray.cancel(reference)
            raise Cancelled(f"stopped after {selection.kept} images")
        for reference in ready:
            share = running.pop(reference)
            kept = selection.take(share, task.result(reference))
            rate = selection.kept / (time.monotonic() - started)
            progress = Progress(
                f"generating {share.label}".rstrip(),
                selection.kept,
                total,
                rate,
                (total - selection.kept) / rate if rate else None,
                {"kept": selection.kept, **{f"refused_{reason}": n for reason, n in selection.refused.items()}},
            )
            shown = [_reference(worker.name, judged).name for judged in kept[:PREVIEWS]]
            worker.report(progress, previews=shown)


def _make(job: str, attempt: int, request: bytes, share: Share) -> Judgement:
    """A task: makes and judges a share's candidates, and stores those that nothing refuses."""
    compute_with(TASK_THREADS)
    stores = open_stores()
    JobWorker(stores.jobs, stores.objects, job, attempt).running()
    workshop, tenant = _workshop(request), names.tenant_of(job)
    distinct = SubmitGenerationRequest.FromString(request).options.filters.distinct
    thumbnails: list[NDArray[np.uint8]] = []

    def candidates() -> Iterator[Candidate]:
        for candidate in workshop.candidates(share):
            if distinct and not candidate.refused:
                thumbnails.append(thumbnails_of(candidate.generated[None])[0])
            yield candidate

    def stored(candidate: Candidate) -> Judged:
        if candidate.refused:
            return Judged(candidate.number, candidate.refused)
        image = store_pixels(stores.objects, tenant, candidate.pixels)
        return Judged(candidate.number, "", image.sha256, image.size_bytes, image.width)

    judged = list(map_ahead(stored, candidates(), threads=UPLOAD_THREADS, ahead=UPLOADS_AHEAD))
    return Judgement(judged, np.stack(thumbnails) if thumbnails else None, workshop.threshold(share.label))


@lru_cache(maxsize=1)
def _workshop(request: bytes) -> Workshop:
    stores = open_stores()
    return open_workshop(stores.objects, stores.settings.cache, SubmitGenerationRequest.FromString(request))


def _judged(worker: JobWorker, stores: Stores, selection: Selection, record: SyntheticSet) -> SyntheticSet:
    """The gate's verdict on the set, and the report if asked for; of a large one some images are measured."""
    measured = judging.drawn([label for label, _ in selection.images()], record.seed)
    images = [image for image in _images(worker.name, selection) if image.index in measured]
    return judging.judge_on_ray(worker, stores, record, images)


def _images(job: str, selection: Selection) -> Iterator[SyntheticImage]:
    """The set's images, in order."""
    for index, (label, judged) in enumerate(selection.images()):
        image = _reference(job, judged)
        yield SyntheticImage(index=index, label=label, image=image, candidate=judged.candidate)


def _reference(job: str, judged: Judged) -> ImageRef:
    """What `store_pixels` returned."""
    return ImageRef(
        name=names.IMAGE.format(tenant=names.tenant_of(job), sha256=judged.sha256),
        sha256=judged.sha256,
        media_type=PNG,
        width=judged.side,
        height=judged.side,
        mode="RGB",
        size_bytes=judged.size_bytes,
        frames=1,
    )


def _grid(job: str, stores: Stores, selection: Selection) -> NDArray[np.uint8]:
    """25 images, spread evenly over the set so that every class is among them, five by five."""
    kept = [judged for _, judged in selection.images()]
    chosen = np.linspace(0, len(kept) - 1, min(GRID_IMAGES, len(kept))).round().astype(int)
    references = [_reference(job, kept[index]) for index in chosen]
    pipeline = Pipeline().sized(references[0].width)
    return grid(load_images(stores.objects, references, pipeline), columns=5)
