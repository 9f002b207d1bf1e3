import numpy as np

from synthoscope.datasets.audit.outliers import outliers


def test_what_is_far_from_its_own_class_is_found_the_farthest_first() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(200, 8)).astype(np.float32)
    vectors[100:] += 100  # another class, elsewhere
    vectors[3] += 10
    vectors[150] += 20
    found = outliers(vectors, ["a"] * 100 + ["b"] * 100)
    assert [index for index, _ in found] == [150, 3]
    assert found[0][1] > found[1][1] > 5


def test_a_class_may_be_too_small_to_tell() -> None:
    vectors = np.zeros((5, 8), np.float32)
    vectors[0] = 100
    assert outliers(vectors, ["a"] * 5) == []
