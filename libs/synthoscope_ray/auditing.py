"""A dataset version's audit: one Ray task reads every image, and what it found is stored.

The task, and not the driver, does the work, so that Ray's budget counts it.
"""

import time

import ray

from synthoscope.api.datasets.v1.audits_pb2 import DatasetAudit
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion
from synthoscope.datasets import manifest
from synthoscope.datasets.audit import storage
from synthoscope.datasets.audit.inheritance import find_clusters
from synthoscope.datasets.grouping import Grouping, grouping_of
from synthoscope.images.storage import load_image_bytes
from synthoscope.jobs.job import Progress
from synthoscope.jobs.worker import JobWorker
from synthoscope.pipelining import CallAhead
from synthoscope.records import Records
from synthoscope.rpc.errors import Cancelled
from synthoscope_ray.program import Stores, open_stores
from synthoscope_ray.tasks import RemoteTask
from synthoscope_ray.waiting import QueueWatch

_POLL_SECONDS = 0.25
_READING_THREADS = 16
_READ_AHEAD = 64  # images in memory before they are looked at


def ensure_grouping(worker: JobWorker, stores: Stores, version: DatasetVersion) -> Grouping:
    """Which training images a job keeps together; a version of whose copies no audit tells is audited first."""
    if find_clusters(stores.objects, version) is None:
        ensure_audit(worker, stores, version.name)
    return grouping_of(stores.objects, worker.name, version)


def ensure_audit(worker: JobWorker, stores: Stores, version: str) -> None:
    """Audits a dataset version on behalf of a job, unless this version of the code has done so before."""
    if storage.is_current(stores.objects, version):
        return
    if not ray.is_initialized():
        ray.init(address="auto")
    settings = stores.settings.ray
    watch = QueueWatch(worker, stores.jobs, {"CPU": settings.worker_cpus})
    task = RemoteTask(_audit, settings.worker_cpus, settings.worker_retries)
    reference = task.start(worker.name, worker.attempt, version, settings.worker_threads)
    while not ray.wait([reference], timeout=_POLL_SECONDS)[0]:
        watch.look()
        if worker.cancelled():
            ray.cancel(reference, force=True)
            raise Cancelled("cancelled while the dataset was audited")
    storage.put(stores.objects, version, DatasetAudit.FromString(task.result(reference)))


def _audit(job: str, attempt: int, version: str, threads: int) -> bytes:
    """The task: the audit, serialized."""
    # Its libraries take seconds to load, and every training's driver and worker imports this module.
    from synthoscope.datasets.audit import auditing

    stores = open_stores()
    worker = JobWorker(stores.jobs, stores.objects, job, attempt)
    worker.running()
    started = time.monotonic()

    def on_progress(done: int, total: int) -> None:
        rate = done / max(time.monotonic() - started, 1e-3)
        left = (total - done) / rate if rate else None
        worker.report(Progress("auditing", done, total, rate, left))

    images = manifest.read(stores.objects, Records(stores.objects, DatasetVersion).get(version))

    def load(name: str) -> bytes:
        return load_image_bytes(stores.objects, name)

    names = list(dict.fromkeys(image.image.name for image in images))
    with CallAhead(load, names, threads=_READING_THREADS, ahead=_READ_AHEAD) as read:
        report = auditing.audit(images, lambda image: read(image.image.name), on_progress, threads)
    return report.SerializeToString()
