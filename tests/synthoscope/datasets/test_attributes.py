import pytest

from synthoscope.api.datasets.v1.datasets_pb2 import AttributeCount, DatasetImage, Split
from synthoscope.datasets import attributes
from synthoscope.datasets.attributes import check, check_name, check_variety, columns, counts, name_of, normalised
from synthoscope.rpc.errors import InvalidInput

TRAIN, TEST = Split.SPLIT_TRAIN, Split.SPLIT_TEST


@pytest.mark.parametrize(("name", "text", "kept"), [
    ("sex", "female", "F"), ("sex", "m", "M"), ("sex", "O", "O"), ("sex", "unknown", ""), ("sex", "U", ""),
    ("age_band", "45", "40-49"), ("age_band", "045Y", "40-49"), ("age_band", "7 years", "0-9"),
    ("age_band", "9.9", "0-9"), ("age_band", "80.", "80-89"), ("age_band", "1 yr", "0-9"),
    ("age_band", "089Y", "80-89"), ("age_band", "006M", "0-9"), ("age_band", "119M", "0-9"),
    ("age_band", "120M", "10-19"), ("age_band", "012W", "0-9"),
    ("age_band", "40-49", "40-49"), ("age_band", "40 – 49", "40-49"), ("age_band", "0-9", "0-9"),
    ("age_band", "90", "90+"), ("age_band", "104", "90+"), ("age_band", "90-99", "90+"), ("age_band", "100-109", "90+"),
    ("age_band", "90+", "90+"), ("age_band", "", ""), ("age_band", "NaN", ""),
    ("device", "  Philips   DigitalDiagnost ", "Philips DigitalDiagnost"), ("view", "PA", "PA"),
    ("device", "d" * 64, "d" * 64), ("subtype", "NA", ""), ("subtype", "virus", "virus"),
])  # fmt: skip
def test_values_have_one_form(name, text, kept):
    assert normalised(name, text, "x") == kept
    assert normalised(name, kept, "x") == kept


@pytest.mark.parametrize(("name", "text", "message"), [
    ("sex", "x", "F, M or O"), ("sex", "1", "F, M or O"),
    ("age_band", "old", "an age in years"), ("age_band", "131", "an age in years"), ("age_band", "-3", "an age in"),
    ("age_band", "1980", "an age in years"), ("age_band", "45 x", "an age in years"), ("age_band", "٤٥", "an age in"),
    ("age_band", "41-50", "band of ten years"), ("age_band", "40-44", "band of ten years"),
    ("device", "d" * 65, "at most 64"), ("view", "P\x07A", "printable"),
])  # fmt: skip
def test_what_is_no_value_says_what_would_be_and_is_not_repeated(name, text, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        normalised(name, text, "there")
    assert repr(text) not in str(caught.value)


def test_names_are_short_words_that_tell_of_no_patient():
    assert [name_of(column) for column in ("subtype", "Sub Type", "Follow-up #")] == [
        "subtype",
        "sub_type",
        "follow_up",
    ]
    for name in ("sex", "sub_type", "a" * 32):
        check_name(name, "x")
    for name in ("", "Sub Type", "9th", "a" * 33, "a\n"):
        with pytest.raises(InvalidInput, match="must match"):
            check_name(name, "x")
    for name in ("age", "patient_id", "birth_date"):
        with pytest.raises(InvalidInput, match="tell who a patient is"):
            check_name(name, "x")


def test_what_is_stored_must_be_in_that_form():
    check({"sex": "F", "age_band": "90+", "subtype": "virus"}, "attributes")
    check({f"a{number}": "b" for number in range(8)}, "attributes")
    with pytest.raises(InvalidInput, match=r"attributes\.sex: must be 'F'"):
        check({"sex": "female"}, "attributes")
    with pytest.raises(InvalidInput, match=r"attributes\.age_band: must be '40-49'"):
        check({"age_band": "45"}, "attributes")
    for unknown in ("unknown", ""):
        with pytest.raises(InvalidInput, match="left out"):
            check({"sex": unknown}, "attributes")
    with pytest.raises(InvalidInput, match="tell who a patient is"):
        check({"age": "45"}, "attributes")
    with pytest.raises(InvalidInput, match="must match") as caught:
        check({"n" * 100_000: "45"}, "attributes")
    assert len(str(caught.value)) < 200
    with pytest.raises(InvalidInput, match="at most 8"):
        check({f"a{number}": "b" for number in range(9)}, "attributes")


def test_columns_have_a_value_for_every_image():
    images = [DatasetImage(attributes={"sex": "F"}), DatasetImage(), DatasetImage(attributes={"view": "PA"})]
    assert columns(images) == {"sex": ["F", "", ""], "view": ["", "", "PA"]}
    assert columns([DatasetImage()]) == columns([]) == {}


def test_images_are_counted_by_value_and_split():
    images = [DatasetImage(split=split, attributes={"sex": sex}) for split, sex in [(TRAIN, "M"), (TEST, "F")] * 2]
    images += [DatasetImage(split=TRAIN), DatasetImage(split=TRAIN, attributes={"sex": "F"})]
    assert counts(images) == [
        AttributeCount(attribute="sex", value="", split=TRAIN, count=1),
        AttributeCount(attribute="sex", value="F", split=TRAIN, count=1),
        AttributeCount(attribute="sex", value="F", split=TEST, count=2),
        AttributeCount(attribute="sex", value="M", split=TRAIN, count=2),
    ]
    assert counts([DatasetImage(split=TRAIN)]) == []


def test_of_many_values_the_most_frequent_are_counted():
    images = [
        DatasetImage(split=TRAIN, attributes={"device": f"d{number}"})
        for number in range(60)
        for _ in range(1 + (number >= 10))
    ]
    found = counts(images)
    assert {count.value for count in found} == {f"d{number}" for number in range(10, 60)}
    assert {count.count for count in found} == {2}


def test_what_has_a_value_for_nearly_every_image_is_no_subgroup(monkeypatch):
    monkeypatch.setattr(attributes, "MOST_VALUES", 3)
    images = [DatasetImage(attributes={"accession": str(number), "sex": "F"}) for number in range(4)]
    check_variety(images[:3], "images")
    with pytest.raises(InvalidInput, match=r"images\.attributes\.accession: has 4 values; subgroups may have 3"):
        check_variety(images, "images")
