import math

import pytest
import torch

from synthoscope.gan.losses.cross_entropy import generated_is_generated, generated_is_real, real_is_real

LOGITS = torch.tensor([-2.0, 0.0, 3.0])


def mean(function):
    return sum(function(1 / (1 + math.exp(-logit))) for logit in LOGITS.tolist()) / 3


def test_every_term_is_the_mean_binary_cross_entropy():
    assert real_is_real(LOGITS).item() == pytest.approx(mean(lambda p: -math.log(p)), abs=1e-6)
    assert generated_is_generated(LOGITS).item() == pytest.approx(mean(lambda p: -math.log(1 - p)), abs=1e-6)
    assert generated_is_real(LOGITS).item() == pytest.approx(mean(lambda p: -math.log(p)), abs=1e-6)


def test_sure_answers_do_not_overflow():
    assert generated_is_generated(torch.tensor([200.0])).item() == 200
    assert real_is_real(torch.tensor([-200.0])).item() == 200
