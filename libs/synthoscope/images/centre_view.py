"""Looking at the centre of pictures only, as is usual for networks that learned from random crops."""

from torch import Tensor
from torch.nn import functional as F

from synthoscope.images.placement import Placement


def centre_view(images: Tensor, share: float) -> Tensor:
    """The centres of images N×C×S×S, enlarged to S: about `share` of either side is cut off, half of it at each end.

    Networks that learn random crops are used to things that look larger than in a whole picture (Touvron et al. 2019).
    """
    side = images.shape[-1]
    border = _border(side, share)
    if not border:
        return images
    inner = images[:, :, border : side - border, border : side - border]
    return F.interpolate(inner, (side, side), mode="bilinear", align_corners=False)


def placed(placement: Placement, side: int, share: float) -> Placement:
    """Where a view of a picture of that side, which lies at `placement` in its original, lies there."""
    border = _border(side, share)
    inner = side - 2 * border
    return placement.cropped(border, border, side - border, side - border).resized((inner, inner), (side, side))


def _border(side: int, share: float) -> int:
    return int(side * share / 2 + 0.5)
