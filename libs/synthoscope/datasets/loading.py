"""A dataset's pixels for training: read and decoded once, then mapped from a local cache."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthoscope import names
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, DatasetVersion, Split
from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.datasets import manifest
from synthoscope.datasets.cache import PixelCache
from synthoscope.datasets.reading import read_singly, read_split
from synthoscope.images.decoding import decode
from synthoscope.images.preprocessing import Pipeline
from synthoscope.objects import ObjectStore
from synthoscope.pipelining import map_ahead
from synthoscope.records import Records
from synthoscope.rpc.errors import FailedPrecondition
from synthoscope.synthetic.preprocessing import is_synthetic, pipeline_for

# Part of the cache's key: change them whenever decoding, or a step, gives other pixels.
_SQUEEZED, _PREPROCESSED = "squeeze1", "steps1"

_AHEAD = 4


@dataclass(frozen=True)
class LabelledImages:
    """Images as uint8 RGB (N × H × W × 3, read only), their class indices (int64, N), class names by index, paths.

    `pipeline` is what made them of the stored images; its normalisation is left to the network's input.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    paths: tuple[str, ...]
    pipeline: Pipeline


def load_split(
    objects: ObjectStore,
    version_name: str,
    split: Split,
    image_size: int,
    cache: PixelCache,
    pipeline: Pipeline | None = None,
) -> LabelledImages:
    """The images of one split of a dataset version, `image_size` pixels square, in order of their paths.

    They are preprocessed as the version says, or by another `pipeline`. Classes are all of the version's, also those
    without an image in this split. The pixels lie in a file of the cache that is made once and whole by whoever asks
    first; processes that ask at the same time wait for it.

    Raises NotFound for an unknown version, FailedPrecondition for a split without images or with synthetic ones that
    were preprocessed in another way, DataLoss when stored bytes are not what their digest says, ResourceExhausted when
    the cache's disk is full.
    """
    version = Records(objects, DatasetVersion).get(version_name)
    chosen = [image for image in manifest.read(objects, version) if image.split == split]
    if not chosen:
        raise FailedPrecondition(f"{version.name} has no {manifest.SPLIT_NAMES.get(split, 'such')} images")
    pipeline = (pipeline or Pipeline.from_message(version.preprocessing)).sized(image_size)

    def fill(pixels: NDArray[np.uint8]) -> None:
        pipelines = _pipelines(objects, chosen, pipeline)
        decode_into(pixels, chosen, read_split(objects, version, split, chosen), pipelines)

    ids = names.DATASET_VERSION.parse(version.name)
    file = f"{manifest.SPLIT_NAMES[split]}-{image_size}-{_cache_key(pipeline)}"
    index = {label: number for number, label in enumerate(version.classes)}
    return LabelledImages(
        images=cache.get(
            f"{ids['tenant']}/{ids['dataset']}/{ids['version']}/{file}", (len(chosen), image_size, image_size, 3), fill
        ),
        labels=np.array([index[image.label] for image in chosen], np.int64),
        classes=tuple(version.classes),
        paths=tuple(image.path for image in chosen),
        pipeline=pipeline,
    )


def load_images(objects: ObjectStore, refs: Sequence[ImageRef], pipeline: Pipeline) -> NDArray[np.uint8]:
    """Stored images as a sized pipeline makes them, uint8 RGB N×S×S×3, in the order of `refs`.

    Raises NotFound, or DataLoss when stored bytes are not what their digest says.
    """
    pixels = np.empty((len(refs), pipeline.resizing.size, pipeline.resizing.size, 3), np.uint8)
    images = [DatasetImage(image=ref) for ref in refs]
    decode_into(pixels, images, read_singly(objects, images), [pipeline] * len(images))
    return pixels


def decode_into(
    pixels: NDArray[np.uint8],
    images: Sequence[DatasetImage],
    stored: Iterable[tuple[str, bytes]],
    pipelines: Sequence[Pipeline],
) -> None:
    """Fills `pixels`, uint8 N × S × S × 3, with N images from their stored bytes, which come by SHA-256 in any order.

    There is a pipeline for each image. Decodes on all cores. Raises what `stored` and decoding raise.
    """
    places: dict[str, list[int]] = {}
    for index, image in enumerate(images):
        places.setdefault(image.image.sha256, []).append(index)

    def work() -> Iterator[tuple[int, bytes]]:
        return ((index, data) for sha256, data in stored for index in places[sha256])

    def place(task: tuple[int, bytes]) -> None:
        index, data = task
        pixels[index] = pipelines[index].apply(decode(data, frame=images[index].frame).pixels).pixels

    cores = len(os.sched_getaffinity(0))
    for _ in map_ahead(place, work(), threads=cores, ahead=_AHEAD * cores):
        pass


def _pipelines(objects: ObjectStore, images: Sequence[DatasetImage], pipeline: Pipeline) -> list[Pipeline]:
    """A dataset's pipeline for each image; another for synthetic ones that were merged into it, if need be."""
    origins = {image.origin for image in images if is_synthetic(image.origin)}
    others = {origin: pipeline_for(objects, origin, pipeline) for origin in origins}
    return [others.get(image.origin, pipeline) for image in images]


def _cache_key(pipeline: Pipeline) -> str:
    return _SQUEEZED if pipeline.only_squeezes else f"{_PREPROCESSED}-{pipeline.digest}"
