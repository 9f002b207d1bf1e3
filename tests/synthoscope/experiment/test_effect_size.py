import math

import numpy as np
import pytest
from scipy import stats

from synthoscope.experiment.effect_size import effect_size

BY_SEED = np.array([0.01, 0.03, -0.01, 0.02, 0.04])


def test_it_is_the_mean_by_the_standard_deviation():
    effect, low, high = effect_size(BY_SEED, 0.95)
    assert effect == pytest.approx(0.018 / math.sqrt(0.00037))
    assert low < effect < high


@pytest.mark.parametrize("by_seed", [BY_SEED, -BY_SEED, np.array([0.02, 0.03]), 1 + BY_SEED])
def test_at_each_end_what_was_seen_is_in_the_tail(by_seed):
    effect, low, high = effect_size(by_seed, 0.95)
    seen, freedom, root = effect * math.sqrt(len(by_seed)), len(by_seed) - 1, math.sqrt(len(by_seed))
    assert stats.nct.sf(seen, freedom, low * root) == pytest.approx(0.025, abs=1e-3)
    assert stats.nct.cdf(seen, freedom, high * root) == pytest.approx(0.025, abs=1e-3)


def test_the_interval_holds_the_true_effect():
    random = np.random.default_rng(1)
    found = [effect_size(random.normal(0.8, 1, 5), 0.95) for _ in range(1000)]
    assert np.mean([low <= 0.8 <= high for _, low, high in found]) == pytest.approx(0.95, abs=0.02)


def test_seeds_that_agree_have_none():
    assert all(math.isnan(value) for value in effect_size(np.full(5, 0.1 + 0.2), 0.95))
