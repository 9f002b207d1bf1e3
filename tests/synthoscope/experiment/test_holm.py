import pytest

from synthoscope.experiment.holm import holm


def test_the_smallest_is_multiplied_most_and_order_is_kept():
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []
    assert holm([0.2]) == [0.2]
