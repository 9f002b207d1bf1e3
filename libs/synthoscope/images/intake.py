"""The door: what strangers send is decoded in a bounded process, de-identified, and only then stored.

A DICOM file is stored as another file than was sent. What was sent is remembered by a keyed digest of its SHA-256
(`tenants/{tenant}/deidentified/{digest}`), so that sending it again costs nothing, and so that nobody who merely has
the identified file can tell from the store that it was here.

Its patient, imaging study and instance are kept as pseudonyms, in the stored file (Patient ID and UIDs) and as the
object's metadata (`storage.image_identity`); a patient's is what `Pseudonyms.patient` gives for the Patient ID.
"""

import hashlib
from dataclasses import dataclass

from synthoscope import names
from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.images.decoders import AcceptedImage, Decoders
from synthoscope.images.decoding import is_dicom, media_type_of
from synthoscope.images.preprocessing import Pipeline
from synthoscope.images.storage import image_name, image_ref, store_image
from synthoscope.objects import ObjectStore
from synthoscope.pseudonyms import Pseudonyms
from synthoscope.rpc.errors import InvalidInput

_STORED = "sha256"


@dataclass(frozen=True)
class Intake:
    """Where images come in. With `refuse_identifiers`, DICOM that says whom it is of is refused, not de-identified."""

    objects: ObjectStore
    pseudonyms: Pseudonyms
    decoders: Decoders
    refuse_identifiers: bool = False

    def store(
        self, tenant: str, data: bytes, field: str, *, allow_burned_in_annotation: bool = False, media_type: str = ""
    ) -> ImageRef:
        """Stores an image, unless it is stored already. Raises what `accept` raises; nothing is stored then."""
        if stored := self.stored_sha256(tenant, hashlib.sha256(data).hexdigest()):
            ref = image_ref(self.objects, image_name(tenant, stored))
            _check_media_type(ref.media_type, media_type)
            return ref
        # Before it is decoded, which may take much; what looks like nothing that is known is refused there.
        _check_media_type(media_type_of(data), media_type)
        accepted = self.accept(tenant, data, field, allow_burned_in_annotation=allow_burned_in_annotation)
        return self.keep(tenant, data, accepted)

    def accept(
        self,
        tenant: str,
        data: bytes,
        field: str,
        *,
        allow_burned_in_annotation: bool = False,
        pipeline: Pipeline | None = None,
    ) -> AcceptedImage:
        """Decodes a file, and de-identifies it if it is DICOM; stores nothing. Raises what `Decoders.accept` raises."""
        return self.decoders.accept(
            data,
            field,
            self.pseudonyms.tenant(tenant),
            allow_burned_in_annotation=allow_burned_in_annotation,
            refuse_identifiers=self.refuse_identifiers,
            pipeline=pipeline,
        )

    def keep(self, tenant: str, data: bytes, accepted: AcceptedImage) -> ImageRef:
        """Stores what was accepted of `data`."""
        ref = store_image(self.objects, tenant, accepted.data, facts=accepted.facts, identity=accepted.identity)
        if is_dicom(data):
            key = self._alias(tenant, hashlib.sha256(data).hexdigest())
            self.objects.put(key, ref.sha256.encode(), metadata={_STORED: ref.sha256})
        return ref

    def stored_sha256(self, tenant: str, sha256: str, field: str = "sha256") -> str:
        """The digest under which a file of a digest is stored; "" when it is not. Raises InvalidInput."""
        if self.objects.head(image_name(tenant, sha256, field)) is not None:
            return sha256
        alias = self.objects.head(self._alias(tenant, sha256))
        stored = alias.metadata.get(_STORED, "") if alias else ""
        return stored if stored and self.objects.head(image_name(tenant, stored)) is not None else ""

    def _alias(self, tenant: str, sha256: str) -> str:
        digest = self.pseudonyms.tenant(tenant).file(sha256)
        return f"{names.TENANT.format(tenant=tenant)}/deidentified/{digest}"


def _check_media_type(found: str, declared: str) -> None:
    if found and declared not in ("", found):
        raise InvalidInput("header.media_type", f"does not fit: the file is {found}")
