"""The first seed paper's convolutional network."""

from torch import Tensor, nn
from torch.nn import functional as F

from synthoscope.classifier.networks.network import DropoutMasks, Network, dropped

HIDDEN_UNITS = 128


class SeedCnn(Network):
    """3×3 convolutions 32, 64, 64, each with ReLU and 2×2 max pooling; dense 128 with ReLU; dropout; dense logits.

    Source: the first seed paper's CNN, 128×128×3 inputs; the softmax is left to the loss and to prediction. What the
    paper does not print is chosen as Keras does by default: no padding, stride 1, Glorot-uniform weights, zero biases.
    So the last convolution's grid is 28×28 for 128 px and 12×12 for 64 px, and with four classes there are 1,662,596
    parameters for 128 px and 351,876 for 64 px.
    """

    last_convolution = "convolution3"
    cell_start = 8.5
    cell_stride = 4.0
    dropout_units = (HIDDEN_UNITS,)
    hidden_units = HIDDEN_UNITS

    def __init__(self, image_size: int, outputs: int) -> None:
        super().__init__()
        self.convolution1 = nn.Conv2d(3, 32, 3)
        self.convolution2 = nn.Conv2d(32, 64, 3)
        self.convolution3 = nn.Conv2d(64, 64, 3)
        side = (((image_size - 2) // 2 - 2) // 2 - 2) // 2
        self.dense = nn.Linear(side * side * 64, HIDDEN_UNITS)
        self.output = nn.Linear(HIDDEN_UNITS, outputs)

    def features(self, x: Tensor) -> Tensor:
        """The last convolution's activation, N×64×h×w."""
        return self.activations(x)[-1]

    def activations(self, x: Tensor) -> list[Tensor]:
        """The three convolutions' activations."""
        first = F.relu(self.convolution1(x))
        second = F.relu(self.convolution2(F.max_pool2d(first, 2)))
        return [first, second, F.relu(self.convolution3(F.max_pool2d(second, 2)))]

    def hidden(self, features: Tensor, dropout: DropoutMasks | None = None) -> Tensor:
        """The hidden layer's activations, N×128."""
        return dropped(F.relu(self.dense(F.max_pool2d(features, 2).flatten(1))), dropout, 0)
