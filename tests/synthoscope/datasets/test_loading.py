from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import dicoms
import numpy as np
import pytest

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, DatasetVersion, Split
from synthoscope.datasets.cache import PixelCache
from synthoscope.datasets.importing import import_version
from synthoscope.datasets.loading import load_images, load_split
from synthoscope.images.preprocessing import Pipeline
from synthoscope.images.steps.margin_removal import MarginRemoval
from synthoscope.images.steps.normalization import Normalization
from synthoscope.images.steps.resizing import Resizing
from synthoscope.images.storage import store_image, store_pixels
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import DataLoss, FailedPrecondition, NotFound

TRAIN, TEST = Split.SPLIT_TRAIN, Split.SPLIT_TEST


class CountingStore(InMemoryObjectStore):
    def __init__(self) -> None:
        super().__init__()
        self.images_read = 0

    def get(self, key: str) -> bytes:
        self.images_read += "/images/" in key
        return super().get(key)


def a_version(objects: InMemoryObjectStore, count: int = 30) -> DatasetVersion:
    images = []
    for number in range(count):
        ref = store_pixels(objects, "default", np.full((20, 10 + number), number, np.uint8))
        label, split = "cba"[number % 3], TEST if number < 6 else TRAIN
        images.append(DatasetImage(path=f"{number:03}.png", label=label, split=split, image=ref))
    return import_version(objects, "tenants/default/datasets/d", images)


def load_in_a_process(directory: str) -> int:
    objects = CountingStore()
    version = a_version(objects)
    found = load_split(objects, version.name, TRAIN, 16, PixelCache(Path(directory)))
    assert (found.images[:, 0, 0, 0] == np.arange(6, 30)).all()
    return objects.images_read


def test_a_split_is_loaded_in_order_and_only_once(tmp_path: Path) -> None:
    objects = CountingStore()
    version = a_version(objects)
    found = load_split(objects, version.name, TRAIN, 16, PixelCache(tmp_path))
    assert found.images.shape == (24, 16, 16, 3)
    assert found.images.dtype == np.uint8
    assert (found.images == np.arange(6, 30)[:, None, None, None]).all()
    assert found.classes == ("a", "b", "c")
    assert found.labels.dtype == np.int64
    assert found.labels.tolist() == [2, 1, 0] * 8
    assert found.paths[0] == "006.png"
    assert objects.images_read == 24
    again = load_split(objects, "tenants/default/datasets/d/versions/latest", TRAIN, 16, PixelCache(tmp_path))
    assert objects.images_read == 24
    assert np.array_equal(again.images, found.images)
    assert load_split(objects, version.name, TEST, 16, PixelCache(tmp_path)).images.shape[0] == 6
    assert load_split(objects, version.name, TRAIN, 8, PixelCache(tmp_path)).images.shape[1:] == (8, 8, 3)
    with pytest.raises(ValueError, match="read-only"):
        found.images[0] = 0


def test_threads_that_ask_at_the_same_time_share_the_work(tmp_path: Path) -> None:
    objects = CountingStore()
    version = a_version(objects)
    with ThreadPoolExecutor(4) as threads:
        loads = [threads.submit(load_split, objects, version.name, TRAIN, 16, PixelCache(tmp_path)) for _ in range(4)]
    assert all(load.result().images.shape[0] == 24 for load in loads)
    assert objects.images_read == 24


def test_processes_that_ask_at_the_same_time_share_the_work(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as processes:
        reads = list(processes.map(load_in_a_process, [str(tmp_path)] * 3))
    assert sorted(reads) == [0, 0, 24]


def test_a_broken_download_leaves_nothing_and_can_be_tried_again(tmp_path: Path) -> None:
    objects = InMemoryObjectStore()
    version = a_version(objects)
    name = store_pixels(objects, "default", np.full((20, 29), 19, np.uint8)).name
    good = objects.head(name), objects.get(name)
    objects.put(name, b"other", metadata=good[0].metadata)
    with pytest.raises(DataLoss, match="bytes"):
        load_split(objects, version.name, TRAIN, 16, PixelCache(tmp_path))
    assert not list(tmp_path.rglob("*.npy"))
    objects.put(name, good[1], metadata=good[0].metadata)
    assert load_split(objects, version.name, TRAIN, 16, PixelCache(tmp_path)).images[13].max() == 19


def test_unknown_versions_and_empty_splits(tmp_path: Path) -> None:
    objects = InMemoryObjectStore()
    for version in ("latest", "0123456789abcdef"):
        with pytest.raises(NotFound):
            load_split(objects, f"tenants/default/datasets/d/versions/{version}", TRAIN, 16, PixelCache(tmp_path))
    ref = store_pixels(objects, "default", np.zeros((4, 4), np.uint8))
    image = DatasetImage(path="a.png", label="a", split=TRAIN, image=ref)
    version = import_version(objects, "tenants/default/datasets/d", [image])
    with pytest.raises(FailedPrecondition, match="no test images"):
        load_split(objects, version.name, TEST, 16, PixelCache(tmp_path))


def test_stored_images_are_loaded_in_the_order_asked() -> None:
    objects = InMemoryObjectStore()
    refs = [store_pixels(objects, "default", np.full((5, 7), value, np.uint8)) for value in (9, 3)]
    pixels = load_images(objects, [*refs, refs[0]], Pipeline().sized(4))
    assert pixels.shape == (3, 4, 4, 3)
    assert pixels[:, 0, 0, 0].tolist() == [9, 3, 9]
    assert load_images(objects, [], Pipeline().sized(4)).shape == (0, 4, 4, 3)


def test_each_frame_of_a_dicom_image_is_a_picture_of_its_own(tmp_path: Path) -> None:
    frames = np.zeros((3, 16, 16), np.uint8)
    frames[0, :8], frames[1, 8:], frames[2, :, 8:] = 200, 200, 200
    objects = InMemoryObjectStore()
    data = dicoms.dicom(frames[0], NumberOfFrames=3, PixelData=frames.tobytes())
    ref = store_image(objects, "default", data)
    images = [DatasetImage(path=f"{frame}", label="a", split=TRAIN, image=ref, frame=frame) for frame in range(3)]
    version = import_version(objects, "tenants/default/datasets/d", images)
    found = load_split(objects, version.name, TRAIN, 16, PixelCache(tmp_path)).images
    assert np.array_equal(found[:, :, :, 0] > 128, frames > 0)


def test_a_version_is_read_with_its_preprocessing_and_the_default_keeps_its_place_in_the_cache(tmp_path: Path) -> None:
    objects = InMemoryObjectStore()
    ref = store_pixels(objects, "default", np.pad(np.full((8, 16), 200, np.uint8), 12))
    images = [DatasetImage(path="a.png", label="a", split=TRAIN, image=ref)]
    plain = import_version(objects, "tenants/default/datasets/d", images)
    cropped = Pipeline((MarginRemoval(),), Resizing(pad=True), Normalization(0.5))
    version = import_version(objects, "tenants/default/datasets/d", images, preprocessing=cropped.to_message())
    assert load_split(objects, plain.name, TRAIN, 16, PixelCache(tmp_path)).pipeline == Pipeline().sized(16)
    found = load_split(objects, version.name, TRAIN, 16, PixelCache(tmp_path))
    assert found.pipeline == cropped.sized(16)
    assert np.array_equal(found.images[0, :, :, 0] > 0, np.arange(16)[:, None].repeat(16, 1) // 4 % 3 > 0)
    files = {file.parent.name: file.name for file in tmp_path.rglob("*.npy")}
    assert files == {
        plain.name.rpartition("/")[2]: "train-16-squeeze1.npy",
        version.name.rpartition("/")[2]: f"train-16-steps1-{cropped.sized(16).digest}.npy",
    }
