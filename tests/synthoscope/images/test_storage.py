import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from synthoscope.images.decoding import decode
from synthoscope.images.storage import encode_png, image_ref, load_image_bytes, store_image, store_pixels
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import DataLoss, InvalidInput, NotFound


def a_jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (6, 4), 100).save(buffer, "JPEG")
    return buffer.getvalue()


def test_an_image_is_named_by_its_digest_and_its_facts_travel_with_it() -> None:
    objects = InMemoryObjectStore()
    data = a_jpeg()
    ref = store_image(objects, "default", data)
    digest = hashlib.sha256(data).hexdigest()
    assert ref.name == f"tenants/default/images/{digest}"
    assert (ref.sha256, ref.media_type, ref.mode) == (digest, "image/jpeg", "L")
    assert (ref.width, ref.height, ref.size_bytes) == (6, 4, len(data))
    assert image_ref(objects, ref.name) == ref
    assert load_image_bytes(objects, ref.name) == data
    assert store_image(objects, "default", data) == ref
    assert len(list(objects.list(""))) == 1


def test_what_does_not_decode_is_not_stored() -> None:
    objects = InMemoryObjectStore()
    for data in (b"", b"no image", a_jpeg()[:-30]):
        with pytest.raises(InvalidInput):
            store_image(objects, "default", data)
    assert list(objects.list("")) == []


@pytest.mark.parametrize(("shape", "mode"), [((5, 7), "L"), ((5, 7, 3), "RGB")])
def test_pixels_come_back_as_they_were(shape: tuple[int, ...], mode: str) -> None:
    objects = InMemoryObjectStore()
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    ref = store_pixels(objects, "default", pixels)
    assert (ref.width, ref.height, ref.mode, ref.media_type) == (7, 5, mode, "image/png")
    assert image_ref(objects, ref.name) == ref
    back = decode(load_image_bytes(objects, ref.name)).pixels
    assert np.array_equal(back if pixels.ndim == 3 else back[:, :, 0], pixels)
    assert store_image(objects, "default", encode_png(pixels)) == ref


def test_changed_bytes_are_noticed() -> None:
    objects = InMemoryObjectStore()
    ref = store_image(objects, "default", a_jpeg())
    objects.put(ref.name, b"other bytes")
    with pytest.raises(DataLoss, match="bytes"):
        load_image_bytes(objects, ref.name)
    with pytest.raises(DataLoss, match="metadata"):
        image_ref(objects, ref.name)


def test_unknown_images_and_wrong_names() -> None:
    objects = InMemoryObjectStore()
    for read in (image_ref, load_image_bytes):
        with pytest.raises(NotFound):
            read(objects, "tenants/default/images/" + "0" * 64)
        with pytest.raises(InvalidInput):
            read(objects, "tenants/default/images/abc")
        with pytest.raises(InvalidInput):
            read(objects, "tenants/default/jobs/" + "0" * 64)
