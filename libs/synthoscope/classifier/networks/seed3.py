"""The third seed paper's convolutional network, Table II, and the same with a pooled head."""

from torch import Tensor, nn
from torch.nn import functional as F

from synthoscope.classifier.networks.network import DropoutMasks, Network, dropped

HIDDEN_UNITS = 256


class MriCnn(Network):
    """3×3 convolutions 64 and 128, each with ReLU and 2×2 max pooling; dense 256 with ReLU; dense logits.

    Source: the third seed paper, Table II, whose shapes (W×H after each convolution) mean padding. Flattened, as it is
    printed, the dense layer has 8·S² weights for inputs of S px: 134,217,728 at 256 px, and 536,870,912 at 512 px,
    which no small set can fit and few machines hold. `pooled` takes the mean over the map instead, so that there are
    33,024 parameters in that layer at any size; it is ours, not the paper's.
    """

    last_convolution = "convolution2"
    cell_start = 0.5
    cell_stride = 2.0
    dropout_units = (HIDDEN_UNITS,)
    hidden_units = HIDDEN_UNITS

    def __init__(self, image_size: int, outputs: int, *, pooled: bool) -> None:
        super().__init__()
        self.pooled = pooled
        self.convolution1 = nn.Conv2d(3, 64, 3, padding=1)
        self.convolution2 = nn.Conv2d(64, 128, 3, padding=1)
        self.dense = nn.Linear(128 if pooled else 128 * (image_size // 4) ** 2, HIDDEN_UNITS)
        self.output = nn.Linear(HIDDEN_UNITS, outputs)

    def features(self, x: Tensor) -> Tensor:
        """The last convolution's activation, N×128×S/2×S/2."""
        return self.activations(x)[-1]

    def activations(self, x: Tensor) -> list[Tensor]:
        """Both convolutions' activations."""
        first = F.relu(self.convolution1(x))
        return [first, F.relu(self.convolution2(F.max_pool2d(first, 2)))]

    def hidden(self, features: Tensor, dropout: DropoutMasks | None = None) -> Tensor:
        """The hidden layer's activations, N×256."""
        pooled = F.max_pool2d(features, 2)
        flat = pooled.mean(dim=(2, 3)) if self.pooled else pooled.flatten(1)
        return dropped(F.relu(self.dense(flat)), dropout, 0)
