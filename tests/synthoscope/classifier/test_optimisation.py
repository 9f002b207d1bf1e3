import copy
from dataclasses import replace

import pytest
import torch

from synthoscope.classifier.config import ALL_EPOCHS, Optimizer
from synthoscope.classifier.networks import build_network
from synthoscope.classifier.optimisation import (
    build_optimiser,
    is_frozen,
    prepare,
    running_statistics,
    set_learning_rate,
    update_average,
)
from synthoscope.classifier.presets import PRESETS

pytestmark = pytest.mark.usefixtures("one_thread")

LITE = replace(PRESETS["efficientnet-lite0"], image_size=64)


def lite():
    return build_network("efficientnet-lite0", 2, image_size=64)


@pytest.mark.parametrize("optimizer", Optimizer)
def test_the_backbone_learns_at_its_own_rate(optimizer):
    network = lite()
    optimiser = build_optimiser(replace(LITE, optimizer=optimizer, backbone_rate=0.1), network)
    set_learning_rate(optimiser, 0.02)
    head, backbone = optimiser.param_groups
    assert (head["lr"], backbone["lr"]) == (0.02, pytest.approx(0.002))
    assert len(head["params"]) + len(backbone["params"]) == len(list(network.parameters()))
    assert {id(parameter) for parameter in head["params"]} == {id(p) for p in network.output.parameters()}


def test_a_frozen_backbone_keeps_its_weights_and_statistics():
    network = lite()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimiser = build_optimiser(LITE, network)
    prepare(network, frozen=True)
    network(torch.rand(4, 3, 64, 64)).sum().backward()
    optimiser.step()
    after = network.state_dict()
    changed = {name.partition(".")[0] for name in after if not torch.equal(before[name], after[name])}
    assert changed == {"output"}
    prepare(network, frozen=False)
    network(torch.rand(4, 3, 64, 64)).sum().backward()
    optimiser.step()
    assert not torch.equal(before["backbone.network._conv_stem.weight"], after["backbone.network._conv_stem.weight"])


@pytest.mark.parametrize(
    ("frozen_epochs", "frozen"), [(0, [False] * 3), (2, [True, True, False]), (ALL_EPOCHS, [True] * 3)]
)
def test_the_backbone_is_frozen_in_the_first_epochs(frozen_epochs, frozen):
    config = replace(LITE, frozen_epochs=frozen_epochs)
    assert [is_frozen(config, epoch) for epoch in range(3)] == frozen
    assert not is_frozen(replace(PRESETS["cnn-64"], frozen_epochs=frozen_epochs), 0)


def test_averaged_weights_follow_slowly_and_sooner_in_the_beginning():
    network = build_network("vgg16-xray", 2)
    average = copy.deepcopy(network)
    with torch.no_grad():
        network.dense1.weight += 1.0
        network.norm1.running_mean += 1.0
    moved = average.dense1.weight.detach().clone()
    update_average(average, network, 0.99, step=1)
    torch.testing.assert_close(average.dense1.weight - moved, torch.full_like(moved, 1 - 2 / 11))
    assert torch.equal(average.norm1.running_mean, network.norm1.running_mean)
    moved = average.dense1.weight.detach().clone()
    update_average(average, network, 0.99, step=100_000)
    torch.testing.assert_close(average.dense1.weight - moved, (network.dense1.weight - moved) * 0.01)


def test_running_statistics_are_those_of_batch_norms():
    assert len(running_statistics(build_network("cnn-64", 2))) == 0
    assert sum(value.numel() for value in running_statistics(build_network("vgg16-xray", 2))) == 320
