"""What a generation will ask the gate: a set beside its generator's training images, as the generator saw them.

Not called yet: it has to be shown on Ray first.
"""

from collections.abc import Sequence, Set

import numpy as np
import ray
import torch

from services.synthesis.candidates import TRAINING_COPY
from synthoscope import models
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion, Split
from synthoscope.api.synthesis.v1.synthesis_pb2 import SyntheticImage, SyntheticSet, Verdict
from synthoscope.datasets import manifest
from synthoscope.datasets.cache import PixelCache
from synthoscope.datasets.loading import load_images, load_split
from synthoscope.images.preprocessing import Pipeline
from synthoscope.jobs.job import Progress
from synthoscope.jobs.worker import JobWorker
from synthoscope.metrics.efficientnet_lite0_onnx import EfficientNetLite0
from synthoscope.metrics.labelled_images import LabelledImages
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import Cancelled, FailedPrecondition, NotFound
from synthoscope.synthetic.gate import MOST_GENERATED, Made, chosen, decided, judge
from synthoscope.synthetic.preprocessing import is_synthetic
from synthoscope_ray.program import open_stores
from synthoscope_ray.tasks import result

_TASK_CPUS = 0.25
_TASK_THREADS = 1
_POLL_SECONDS = 0.25


def drawn(labels: Sequence[str], seed: int) -> Set[int]:
    """Which of a set's images, by their labels, are measured: of a large set some, drawn by the seed."""
    of_all = np.array(labels, object)
    rows = {str(label): np.flatnonzero(of_all == label) for label in sorted(set(labels))}
    return set(chosen(rows, MOST_GENERATED, np.random.default_rng(seed)).tolist())


def judge_on_ray(worker: JobWorker, record: SyntheticSet, images: Sequence[SyntheticImage]) -> Verdict:
    """`verdict`, as a Ray task, while the job says that it is measuring. Raises Cancelled besides what that raises."""
    worker.report(Progress("measuring", 0, len(images)))
    task = ray.remote(num_cpus=_TASK_CPUS)(_judge)
    reference = task.remote(record.SerializeToString(), [image.SerializeToString() for image in images])
    while not ray.wait([reference], timeout=_POLL_SECONDS)[0]:
        if worker.cancelled():
            ray.cancel(reference)
            raise Cancelled("stopped while its images were measured")
    return Verdict.FromString(result(reference))


def _judge(record: bytes, images: Sequence[bytes]) -> bytes:
    torch.set_num_threads(_TASK_THREADS)
    stores = open_stores()
    listed = [SyntheticImage.FromString(image) for image in images]
    found = verdict(stores.objects, stores.settings.cache, SyntheticSet.FromString(record), listed)
    return found.SerializeToString()


def verdict(objects: ObjectStore, cache: PixelCache, record: SyntheticSet, images: Sequence[SyntheticImage]) -> Verdict:
    """The verdict on a set that is about to be published, from those of its images that are to be measured.

    Training images are those of the training split, without synthetic ones that were merged into it; a set whose
    generator's are gone is refused. Copies that the filter refused count, by the record's tallies. Raises DataLoss when
    stored bytes are not what their digest says.
    """
    gan = models.get(objects, record.model_version)
    try:
        training = _training_images(objects, cache, gan.lineage.dataset_version, gan.image_size)
    except (NotFound, FailedPrecondition):
        return decided(Verdict(dataset_version=gan.lineage.dataset_version), {})
    pixels = load_images(objects, [image.image for image in images], Pipeline().sized(gan.image_size))
    generated = LabelledImages(pixels, [image.label for image in images])
    found = judge(generated, training, EfficientNetLite0(), _made(record), record.seed)
    found.dataset_version = gan.lineage.dataset_version
    return found


def _made(record: SyntheticSet) -> Made:
    tallies = record.tallies.values()
    return Made(sum(tally.made for tally in tallies), sum(tally.refused.get(TRAINING_COPY, 0) for tally in tallies))


def _training_images(objects: ObjectStore, cache: PixelCache, dataset_version: str, size: int) -> LabelledImages:
    split = load_split(objects, dataset_version, Split.SPLIT_TRAIN, size, cache)
    version = Records(objects, DatasetVersion).get(dataset_version)
    images = [image for image in manifest.read(objects, version) if image.split == Split.SPLIT_TRAIN]
    real = [not is_synthetic(image.origin) for image in images]
    labels = [split.classes[label] for label in split.labels]
    if all(real):
        return LabelledImages(split.images, labels)
    kept = np.flatnonzero(real)
    return LabelledImages(split.images[kept], [labels[row] for row in kept])
