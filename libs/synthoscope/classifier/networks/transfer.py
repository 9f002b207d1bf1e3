"""A known network's backbone below a new head: transfer learning, as in the fifth seed paper."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synthoscope.classifier.config import Output
from synthoscope.classifier.networks.backbones import Architecture
from synthoscope.classifier.networks.network import DropoutMasks, Network, dropped, paper_output


class TransferNetwork(Network):
    """`backbone`, which may be frozen, then what the subclass adds.

    `fixed_part` is what a frozen backbone makes of images, and can be computed once; `rest` goes on from there.
    """

    def __init__(self, architecture: Architecture, image_size: int) -> None:
        super().__init__()
        self.backbone = architecture.build(image_size)
        enlarged = max(image_size, architecture.smallest) / image_size
        self.cell_start = (architecture.cell_start + 0.5) / enlarged - 0.5
        self.cell_stride = architecture.cell_stride / enlarged

    def fixed_part(self, x: Tensor) -> Tensor:
        """What depends on the backbone alone, of images N×3×S×S."""
        raise NotImplementedError

    def rest(self, fixed: Tensor, dropout: DropoutMasks | None = None) -> Tensor:
        """The logits of what `fixed_part` gave."""
        raise NotImplementedError


class FlattenedHead(TransferNetwork):
    """The fifth seed paper's head: 3×3 convolution 256, flattened, dense 1024 and 512, dropout, one sigmoid unit.

    Source: its Table 1, with ReLU. The convolution is padded, as the backbones' maps are 2×2 for 64 px.
    """

    last_convolution = "convolution"
    dropout_units = (512,)
    hidden_units = 512
    head_parts = ("convolution", "dense1", "dense2", "output")

    def __init__(self, architecture: Architecture, image_size: int, outputs: int, output: Output) -> None:
        super().__init__(architecture, image_size)
        with torch.no_grad():
            cells = self.backbone.eval()(torch.zeros(1, 3, image_size, image_size)).shape[2:].numel()
        self.convolution = nn.Conv2d(architecture.channels, 256, 3, padding=1)
        self.dense1 = nn.Linear(256 * cells, 1024)
        self.dense2 = nn.Linear(1024, 512)
        self.output = paper_output(512, outputs, output)

    def features(self, x: Tensor) -> Tensor:
        """The head's convolution's activation, N×256×h×w."""
        return self._convolved(self.backbone(x))

    def activations(self, x: Tensor) -> list[Tensor]:
        """Those of the backbone, and the head's convolution's."""
        maps = self.backbone.activations(x)
        return [*maps, self._convolved(maps[-1])]

    def hidden(self, features: Tensor, dropout: DropoutMasks | None = None) -> Tensor:
        """The last hidden layer's activations, N×512."""
        return dropped(F.relu(self.dense2(F.relu(self.dense1(features.flatten(1))))), dropout, 0)

    def fixed_part(self, x: Tensor) -> Tensor:
        """The backbone's maps, N×K×h×w."""
        maps: Tensor = self.backbone(x)
        return maps

    def rest(self, fixed: Tensor, dropout: DropoutMasks | None = None) -> Tensor:
        """The logits, N×C, of the backbone's maps."""
        return self.head(self._convolved(fixed), dropout)

    def _convolved(self, maps: Tensor) -> Tensor:
        return F.relu(self.convolution(maps))


class PooledHead(TransferNetwork):
    """The mean over the backbone's maps, dropout, dense logits: few weights, and the same ones for every image size."""

    head_parts = ("output",)

    def __init__(self, architecture: Architecture, image_size: int, outputs: int) -> None:
        super().__init__(architecture, image_size)
        self.last_convolution = f"backbone.{architecture.last_convolution}"
        self.hidden_units = architecture.channels
        self.dropout_units = (architecture.channels,)
        self.output = nn.Linear(architecture.channels, outputs)

    def features(self, x: Tensor) -> Tensor:
        """The backbone's last maps, N×K×h×w."""
        maps: Tensor = self.backbone(x)
        return maps

    def activations(self, x: Tensor) -> list[Tensor]:
        """The backbone's maps at the end of each resolution."""
        return self.backbone.activations(x)

    def hidden(self, features: Tensor, dropout: DropoutMasks | None = None) -> Tensor:
        """The means of the maps, N×K."""
        return dropped(features.mean(dim=(2, 3)), dropout, 0)

    def fixed_part(self, x: Tensor) -> Tensor:
        """The means of the maps, N×K."""
        return self.hidden(self.features(x))

    def rest(self, fixed: Tensor, dropout: DropoutMasks | None = None) -> Tensor:
        """The logits, N×C, of the means."""
        logits: Tensor = self.output(dropped(fixed, dropout, 0))
        return logits
