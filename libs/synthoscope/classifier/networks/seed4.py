"""The fourth seed paper's VGG16 with its head."""

from torch import Tensor, nn
from torch.nn import functional as F

from synthoscope.classifier.config import Output
from synthoscope.classifier.networks.network import DropoutMasks, Network, dropped, paper_output

_STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Simonyan & Zisserman 2015, configuration D."""


class VggXray(Network):
    """VGG16, global max pooling, then twice dropout and dense (128, 32) with batch norm and LeakyReLU 0.2, dropout.

    Source: the fourth seed paper's code, 64×64×3 inputs, no pretrained weights, one sigmoid unit. With two classes it
    has the 14,785,153 parameters that the paper prints, of which 320 are the running means and variances of the batch
    norms; these have Keras's momentum and epsilon.
    """

    last_convolution = "stages.4.4"
    cell_start = 7.5
    cell_stride = 16.0
    dropout_units = (512, 128, 32)
    hidden_units = 32

    def __init__(self, outputs: int, output: Output) -> None:
        super().__init__()
        channels = [3, *(stage[-1] for stage in _STAGES)]
        self.stages = nn.ModuleList(_stage(inputs, widths) for inputs, widths in zip(channels, _STAGES, strict=False))
        self.dense1, self.norm1 = nn.Linear(512, 128), nn.BatchNorm1d(128, eps=1e-3, momentum=0.01)
        self.dense2, self.norm2 = nn.Linear(128, 32), nn.BatchNorm1d(32, eps=1e-3, momentum=0.01)
        self.output = paper_output(32, outputs, output)

    def features(self, x: Tensor) -> Tensor:
        """The last convolution's activation, N×512×S/16×S/16."""
        return self.activations(x)[-1]

    def activations(self, x: Tensor) -> list[Tensor]:
        """The five stages' activations, before they are pooled."""
        found = [self.stages[0](x)]
        for stage in self.stages[1:]:
            found.append(stage(F.max_pool2d(found[-1], 2)))
        return found

    def hidden(self, features: Tensor, dropout: DropoutMasks | None = None) -> Tensor:
        """The last hidden layer's activations, N×32."""
        # Pooled 2×2 and then over all, as in the paper: the same as over all at once, but for an odd last row.
        pooled = F.max_pool2d(features, 2).amax(dim=(2, 3))
        first = F.leaky_relu(self.norm1(self.dense1(dropped(pooled, dropout, 0))), 0.2)
        second = F.leaky_relu(self.norm2(self.dense2(dropped(first, dropout, 1))), 0.2)
        return dropped(second, dropout, 2)


def _stage(inputs: int, widths: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, width in zip((inputs, *widths), widths, strict=False):
        layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers)
