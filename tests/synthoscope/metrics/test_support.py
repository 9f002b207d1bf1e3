import numpy as np
import pytest

from synthoscope.metrics.relative import OVERALL
from synthoscope.metrics.support import support, support_by_class


def points(n, seed, shift=0.0):
    return np.random.default_rng(seed).normal(size=(n, 8)) + shift


def test_honest_images_score_as_real_ones_do():
    found = support(points(800, 0), points(400, 1))
    assert found.count == 400
    for name in ("precision", "recall", "density", "coverage"):
        assert getattr(found.generated, name) == pytest.approx(getattr(found.real, name), abs=0.1)


def test_a_collapsed_set_covers_a_tenth_of_what_real_ones_do():
    real = points(800, 0)
    found = support(real, real[:3].repeat(200, axis=0))
    assert found.generated.coverage < 0.1 * found.real.coverage


def test_by_class_finds_the_class_that_is_far_off_and_leaves_out_small_ones():
    real = {"a": points(100, 0), "b": points(100, 1, shift=9.0), "few": points(11, 2)}
    generated = {"a": points(60, 3), "b": points(60, 4, shift=-9.0), "few": points(60, 5), "none real": points(60, 6)}
    found = support_by_class(real, generated)
    assert set(found) == {OVERALL, "a", "b"}
    assert found["a"].generated.precision > 0.5
    assert found["b"].generated.precision == 0.0


@pytest.mark.parametrize(("real", "generated"), [(11, 50), (50, 5)])
def test_refuses_too_few(real, generated):
    with pytest.raises(ValueError, match="at least 12 real and 6 generated"):
        support(points(real, 0), points(generated, 1))
