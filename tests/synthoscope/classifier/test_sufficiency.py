from dataclasses import replace

import pytest

from synthoscope.classifier.config import Output
from synthoscope.classifier.order import steps_of
from synthoscope.classifier.presets import PRESETS
from synthoscope.classifier.sufficiency import check_counts
from synthoscope.rpc.errors import FailedPrecondition

CONFIG = replace(PRESETS["cnn-64"], batch_size=16, validation_fraction=0.25)


def refuses(check, *arguments):
    try:
        check(*arguments)
    except FailedPrecondition:
        return True
    return False


@pytest.mark.parametrize(
    ("synthetic", "steps_per_epoch", "refused"), [(0, 0, True), (9, 0, True), (10, 0, False), (0, 1, False)]
)
def test_what_is_refused_is_what_the_loop_cannot_do(synthetic, steps_per_epoch, refused):
    config = replace(CONFIG, steps_per_epoch=steps_per_epoch)
    # Of 4 + 4 real images, 2 are held out.
    assert refuses(check_counts, config, {"a": 4, "b": 4}, synthetic) == refused
    assert refuses(steps_of, config, 6 + synthetic) == refused


@pytest.mark.parametrize(("counts", "problem"), [({"a": 40}, "at least 2 classes"), ({"a": 40, "b": 1}, "images of b")])
def test_synthetic_images_stand_in_for_no_real_ones(counts, problem):
    with pytest.raises(FailedPrecondition, match=problem):
        check_counts(CONFIG, counts, synthetic=100)


def test_findings_are_counted_not_their_combinations():
    config = replace(CONFIG, output=Output.FINDINGS, no_finding="none")
    counts = {"none": 20, "a": 5, "a|b": 1, "b|c": 1, "a|b|c": 1}
    check_counts(config, counts)
    with pytest.raises(FailedPrecondition, match=r"fewer than 2 images of c, d$"):
        check_counts(config, {"none": 20, "a|b": 4, "b|c": 1, "a|d": 1})
    with pytest.raises(FailedPrecondition, match=r"fewer than 2 images of a\|b, a\|b\|c, b\|c$"):
        check_counts(CONFIG, counts)
    with pytest.raises(FailedPrecondition, match=r"fewer than 2 images of none$"):
        check_counts(config, {"none": 1, "a": 20, "b": 20})
    with pytest.raises(FailedPrecondition, match="no label names a finding"):
        check_counts(config, {"none": 20})


def test_what_is_left_is_told():
    with pytest.raises(FailedPrecondition, match=r"^9 training images are left when 2 are held out.*batch_size, 16$"):
        check_counts(CONFIG, {"a": 4, "b": 4}, synthetic=3)


def test_an_operating_point_has_images_to_be_chosen_on():
    config = replace(CONFIG, operating_label="b", operating_sensitivity=0.9)
    check_counts(config, {"a": 40, "b": 36})
    with pytest.raises(FailedPrecondition, match=r"0\.9 needs 9 held-out images of b; there are 8$"):
        check_counts(config, {"a": 40, "b": 32})
    with pytest.raises(FailedPrecondition, match=r"operating_label: b is none of the classes a, c$"):
        check_counts(config, {"a": 40, "c": 36})
