"""Images in the object store: content-addressed, so the same bytes are kept once and never change.

The key is the image's name, `tenants/{tenant}/images/{sha256}`. Size, colour mode, media type and frames are the
object's metadata, so that an ImageRef can be rebuilt without reading the pixels. So are, for DICOM, the pseudonyms of
patient, imaging study and instance: `image_identity` is how an importer learns whose image it is.
"""

import dataclasses
import hashlib
import io
import re

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from synthoscope import names
from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.images.decoding import PNG, ImageFacts, ImagingIdentity, decode
from synthoscope.objects import ObjectInfo, ObjectStore
from synthoscope.rpc.errors import DataLoss, InvalidInput, NotFound

_IDENTITY = ("patient", "imaging-study-uid", "sop-instance-uid")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def image_name(tenant: str, sha256: str, field: str = "sha256") -> str:
    """The name of a tenant's image. Raises InvalidInput when `sha256` is not 64 lower-case hexadecimal digits."""
    if not _SHA256.fullmatch(sha256):
        raise InvalidInput(field, "must be 64 lower-case hexadecimal digits")
    return names.IMAGE.format(tenant=tenant, sha256=sha256)


def store_image(
    objects: ObjectStore,
    tenant: str,
    data: bytes,
    field: str = "image",
    facts: ImageFacts | None = None,
    identity: ImagingIdentity | None = None,
) -> ImageRef:
    """Stores the bytes of a file of ours, unless they are stored already; what strangers send goes through `Intake`.

    `facts` are what `decode` gave, for a caller that has decoded the file before, and `identity` is a DICOM image's.
    Raises what `decode` raises; nothing is stored then.
    """
    name = image_name(tenant, hashlib.sha256(data).hexdigest())
    if facts is not None:
        return _put(objects, name, data, facts, identity)
    stored = objects.head(name)
    if stored is not None:
        return _ref(stored)
    return _put(objects, name, data, decode(data, field).facts)


def store_pixels(objects: ObjectStore, tenant: str, pixels: NDArray[np.uint8]) -> ImageRef:
    """Stores pixels of ours, uint8 height × width (grey) or height × width × 3 (RGB), as a PNG file."""
    data = encode_png(pixels)
    height, width = pixels.shape[:2]
    facts = ImageFacts(PNG, width, height, "L" if pixels.ndim == 2 else "RGB")
    return _put(objects, image_name(tenant, hashlib.sha256(data).hexdigest()), data, facts)


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG file of uint8 pixels, height × width or height × width × 3; compressed lightly, for speed."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def image_ref(objects: ObjectStore, name: str, field: str = "name") -> ImageRef:
    """What is known of a stored image. Raises NotFound."""
    _parse(name, field)
    stored = objects.head(name)
    if stored is None:
        raise NotFound(f"{name} does not exist")
    return _ref(stored)


def image_identity(objects: ObjectStore, name: str, field: str = "name") -> ImagingIdentity | None:
    """Whom and what a stored DICOM image is of; None for any other image. Raises NotFound."""
    _parse(name, field)
    stored = objects.head(name)
    if stored is None:
        raise NotFound(f"{name} does not exist")
    if "patient" not in stored.metadata:
        return None
    return ImagingIdentity(*(stored.metadata.get(key, "") for key in _IDENTITY))


def load_image_bytes(objects: ObjectStore, name: str, field: str = "name") -> bytes:
    """A stored image's bytes. Raises NotFound, or DataLoss when they no longer have the SHA-256 in the name."""
    sha256 = _parse(name, field)
    try:
        data = objects.get(name)
    except NotFound:
        raise NotFound(f"{name} does not exist") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DataLoss(f"{name} does not have the bytes that it was stored with")
    return data


def _parse(name: str, field: str) -> str:
    ids = names.IMAGE.parse(name, field)
    image_name(ids["tenant"], ids["sha256"], field)
    return ids["sha256"]


def _put(
    objects: ObjectStore, name: str, data: bytes, facts: ImageFacts, identity: ImagingIdentity | None = None
) -> ImageRef:
    metadata = {
        "width": str(facts.width),
        "height": str(facts.height),
        "mode": facts.mode,
        "media-type": facts.media_type,
        "frames": str(facts.frames),
    }
    if identity is not None:
        metadata |= zip(_IDENTITY, dataclasses.astuple(identity), strict=True)
    objects.put_if_absent(name, data, metadata=metadata)
    return _ref(ObjectInfo(name, len(data), metadata))


def _ref(stored: ObjectInfo) -> ImageRef:
    try:
        return ImageRef(
            name=stored.key,
            sha256=stored.key.rpartition("/")[2],
            media_type=stored.metadata["media-type"],
            width=int(stored.metadata["width"]),
            height=int(stored.metadata["height"]),
            mode=stored.metadata["mode"],
            size_bytes=stored.size,
            frames=int(stored.metadata.get("frames", "1")),
        )
    except (KeyError, ValueError) as error:
        raise DataLoss(f"{stored.key} has lost the metadata that it was stored with") from error
