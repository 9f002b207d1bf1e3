import json

import numpy as np
import pytest

from synthoscope.metrics.frechet_distance import frechet_distance
from synthoscope.metrics.kernel_distance import kernel_distance
from synthoscope.metrics.relative import OVERALL, Relative, relative, relative_by_class


def points(n, seed, shift=0.0):
    return np.random.default_rng(seed).normal(size=(n, 16)) + shift


def test_what_is_real_is_at_its_floor_and_what_is_not_is_above():
    honest = relative(frechet_distance, points(600, 0), points(300, 1))
    assert honest.ratio == pytest.approx(1.0, abs=0.3)
    shifted = relative(frechet_distance, points(600, 0), points(300, 1, shift=1.0))
    assert shifted.ratio > 10
    assert shifted.excess > 10
    assert shifted.floor == honest.floor


@pytest.mark.parametrize(("real", "generated", "count"), [(600, 300, 300), (600, 5000, 300), (600, 100, 100)])
def test_counts_are_equal_on_all_sides(real, generated, count):
    seen = []

    def distance(a, b):
        seen.append((len(a), len(b)))
        return 1.0

    assert relative(distance, points(real, 0), points(generated, 1)).count == count
    assert seen == [(count, count)] * 6


def test_halves_share_no_image():
    def shared(a, b):
        return float(len({tuple(row) for row in a} & {tuple(row) for row in b}))

    real = points(101, 0)
    assert relative(shared, real, real).floor == 0.0


def test_an_unbiased_floor_below_zero_gives_no_ratio_but_an_excess():
    found = relative(kernel_distance, points(400, 2), points(400, 1, shift=1.0), halvings=5)
    assert found.excess > 10
    assert Relative(1.0, -0.1, 0.1, 5).ratio is None
    assert Relative(1.0, 0.5, 0.0, 5).excess is None
    json.dumps(Relative(1.0, -0.1, 0.0, 5).as_json(), allow_nan=False)


def test_by_class_finds_the_class_that_is_wrong():
    real = {"a": points(300, 0), "b": points(300, 1, shift=5.0), "real only": points(300, 2)}
    generated = {"a": points(200, 3), "b": points(200, 4, shift=7.0), "few": points(1, 5)}
    found = relative_by_class(frechet_distance, real, generated)
    assert set(found) == {OVERALL, "a", "b"}
    assert found["a"].ratio < 2 < 10 < found["b"].ratio


def test_is_seeded():
    def once(seed):
        return relative(frechet_distance, points(80, 0), points(80, 1), seed=seed)

    assert once(1) == once(1)
    assert once(1) != once(2)


def test_refuses_too_few():
    with pytest.raises(ValueError, match="at least 4 real"):
        relative(frechet_distance, points(3, 0), points(5, 1))
