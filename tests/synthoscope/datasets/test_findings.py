import pytest

from synthoscope.datasets.findings import findings_by_label, findings_of, untrained
from synthoscope.rpc.errors import FailedPrecondition


def test_a_label_names_its_findings():
    assert findings_of("effusion|mass") == {"effusion", "mass"}
    assert findings_of(" effusion | ") == {"effusion"}
    assert findings_of("none", "none") == set()


def test_findings_of_all_labels_are_in_order():
    findings, named = findings_by_label(["none", "mass", "effusion|mass"], "none")
    assert findings == ("effusion", "mass")
    assert named.tolist() == [[False, False], [False, True], [True, True]]


@pytest.mark.parametrize(("labels", "says"), [(["none"], "no label names a finding"), (["mass", "mass"], "the same")])
def test_labels_that_tell_nothing_apart_are_refused(labels, says):
    with pytest.raises(FailedPrecondition, match=says):
        findings_by_label(labels, "none")


@pytest.mark.parametrize(("labels", "lacking"), [
    (["mass|effusion"], []),
    (["mass|nodule"], ["mass|nodule"]),
    (["nodule"], ["nodule"]),
    (["mass"], []),
    (["none"], []),
])  # fmt: skip
def test_a_new_combination_of_known_findings_is_no_new_class(labels, lacking):
    assert untrained(labels, ["none", "mass|oedema", "effusion"]) == lacking
