"""The driver's part of judging a set: which of its images are measured, and the Ray task that measures them."""

from collections.abc import Sequence, Set

import numpy as np
import ray
import torch

from synthoscope.api.synthesis.v1.synthesis_pb2 import SyntheticImage, SyntheticSet
from synthoscope.jobs.job import Progress
from synthoscope.jobs.worker import JobWorker
from synthoscope.rpc.errors import Cancelled
from synthoscope.synthetic.drawing import MOST_GENERATED, draw
from synthoscope_ray.program import Stores, open_stores
from synthoscope_ray.tasks import RemoteTask

_TASK_CPUS = 0.25
_TASK_THREADS = 1
_POLL_SECONDS = 0.25


def drawn(labels: Sequence[str], seed: int) -> Set[int]:
    """Which of a set's images, by their labels, are measured: of a large set some, drawn by the seed."""
    of_all = np.array(labels, object)
    rows = {str(label): np.flatnonzero(of_all == label) for label in sorted(set(labels))}
    return set(draw(rows, MOST_GENERATED, np.random.default_rng(seed)).tolist())


def judge_on_ray(
    worker: JobWorker, stores: Stores, record: SyntheticSet, images: Sequence[SyntheticImage]
) -> SyntheticSet:
    """`verdict`, and `measurement` if asked for, of a set that is about to be published, from the images to measure.

    Raises Cancelled when the job is cancelled, besides what `verdict.verdict` and `report.report` raise.
    """
    task = RemoteTask(_judge, _TASK_CPUS, stores.settings.ray.worker_retries)
    reference = task.start(record.SerializeToString(), [image.SerializeToString() for image in images])
    while not ray.wait([reference], timeout=_POLL_SECONDS)[0]:
        if worker.cancelled():
            ray.cancel(reference)
            raise Cancelled("stopped while its images were measured")
        worker.report(Progress("measuring", 0, len(images)))
    return SyntheticSet.FromString(task.result(reference))


def _judge(record: bytes, images: Sequence[bytes]) -> bytes:
    # Only here: the metrics take seconds and 150 MiB to load, which the driver need not spend.
    from services.synthesis.report import report
    from services.synthesis.verdict import verdict

    torch.set_num_threads(_TASK_THREADS)
    stores, asked = open_stores(), SyntheticSet.FromString(record)
    listed = [SyntheticImage.FromString(image) for image in images]
    found = SyntheticSet(verdict=verdict(stores.objects, stores.settings.cache, asked, listed))
    if asked.options.measure_with:
        found.measurement.CopyFrom(report(stores.objects, stores.settings.cache, asked, listed))
    return found.SerializeToString()
