from dataclasses import replace

import torch
from torch.nn import functional as F

from synthoscope.classifier.inputs import Mixing, neighbours
from synthoscope.classifier.presets import PRESETS


def test_mixup_mixes_neighbours_and_their_losses():
    x = torch.arange(8.0).reshape(4, 2)
    assert neighbours(x).tolist() == [[2, 3], [0, 1], [6, 7], [4, 5]]
    mixing = Mixing(0.75)
    torch.testing.assert_close(mixing.inputs(x)[0], x[0] * 0.75 + x[1] * 0.25)
    logits, labels = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    soft = F.one_hot(labels, 3) * 0.75 + F.one_hot(neighbours(labels), 3) * 0.25
    losses = (F.cross_entropy(logits, target, reduction="none") for target in (labels, neighbours(labels)))
    torch.testing.assert_close(mixing.losses(*losses), F.cross_entropy(logits, soft, reduction="none"))


def test_a_steps_share_depends_on_the_seed_and_the_step():
    config = replace(PRESETS["cnn-64"], mixup=0.4, seed=3)
    shares = [Mixing.of_step(config, step).share for step in range(5)]
    assert shares == [Mixing.of_step(config, step).share for step in range(5)]
    assert len(set(shares)) == 5
    assert all(0 <= share <= 1 for share in shares)


def test_without_mixup_inputs_are_the_same():
    x = torch.rand(3, 2)
    assert Mixing.of_step(PRESETS["cnn-64"], 0).inputs(x) is x
