"""Images in the object store: content-addressed, so the same bytes are kept once and never change.

The key is the image's name, `tenants/{tenant}/images/{sha256}`. Size, colour mode, media type and frames are the
object's metadata, so that an ImageRef can be rebuilt without reading the pixels. So are, for DICOM, the pseudonyms of
patient, imaging study and instance: `image_identity` is how an importer learns whose image it is.

An image that came with a diagnosis lies with it in a pack, which its name says: `…/images/{sha256}-{pack}`.
"""

import dataclasses
import hashlib
import io
import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from synthoscope import names, packs
from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.images.decoding import PNG, ImageFacts, ImagingIdentity, decode
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import DataLoss, InvalidInput, NotFound

_IDENTITY = ("patient", "imaging-study-uid", "sop-instance-uid")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_IN_A_PACK = re.compile(rf"(?P<sha256>{_SHA256.pattern})-(?P<pack>{packs.ID.pattern})")


def image_name(tenant: str, sha256: str, field: str = "sha256") -> str:
    """The name of a tenant's image. Raises InvalidInput when `sha256` is not 64 lower-case hexadecimal digits."""
    if not _SHA256.fullmatch(sha256):
        raise InvalidInput(field, "must be 64 lower-case hexadecimal digits")
    return names.IMAGE.format(tenant=tenant, sha256=sha256)


def check_image_name(name: str, field: str = "name") -> None:
    """Raises InvalidInput, naming `field`, for what cannot be an image's name."""
    _parse(name, field)


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
        return _ref(name, name.rpartition("/")[2], stored.size, stored.metadata)
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


def packed_image(
    tenant: str, pack_id: str, data: bytes, facts: ImageFacts, identity: ImagingIdentity | None
) -> tuple[ImageRef, packs.PackedImage]:
    """What to put into a pack for an image, and what it is then known as."""
    metadata = _metadata(facts, identity)
    sha256 = hashlib.sha256(data).hexdigest()
    name = names.IMAGE.format(tenant=tenant, sha256=f"{sha256}-{pack_id}")
    return _ref(name, sha256, len(data), metadata), packs.PackedImage(data, metadata)


def kept_singly(objects: ObjectStore, ref: ImageRef) -> ImageRef:
    """The image as an object of its own, named by nothing but its content; stored so unless it is there.

    Raises NotFound, DataLoss.
    """
    found = _found(objects, ref.name)
    name = image_name(names.tenant_of(ref.name), ref.sha256)
    if found.name != name:
        objects.put_if_absent(name, load_image_bytes(objects, ref.name), metadata=found.metadata)
    return _ref(name, ref.sha256, found.size, found.metadata)


def image_ref(objects: ObjectStore, name: str, field: str = "name") -> ImageRef:
    """What is known of a stored image. Raises NotFound."""
    found = _found(objects, name, field)
    return _ref(name, found.sha256, found.size, found.metadata)


def image_identity(objects: ObjectStore, name: str, field: str = "name") -> ImagingIdentity | None:
    """Whom and what a stored DICOM image is of; None for any other image. Raises NotFound."""
    metadata = _found(objects, name, field).metadata
    if "patient" not in metadata:
        return None
    return ImagingIdentity(*(metadata.get(key, "") for key in _IDENTITY))


def load_image_bytes(objects: ObjectStore, name: str, field: str = "name") -> bytes:
    """A stored image's bytes. Raises NotFound, or DataLoss when they no longer have the SHA-256 in the name."""
    tenant, sha256, pack_id = _parse(name, field)
    try:
        data = packs.image(objects, tenant, pack_id, sha256).data if pack_id else objects.get(name)
    except NotFound:
        raise NotFound(f"{name} does not exist") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DataLoss(f"{name} does not have the bytes that it was stored with")
    return data


@dataclasses.dataclass(frozen=True)
class _Found:
    """What is known of a stored image."""

    name: str
    sha256: str
    size: int
    metadata: Mapping[str, str]


def _found(objects: ObjectStore, name: str, field: str = "name") -> _Found:
    tenant, sha256, pack_id = _parse(name, field)
    if pack_id:
        try:
            packed = packs.image(objects, tenant, pack_id, sha256)
        except NotFound:
            raise NotFound(f"{name} does not exist") from None
        return _Found(name, sha256, len(packed.data), packed.metadata)
    stored = objects.head(name)
    if stored is None:
        raise NotFound(f"{name} does not exist")
    return _Found(name, sha256, stored.size, stored.metadata)


def _parse(name: str, field: str) -> tuple[str, str, str]:
    """The tenant, the SHA-256, and the pack, "" for an object of its own, that a name speaks of."""
    ids = names.IMAGE.parse(name, field)
    packed = _IN_A_PACK.fullmatch(ids["sha256"])
    if packed:
        return ids["tenant"], packed["sha256"], packed["pack"]
    image_name(ids["tenant"], ids["sha256"], field)
    return ids["tenant"], ids["sha256"], ""


def _put(
    objects: ObjectStore, name: str, data: bytes, facts: ImageFacts, identity: ImagingIdentity | None = None
) -> ImageRef:
    metadata = _metadata(facts, identity)
    objects.put_if_absent(name, data, metadata=metadata)
    return _ref(name, name.rpartition("/")[2], len(data), metadata)


def _metadata(facts: ImageFacts, identity: ImagingIdentity | None) -> dict[str, str]:
    metadata = {
        "width": str(facts.width),
        "height": str(facts.height),
        "mode": facts.mode,
        "media-type": facts.media_type,
        "frames": str(facts.frames),
    }
    if identity is not None:
        metadata |= zip(_IDENTITY, dataclasses.astuple(identity), strict=True)
    return metadata


def _ref(name: str, sha256: str, size: int, metadata: Mapping[str, str]) -> ImageRef:
    try:
        return ImageRef(
            name=name,
            sha256=sha256,
            media_type=metadata["media-type"],
            width=int(metadata["width"]),
            height=int(metadata["height"]),
            mode=metadata["mode"],
            size_bytes=size,
            frames=int(metadata.get("frames", "1")),
        )
    except (KeyError, ValueError) as error:
        raise DataLoss(f"{name} has lost the metadata that it was stored with") from error
