"""Storing a dataset version: the one way in, for what is imported and for what is derived."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from synthoscope import names
from synthoscope.api.datasets.v1.datasets_pb2 import ClassCount, DatasetImage, DatasetVersion, Derivation
from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.api.images.v1.preprocessing_pb2 import Preprocessing
from synthoscope.datasets import attributes, manifest
from synthoscope.images.preprocessing import for_dataset
from synthoscope.images.storage import image_name, image_ref
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, NotFound

THREADS = 16


def store(
    objects: ObjectStore,
    dataset: str,
    images: Sequence[DatasetImage],
    *,
    preprocessing: Preprocessing | None = None,
    derivation: Derivation | None = None,
) -> DatasetVersion:
    """The version of `dataset` that holds these images, stored unless it is there; `latest` stays what it is.

    `images` have passed `importing.check_images`; of their ImageRefs only `sha256` is read. The same contents, made in
    the same way, give the version that is there. Raises InvalidInput when the preprocessing is wrong or an image has
    no such frame, FailedPrecondition when an image is not stored.
    """
    ids = names.DATASET.parse(dataset, "dataset")
    preprocessing = for_dataset(preprocessing)
    version_id = manifest.version_id(images, preprocessing, derivation)
    name = names.DATASET_VERSION.format(**ids, version=version_id)
    records = Records(objects, DatasetVersion)
    try:
        return records.get(name)
    except NotFound:
        complete = _with_refs(objects, ids["tenant"], images)
    data = manifest.encode(complete)
    version = _describe(complete)
    version.MergeFrom(DatasetVersion(name=name, preprocessing=preprocessing, derivation=derivation))
    version.manifest_sha256 = hashlib.sha256(data).hexdigest()
    version.create_time.GetCurrentTime()
    objects.put(manifest.key(name), data)
    return version if records.create(name, version) else records.get(name)


def _describe(images: Sequence[DatasetImage]) -> DatasetVersion:
    counts = Counter((image.split, image.label) for image in images)
    return DatasetVersion(
        classes=sorted({image.label for image in images}),
        counts=[ClassCount(split=split, label=label, count=count) for (split, label), count in sorted(counts.items())],
        image_count=len(images),
        size_bytes=sum(image.image.size_bytes for image in images),
        modes=Counter(image.image.mode for image in images),
        attribute_counts=attributes.counts(images),
    )


def _with_refs(objects: ObjectStore, tenant: str, images: Sequence[DatasetImage]) -> list[DatasetImage]:
    digests = sorted({image.image.sha256 for image in images})

    def find(sha256: str) -> ImageRef | None:
        try:
            return image_ref(objects, image_name(tenant, sha256))
        except NotFound:
            return None

    with ThreadPoolExecutor(THREADS) as threads:
        refs = dict(zip(digests, threads.map(find, digests), strict=True))
    complete = []
    for image in images:
        ref = refs[image.image.sha256]
        if ref is None:
            missing = sum(found is None for found in refs.values())
            raise FailedPrecondition(
                f"{missing} of {len(digests)} images are not stored, {image.path!r} among them; upload them first"
            )
        if image.frame >= max(ref.frames, 1):
            raise InvalidInput("images.frame", f"{image.path!r} has frames 0 to {max(ref.frames, 1) - 1}")
        complete.append(manifest.changed(image, image=ref))
    return complete
