import hashlib

import pytest

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, DatasetVersion, Derivation, Split
from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.api.images.v1.preprocessing_pb2 import Preprocessing
from synthoscope.datasets import manifest
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import DataLoss

NAME = "tenants/default/datasets/d/versions/v1"


def image(path: str, label: str = "a", sha256: str = "0" * 64, split: int = Split.SPLIT_TRAIN) -> DatasetImage:
    ref = ImageRef(name=f"tenants/default/images/{sha256}", sha256=sha256, media_type="image/png", mode="L")
    ref.width, ref.height, ref.size_bytes = 3, 4, 5
    return DatasetImage(path=path, label=label, split=split, image=ref)


def test_the_version_is_a_digest_of_the_contents_in_any_order() -> None:
    images = [image("b"), image("a")]
    version = manifest.version_id(images)
    assert len(version) == 16
    assert manifest.version_id(images[::-1]) == version
    others = [image("c"), image("a", label="b"), image("a", sha256="1" * 64), image("a", split=Split.SPLIT_TEST)]
    others += [DatasetImage(path="a", label="a", split=Split.SPLIT_TRAIN, image=images[1].image, patient="p")]
    assert len({version, *(manifest.version_id([images[0], other]) for other in others)}) == 6


def test_plain_images_keep_the_id_that_they_always_had() -> None:
    digest = "0" * 64
    rows = f'[["a","train","a","{digest}"],["b","test","a","{digest}"]]'
    images = [image("b", split=Split.SPLIT_TEST), image("a")]
    assert manifest.version_id(images) == hashlib.sha256(rows.encode()).hexdigest()[:16]


def test_attributes_count_in_the_id_of_images_that_have_some() -> None:
    digest = "0" * 64
    rows = f'[["a","train","a","{digest}","age_band=40-49","sex=F"],["b","train","a","{digest}"]]'
    images = [image("b"), image("a")]
    images[1].attributes.update({"sex": "F", "age_band": "40-49"})
    assert manifest.version_id(images) == hashlib.sha256(rows.encode()).hexdigest()[:16]
    images[1].attributes["sex"] = "M"
    assert manifest.version_id(images) != hashlib.sha256(rows.encode()).hexdigest()[:16]


def test_manifests_without_attributes_are_read_and_written_as_they_always_were() -> None:
    digest = "0" * 64
    facts = f'"path":"a","split":"train","label":"x","sha256":"{digest}","mediaType":"image/png"'
    stored = b'{"images":[{%s,"width":3,"height":4,"mode":"L","sizeBytes":5}]}' % facts.encode()
    assert manifest.decode(stored, "default") == [image("a", label="x")]
    assert manifest.encode([image("a", label="x")]) == stored


def test_the_same_images_made_in_another_way_are_another_version() -> None:
    images = [image("a"), image("b")]
    squeezed, derived = Preprocessing(steps=[{"resizing": {"mode": "MODE_SQUEEZE"}}]), Derivation(parents=["p"])
    made = [(None, None), (squeezed, None), (None, derived), (squeezed, derived)]
    assert len({manifest.version_id(images, *how) for how in made}) == 4


def test_images_come_back_in_order_of_their_paths() -> None:
    images = [image("b", split=Split.SPLIT_TEST), image("a ö", label="x")]
    images[0].patient, images[0].frame, images[0].origin, images[0].image.frames = "p", 2, "tenants/t/x", 3
    images[1].attributes.update({"sex": "F", "age_band": "40-49"})
    assert manifest.decode(manifest.encode(images), "default") == images[::-1]


def test_a_lost_or_changed_manifest_is_noticed() -> None:
    objects = InMemoryObjectStore()
    data = manifest.encode([image("a")])
    version = DatasetVersion(name=NAME, manifest_sha256=hashlib.sha256(data).hexdigest())
    with pytest.raises(DataLoss, match="gone"):
        manifest.read(objects, version)
    objects.put(manifest.key(NAME), data)
    assert len(manifest.read(objects, version)) == 1
    objects.put(manifest.key(NAME), data + b" ")
    with pytest.raises(DataLoss, match="not the one"):
        manifest.read(objects, version)
    for broken in (b"{", b"[]", b'{"images": [{}]}'):
        with pytest.raises(DataLoss, match="cannot be read"):
            manifest.decode(broken, "default")


def test_a_changed_image_is_a_copy_with_other_values() -> None:
    before = image("a", split=Split.SPLIT_TEST)
    after = manifest.changed(before, label="b", image=ImageRef(sha256="1" * 64))
    assert after == DatasetImage(path="a", label="b", split=Split.SPLIT_TEST, image=ImageRef(sha256="1" * 64))
    assert before == image("a", split=Split.SPLIT_TEST)
    before.attributes.update({"sex": "F", "view": "PA"})
    assert manifest.changed(before, label="b").attributes == {"sex": "F", "view": "PA"}
    assert manifest.changed(before, attributes={"view": "AP"}).attributes == {"view": "AP"}
