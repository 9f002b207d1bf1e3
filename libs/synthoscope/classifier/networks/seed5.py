"""The fifth seed paper's custom convolutional network."""

from torch import Tensor, nn
from torch.nn import functional as F

from synthoscope.classifier.config import Output
from synthoscope.classifier.networks.network import DropoutMasks, Network, dropped, paper_output


class XrayCnn(Network):
    """3×3 convolutions 32 and 64, 2×2 max pooling, 128, 3×3 max pooling; dense 120, 120, 60; dropout; one sigmoid unit.

    Source: the fifth seed paper, Table 1, with ReLU and, as nothing else is printed, Keras's defaults. The table's
    1,177,801 parameters cannot come from its layers: the convolutions and the last three dense layers have 115,089, and
    what is left is no multiple of 120. At the paper's 128 px this network has 6,259,209.
    """

    last_convolution = "convolution3"
    cell_start = 4.5
    cell_stride = 2.0
    dropout_units = (60,)
    hidden_units = 60

    def __init__(self, image_size: int, outputs: int, output: Output) -> None:
        super().__init__()
        self.convolution1 = nn.Conv2d(3, 32, 3)
        self.convolution2 = nn.Conv2d(32, 64, 3)
        self.convolution3 = nn.Conv2d(64, 128, 3)
        side = ((image_size - 4) // 2 - 2) // 3
        self.dense1 = nn.Linear(128 * side * side, 120)
        self.dense2 = nn.Linear(120, 120)
        self.dense3 = nn.Linear(120, 60)
        self.output = paper_output(60, outputs, output)

    def features(self, x: Tensor) -> Tensor:
        """The last convolution's activation, N×128×h×w."""
        return self.activations(x)[-1]

    def activations(self, x: Tensor) -> list[Tensor]:
        """The second and the third convolution's activations."""
        second = F.relu(self.convolution2(F.relu(self.convolution1(x))))
        return [second, F.relu(self.convolution3(F.max_pool2d(second, 2)))]

    def hidden(self, features: Tensor, dropout: DropoutMasks | None = None) -> Tensor:
        """The last hidden layer's activations, N×60."""
        hidden = F.max_pool2d(features, 3).flatten(1)
        for dense in (self.dense1, self.dense2, self.dense3):
            hidden = F.relu(dense(hidden))
        return dropped(hidden, dropout, 0)
