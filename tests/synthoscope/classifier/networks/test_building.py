import builtins

import pytest
import torch
from torch import nn

from synthoscope.classifier.config import TRANSFER_PRESETS, Head, Output
from synthoscope.classifier.networks import build_network
from synthoscope.classifier.networks.network import OneUnit
from synthoscope.classifier.presets import PRESETS
from synthoscope.rpc.errors import FailedPrecondition

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = {"cnn-mri": 64, "cnn-mri-pooled": 64, "cnn-xray": 64, "cnn-128": 64} | dict.fromkeys(TRANSFER_PRESETS, 64)


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("preset", "classes", "image_size", "trained"), [
    ("cnn-128", 4, 128, 1_662_596),
    ("cnn-64", 4, 64, 351_876),
    ("cnn-mri", 2, 256, 134_217_728 + 256 + 1_792 + 73_856 + 514),
    ("cnn-mri-pooled", 2, 512, 33_024 + 1_792 + 73_856 + 514),
    ("vgg16-xray", 2, 64, 14_784_833),
    ("cnn-xray", 2, 128, 6_259_209),
    ("vgg16", 2, 64, 14_714_688 + 1_179_904 + 1_049_600 + 524_800 + 513),
    ("efficientnet-lite0", 4, 64, 3_371_008 + 4 * 1281),
])  # fmt: skip
def test_the_networks_have_the_papers_parameters(preset, classes, image_size, trained):
    assert parameters(build_network(preset, classes, image_size=image_size)) == trained


def test_the_fourth_papers_network_has_the_14_785_153_it_prints_with_running_statistics():
    network = build_network("vgg16-xray", 2)
    statistics = sum(buffer.numel() for buffer in network.buffers() if buffer.is_floating_point())
    assert (parameters(network) + statistics, statistics) == (14_785_153, 320)


@pytest.mark.parametrize("preset", ["cnn-64", "cnn-mri-pooled", "vgg16-xray", "cnn-xray"])
def test_the_papers_networks_begin_as_in_keras(preset):
    network = build_network(preset, 2, image_size=64)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d):
            assert module.weight.eq(1).all()  # at 0 it would say the same of every image
        elif isinstance(module, nn.Linear | nn.Conv2d):
            assert module.weight.std() > 0
        if getattr(module, "bias", None) is not None:
            assert not module.bias.any()


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_network_is_its_head_after_its_features(preset):
    network = build_network(preset, 3, image_size=SMALL.get(preset, 0)).eval()
    images = torch.rand(
        2, 3, SMALL.get(preset, PRESETS[preset].image_size), SMALL.get(preset, PRESETS[preset].image_size)
    )
    with torch.inference_mode():
        features = network.features(images)
        logits = network(images)
        activations = network.activations(images)
        torch.testing.assert_close(network.head(features), logits)
        torch.testing.assert_close(activations[-1], features)
        assert network.hidden(features).shape == (2, network.hidden_units)
    assert logits.shape == (2, 3)
    assert isinstance(network.get_submodule(network.last_convolution), nn.Module)
    sides = [maps.shape[-1] for maps in activations]
    assert sides == sorted(sides, reverse=True)


@pytest.mark.parametrize("preset", sorted(TRANSFER_PRESETS))
@pytest.mark.parametrize("head", Head)
def test_transfer_networks_go_on_from_their_fixed_part(preset, head):
    network = build_network(preset, 2, image_size=64, head=head).eval()
    images = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(network.rest(network.fixed_part(images)), network(images))
    assert {name.partition(".")[0] for name, _ in network.named_parameters()} == {"backbone", *network.head_parts}


@pytest.mark.slow
@pytest.mark.parametrize("preset", sorted(TRANSFER_PRESETS))
@pytest.mark.parametrize("image_size", [64, 75, 96, 128, 224, 299, 512])
def test_transfer_networks_take_64_to_512_px(preset, image_size):
    network = build_network(preset, 2, image_size=image_size).eval()
    with torch.inference_mode():
        assert network(torch.rand(1, 3, image_size, image_size)).isfinite().all()


@pytest.mark.parametrize("preset", ["cnn-64", "vgg16-xray", "resnet50"])
def test_weights_depend_on_the_seed_alone(preset):
    torch.manual_seed(1)
    first = build_network(preset, 2, seed=5, image_size=64).state_dict()
    drawn = torch.rand(1)
    torch.manual_seed(1)
    again = build_network(preset, 2, seed=5, image_size=64).state_dict()
    assert torch.equal(drawn, torch.rand(1))
    other = build_network(preset, 2, seed=6, image_size=64).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_one_unit_is_the_sigmoid_and_both_classes_can_be_explained():
    unit = OneUnit(5)
    x = torch.randn(4, 5)
    logits, z = unit(x), unit.dense(x)[:, 0]
    torch.testing.assert_close(logits.softmax(1)[:, 1], z.sigmoid())
    targets = torch.tensor([0, 1, 1, 0])
    expected = nn.functional.binary_cross_entropy_with_logits(z, targets.float())
    torch.testing.assert_close(nn.functional.cross_entropy(logits, targets), expected)


@pytest.mark.parametrize(("preset", "head"), [
    *((preset, None) for preset in ("cnn-64", "cnn-mri-pooled", "vgg16-xray", "cnn-xray")),
    *(("efficientnet-lite0", head) for head in Head),
])  # fmt: skip
def test_an_image_may_show_both_of_two_findings_or_neither(preset, head):
    network = build_network(preset, 2, image_size=64, head=head, output=Output.FINDINGS).eval()
    assert isinstance(network.output, nn.Linear)
    assert network.output.out_features == 2


def test_without_its_package_a_backbone_says_what_to_install(monkeypatch):
    real = builtins.__import__
    monkeypatch.setattr(
        "synthoscope.classifier.networks.backbones.import_module",
        lambda name: real("no_such_package_" + name.replace(".", "_")),
    )
    with pytest.raises(FailedPrecondition, match="pip install --no-deps pytorchcv"):
        build_network("resnet50", 2)
