import numpy as np
import pytest

from synthoscope.gan.config import Conditioning, GanConfig
from synthoscope.gan.plan import check_counts, plan
from synthoscope.rpc.errors import FailedPrecondition

LABELS = np.array([0] * 10 + [1] * 7)


def test_one_generator_learns_all_images():
    (part,) = plan(GanConfig("dcgan-64", 3, batch_size=4), LABELS, ["a", "b"])
    assert (part.label, part.first_step, part.end_step, part.steps_per_epoch) == ("", 0, 12, 4)
    assert part.rows.tolist() == list(range(17))


def test_one_generator_per_class_follows_the_other():
    first, second = plan(GanConfig("dcgan-64", 3, Conditioning.PER_CLASS, batch_size=4), LABELS, ["a", "b"])
    assert (first.label, first.first_step, first.end_step) == ("a", 0, 6)
    assert (second.label, second.first_step, second.end_step) == ("b", 6, 9)
    assert second.rows.tolist() == list(range(10, 17))


def test_too_few_images_for_a_batch():
    with pytest.raises(FailedPrecondition, match="the training split has 17 images"):
        plan(GanConfig("dcgan-64", 1, batch_size=18), LABELS, ["a", "b"])
    check_counts(GanConfig("dcgan-64", 1, batch_size=10), {"a": 10, "b": 7})
    with pytest.raises(FailedPrecondition, match="class b of the training split has 7 images"):
        check_counts(GanConfig("dcgan-64", 1, Conditioning.PER_CLASS, batch_size=10), {"a": 10, "b": 7})


def test_a_class_without_images():
    with pytest.raises(FailedPrecondition, match="no images of b"):
        check_counts(GanConfig("dcgan-64", 1, batch_size=2), {"a": 10, "b": 0})


def test_a_class_can_have_epochs_of_its_own():
    config = GanConfig("dcgan-64", 3, Conditioning.PER_CLASS, batch_size=4, class_epochs={"b": 5})
    first, second = plan(config, LABELS, ["a", "b"])
    assert first.end_step == 3 * first.steps_per_epoch
    assert second.end_step - second.first_step == 5 * second.steps_per_epoch
    assert (second.progress(second.first_step), first.progress(first.end_step)) == (0, 1)


def test_epochs_for_a_class_that_is_not_there():
    config = GanConfig("dcgan-64", 3, Conditioning.PER_CLASS, batch_size=4, class_epochs={"c": 5})
    with pytest.raises(FailedPrecondition, match=r"class_epochs names c, .* these are: a, b"):
        check_counts(config, {"a": 10, "b": 7})
