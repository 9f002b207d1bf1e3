import pytest

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage
from synthoscope.datasets.attributes import check, columns, normalised
from synthoscope.rpc.errors import InvalidInput


@pytest.mark.parametrize(("name", "text", "kept"), [
    ("sex", "female", "F"), ("sex", "m", "M"), ("sex", "O", "O"), ("sex", "unknown", ""),
    ("age_band", "45", "40-49"), ("age_band", "045Y", "40-49"), ("age_band", "7 years", "0-9"),
    ("age_band", "006M", "0-9"), ("age_band", "45.5", "40-49"), ("age_band", "40-49", "40-49"),
    ("age_band", "90", "90+"), ("age_band", "104", "90+"), ("age_band", "90+", "90+"), ("age_band", "", ""),
    ("device", "  Philips   DigitalDiagnost ", "Philips DigitalDiagnost"), ("view", "PA", "PA"),
    ("subtype", "NA", ""), ("subtype", "virus", "virus"),
])  # fmt: skip
def test_values_have_one_form(name, text, kept):
    assert normalised(name, text, "x") == kept


@pytest.mark.parametrize(("name", "text", "message"), [
    ("sex", "x", "F, M or O"), ("age_band", "old", "an age in years"), ("age_band", "140", "an age in years"),
    ("age_band", "41-50", "band of ten years"), ("device", "d" * 65, "at most 64"), ("view", "P\x07A", "printable"),
    ("Sub Type", "a", "must match"),
])  # fmt: skip
def test_what_is_no_value_says_what_would_be(name, text, message):
    with pytest.raises(InvalidInput, match=message):
        normalised(name, text, "labels.csv line 3")


def test_what_is_stored_must_be_in_that_form():
    check({"sex": "F", "age_band": "90+"}, "attributes")
    with pytest.raises(InvalidInput, match="'F'"):
        check({"sex": "female"}, "attributes")
    with pytest.raises(InvalidInput, match="left out"):
        check({"sex": "unknown"}, "attributes")
    with pytest.raises(InvalidInput, match="at most 8"):
        check({f"a{number}": "b" for number in range(9)}, "attributes")


def test_columns_have_a_value_for_every_image():
    images = [DatasetImage(attributes={"sex": "F"}), DatasetImage(), DatasetImage(attributes={"view": "PA"})]
    assert columns(images) == {"sex": ["F", "", ""], "view": ["", "", "PA"]}
    assert columns([DatasetImage()]) == {}
