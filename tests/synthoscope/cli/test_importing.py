"""What `synthoscope dataset import` makes of its options."""

import pytest

from synthoscope.cli.importing import _columns
from synthoscope.rpc.errors import InvalidInput


def test_columns_are_pairs() -> None:
    assert _columns(["patient=Patient Key", "label=class"]) == {"patient": "Patient Key", "label": "class"}
    assert _columns(["device="]) == {"device": ""}
    for odd in ("patient", "=x", "="):
        with pytest.raises(InvalidInput, match="must have the form patient=COLUMN"):
            _columns([odd])
