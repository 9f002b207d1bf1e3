import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from synthoscope.pseudonyms import Pseudonyms

SECRET = b"a secret of the tests, 32 bytes or more"
PSEUDONYMS = Pseudonyms(SECRET)
ORIGINAL = "1.2.840.113619.2.1.1"


def test_they_never_change() -> None:
    """What is stored today must be found again in years: these values are the format."""
    assert PSEUDONYMS.patient("default", "PAT-1") == "69c40bd18d0ac827"
    assert PSEUDONYMS.uid("default", ORIGINAL) == "2.25.131746024991593151369502097916676423009"
    assert PSEUDONYMS.tenant("default").file("0" * 64)[:16] == "598f05c984a12d16"


def test_they_depend_on_secret_tenant_kind_and_identifier() -> None:
    other = Pseudonyms(SECRET[::-1])
    pseudonyms = [
        PSEUDONYMS.patient("default", "1"),
        PSEUDONYMS.patient("default", "2"),
        PSEUDONYMS.patient("clinic", "1"),
        other.patient("default", "1"),
        PSEUDONYMS.tenant("default").file("1")[:16],
    ]
    assert len(set(pseudonyms)) == len(pseudonyms)
    uids = [PSEUDONYMS.uid("default", ORIGINAL), PSEUDONYMS.uid("clinic", ORIGINAL), other.uid("default", ORIGINAL)]
    assert len(set(uids)) == len(uids)


def test_padding_and_unicode_form_do_not_count() -> None:
    assert PSEUDONYMS.patient("default", " PAT-1 ") == PSEUDONYMS.patient("default", "PAT-1\0")
    assert PSEUDONYMS.patient("default", "Mu\u0308ller") == PSEUDONYMS.patient("default", "M\u00fcller")
    assert PSEUDONYMS.uid("default", ORIGINAL + "\0") == PSEUDONYMS.uid("default", ORIGINAL)
    assert PSEUDONYMS.patient("default", "pat-1") != PSEUDONYMS.patient("default", "PAT-1")


def test_no_identifier_is_nobody() -> None:
    assert PSEUDONYMS.patient("default", "") == PSEUDONYMS.patient("default", "  ") == ""


@given(st.text(max_size=64))
def test_uids_are_valid_and_patients_are_hexadecimal(text: str) -> None:
    root, _, number = PSEUDONYMS.uid("default", text).rpartition(".")
    assert root == "2.25"
    assert str(int(number)) == number
    assert len(f"{root}.{number}") <= 64
    made = uuid.UUID(int=int(number))
    assert (made.version, made.variant) == (8, uuid.RFC_4122)
    assert re.fullmatch(r"[0-9a-f]{16}|", PSEUDONYMS.patient("default", text))


def test_a_tenants_key_is_not_shown() -> None:
    tenant = PSEUDONYMS.tenant("default")
    assert tenant.key not in SECRET
    assert repr(tenant) == "TenantPseudonyms(…)"


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Pseudonyms(b"short")
    assert Pseudonyms.of(SecretStr(SECRET.decode())).patient("t", "1") == PSEUDONYMS.patient("t", "1")
