import numpy as np
import pytest

from synthoscope.experiment.holm import holm


def test_the_smallest_is_multiplied_most_and_order_is_kept():
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []
    assert holm([0.2]) == [0.2]


def test_it_rejects_as_the_procedure_in_steps_does():
    random = np.random.default_rng(1)
    for _ in range(200):
        p_values = random.random(random.integers(1, 12)) ** 4
        rejected = np.zeros(len(p_values), bool)
        for step, index in enumerate(np.argsort(p_values)):
            if p_values[index] > 0.05 / (len(p_values) - step):
                break
            rejected[index] = True
        assert ((np.array(holm(p_values.tolist())) <= 0.05) == rejected).all()


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_is_refused(wrong):
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        holm([0.5, wrong])
