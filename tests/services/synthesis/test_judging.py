"""What the gate is shown, without Ray; test_generation.py has it on Ray."""

import json

import numpy as np
import pytest
from google.protobuf import json_format

from services.synthesis.judging import drawn
from services.synthesis.report import finite, report
from services.synthesis.verdict import verdict
from synthoscope import models
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Derivation, Split
from synthoscope.api.models.v1.models_pb2 import Lineage, ModelKind, ModelVersion
from synthoscope.api.synthesis.v1.synthesis_pb2 import Admission, SyntheticImage, SyntheticSet
from synthoscope.datasets.cache import PixelCache
from synthoscope.datasets.deriving import derive
from synthoscope.datasets.importing import import_version
from synthoscope.images.storage import store_pixels
from synthoscope.metrics.efficientnet_lite0_onnx import EfficientNetLite0
from synthoscope.objects import InMemoryObjectStore
from synthoscope.synthetic import sets
from synthoscope.synthetic.extractors import EFFICIENTNET

DATASET = "tenants/default/datasets/d"
LABELS = ("a", "b")


def pictures(objects: InMemoryObjectStore, count: int, seed: int):
    pixels = np.random.default_rng(seed).integers(0, 256, (count, 16, 16), np.uint8)
    return [store_pixels(objects, "default", image) for image in pixels]


def generator(objects: InMemoryObjectStore, dataset_version: str) -> str:
    lineage = Lineage(dataset_version=dataset_version)
    record = ModelVersion(kind=ModelKind.MODEL_KIND_GAN, classes=LABELS, image_size=16, lineage=lineage)
    return models.publish(objects, "tenants/default/models/gan", record, {}).name


@pytest.fixture
def objects() -> InMemoryObjectStore:
    return InMemoryObjectStore()


@pytest.fixture
def cache(tmp_path) -> PixelCache:
    return PixelCache(tmp_path)


def dataset(objects: InMemoryObjectStore) -> str:
    images = [
        DatasetImage(path=f"{split}/{row}", label=LABELS[row % 2], split=split, image=ref)
        for split in (Split.SPLIT_TRAIN, Split.SPLIT_TEST)
        for row, ref in enumerate(pictures(objects, 8, split))
    ]
    return import_version(objects, DATASET, images).name


def judged(objects: InMemoryObjectStore, cache: PixelCache, dataset_version: str):
    record = SyntheticSet(model_version=generator(objects, dataset_version), seed=1)
    images = [SyntheticImage(label=LABELS[row % 2], image=ref) for row, ref in enumerate(pictures(objects, 6, 9))]
    return verdict(objects, cache, record, images)


def counts(found) -> dict[str, float]:
    return {item.name: item.value for item in found.criteria if item.HasField("value")}


def test_a_set_is_judged_beside_the_training_split_alone(objects, cache) -> None:
    version = dataset(objects)
    found = judged(objects, cache, version)
    assert counts(found) == {"generated_images": 3, "training_images": 4}
    assert found.admission == Admission.ADMISSION_REFUSED
    assert (found.dataset_version, found.seed) == (version, 1)


def test_synthetic_images_that_were_merged_are_no_training_images(objects, cache) -> None:
    record = SyntheticSet(name="tenants/default/syntheticSets/s", model_version=generator(objects, dataset(objects)))
    sets.publish(objects, record, [SyntheticImage(label="a", image=ref) for ref in pictures(objects, 5, 7)])
    merge = Derivation(merge={"synthetic_sets": [record.name]})
    merged = derive(objects, "tenants/default/datasets/e", f"{DATASET}/versions/latest", merge)
    assert counts(judged(objects, cache, merged.name)) == {"generated_images": 3, "training_images": 4}


def test_without_the_training_images_nothing_is_admitted(objects, cache) -> None:
    found = judged(objects, cache, f"{DATASET}/versions/0123456789abcdef")
    assert found.admission == Admission.ADMISSION_REFUSED
    assert counts(found) == {}


@pytest.mark.parametrize("labels", [LABELS, ("",)])
def test_the_whole_report_shows_that_images_are_copies(objects, cache, labels) -> None:
    copies = pictures(objects, 8, 1)
    images = [
        SyntheticImage(label=labels[row % len(labels)], image=ref)
        for row, ref in enumerate([*copies, *pictures(objects, 4, 9)])
    ]
    more = [
        DatasetImage(path=f"{row}", label=LABELS[row % 2], split=Split.SPLIT_TRAIN, image=ref)
        for row, ref in enumerate([*copies, *pictures(objects, 8, 5)])
    ]
    gan = generator(objects, import_version(objects, DATASET, more).name)
    record = SyntheticSet(model_version=gan, options={"measure_with": EFFICIENTNET})
    found = json.loads(json_format.MessageToJson(report(objects, cache, record, images)))
    assert found["extractor"] == EfficientNetLite0().name
    assert found["counts"]["generated"] == {label: 12 / len(labels) for label in labels}
    assert found["generated_nearness"]["psnr"] > 60


def test_numbers_that_json_has_not_are_left_out() -> None:
    assert finite({"a": [float("nan"), 1.5], "b": {"c": float("inf"), "d": "x"}}) == {
        "a": [None, 1.5],
        "b": {"c": None, "d": "x"},
    }


def test_no_report_of_few_images(objects, cache) -> None:
    record = SyntheticSet(model_version=generator(objects, dataset(objects)), options={"measure_with": EFFICIENTNET})
    images = [SyntheticImage(label="a", image=ref) for ref in pictures(objects, 9, 9)]
    assert not report(objects, cache, record, images).fields


def test_of_a_large_set_some_of_each_class_are_measured() -> None:
    labels = ["a"] * 300 + ["b"] * 3000
    rows = drawn(labels, seed=1)
    assert rows == drawn(labels, seed=1) != drawn(labels, seed=2)
    assert sum(row < 300 for row in rows) == 250
    assert 900 < len(rows) - 250 < 920
    assert drawn(["a", "b", "a"], seed=1) == {0, 1, 2}
