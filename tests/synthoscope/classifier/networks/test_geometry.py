"""Whether the last convolution's cells lie where a network says: a map would be drawn beside what it means."""

import pytest
import torch
from torch import nn

from synthoscope.classifier.config import Head
from synthoscope.classifier.networks import Network, build_network

pytestmark = pytest.mark.usefixtures("one_thread")


def straight(module: nn.Module) -> None:
    """Makes every layer take its middle only, so that a cell's gradient lies where its centre is."""
    for name, child in module.named_children():
        if isinstance(child, nn.MaxPool2d):
            pool = nn.AvgPool2d(
                child.kernel_size, child.stride, child.padding, child.ceil_mode, count_include_pad=False
            )
            setattr(module, name, pool)
        elif type(child).__name__ == "SEBlock":  # which looks at the whole map
            setattr(module, name, nn.Identity())
        else:
            straight(child)
    if isinstance(module, nn.Conv2d):
        height, width = module.kernel_size
        weights = torch.zeros_like(module.weight)
        weights[:, :, height // 2, width // 2] = 1.0 / weights.shape[1]
        module.weight.data = weights
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    if hasattr(module, "_swish"):
        module._swish = nn.Identity()


def centres(network: Network, image_size: int) -> list[float]:
    straight(network)
    network.eval()
    x = (0.7 + 0.01 * torch.rand(1, 3, image_size, image_size)).requires_grad_()
    maps = network.features(x)
    cells, middle = range(1, maps.shape[-1] - 1), maps.shape[-1] // 2
    found = []
    for cell in cells:
        (gradient,) = torch.autograd.grad(maps[0, :, cell, middle].sum(), x, retain_graph=True)
        weights = gradient.abs().sum((0, 1, 3))
        found.append(float((weights * torch.arange(image_size)).sum() / weights.sum()))
    return found


@pytest.mark.parametrize("preset", [
    "cnn-mri", "vgg16-xray", "cnn-xray", "efficientnet-lite0", "vgg16", "resnet50", "inceptionv3", "xception",
    "efficientnet-b0", "densenet201",
])  # fmt: skip
def test_cells_lie_where_start_and_stride_say(preset, monkeypatch):
    # Max pooling within `forward`s, not as modules: its mean lies in the same place.
    monkeypatch.setattr(nn.functional, "max_pool2d", nn.functional.avg_pool2d)
    size = 224 if preset in ("inceptionv3", "xception") else 160
    network = build_network(preset, 2, image_size=size, head=Head.POOLED)
    for cell, centre in enumerate(centres(network, size), start=1):
        assert centre == pytest.approx(network.cell_start + cell * network.cell_stride, abs=1.0), cell


def test_cells_of_an_enlarged_input_are_told_in_its_own_pixels():
    small, large = (build_network("inceptionv3", 2, image_size=size, head=Head.POOLED) for size in (64, 96))
    assert small.cell_stride == pytest.approx(large.cell_stride * 64 / 96)
    assert small.cell_start == pytest.approx((large.cell_start + 0.5) * 64 / 96 - 0.5)
