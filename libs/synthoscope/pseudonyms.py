"""Names that stand for patients, imaging studies and files: keyed digests, one key per tenant.

The same identifier of a tenant always gets the same pseudonym, so images of one patient or one imaging study stay
together; without the platform's secret nobody can tell, or try out, what a pseudonym stands for. Tenants have keys of
their own: a patient known to two of them has two pseudonyms. Losing the secret, or changing it, makes new imports
strangers to older ones; it reveals nothing.
"""

import hashlib
import hmac
import unicodedata
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, SecretStr

PseudonymKey = Annotated[SecretStr, Field(min_length=32)]
"""The secret in a service's settings: at least 32 characters, drawn at random (`openssl rand -hex 32`)."""

_UUID_ROOT = "2.25"


@dataclass(frozen=True)
class TenantPseudonyms:
    """One tenant's pseudonyms, by HMAC-SHA-256 (RFC 2104): what a process that sees one tenant's files needs."""

    key: bytes

    def patient(self, identifier: str) -> str:
        """A patient's pseudonym, 16 hexadecimal digits; "" for an empty identifier, which means that none is known.

        Spaces around the identifier do not count (DICOM pads with them), nor does the Unicode form of its letters.
        Among a million patients of a tenant, two share a pseudonym with a probability of 3e-8.
        """
        text = unicodedata.normalize("NFC", identifier).strip(" \0")
        return self._digest("patient", text).hex()[:16] if text else ""

    def uid(self, uid: str) -> str:
        """A UID for a DICOM UID: `2.25.` and a UUID as a decimal number (PS3.5 B.2), at most 44 characters.

        The UUID is of version 8, whose bits are the maker's to choose (RFC 9562); 122 of them are the digest's.
        """
        number = int.from_bytes(self._digest("uid", uid.strip(" \0"))[:16], "big")
        number = number & ~(0xF << 76) | 8 << 76
        number = number & ~(0b11 << 62) | 0b10 << 62
        return f"{_UUID_ROOT}.{number}"

    def file(self, sha256: str) -> str:
        """What stands for a file that was de-identified, of the SHA-256 that it had; 64 hexadecimal digits.

        The plain digest would let anyone who has the identified file recognise it among what is stored.
        """
        return self._digest("file", sha256).hex()

    def _digest(self, kind: str, text: str) -> bytes:
        return hmac.digest(self.key, f"{kind}\0{text}".encode("utf-8", "surrogatepass"), hashlib.sha256)

    def __repr__(self) -> str:
        return "TenantPseudonyms(…)"


class Pseudonyms:
    """Every tenant's pseudonyms, with keys that are derived from one secret."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 32:
            raise ValueError("the secret of the pseudonyms must have at least 32 bytes")
        self._secret = secret

    @classmethod
    def of(cls, key: SecretStr) -> "Pseudonyms":
        """Those of a secret from the settings."""
        return cls(key.get_secret_value().encode())

    def tenant(self, tenant: str) -> TenantPseudonyms:
        """One tenant's pseudonyms; they reveal neither the secret nor another tenant's."""
        return TenantPseudonyms(hmac.digest(self._secret, f"synthoscope pseudonyms\0{tenant}".encode(), hashlib.sha256))

    def patient(self, tenant: str, identifier: str) -> str:
        """The tenant's `TenantPseudonyms.patient`."""
        return self.tenant(tenant).patient(identifier)

    def uid(self, tenant: str, uid: str) -> str:
        """The tenant's `TenantPseudonyms.uid`."""
        return self.tenant(tenant).uid(uid)
