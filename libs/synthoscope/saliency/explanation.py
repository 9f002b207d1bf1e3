"""One image explained: from its file's bytes to the map and the picture."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from synthoscope.api.explanation.v1.explanation_pb2 import MapPlacement
from synthoscope.classifier.prediction import Classifier
from synthoscope.images import centre_view
from synthoscope.images.decoding import decode
from synthoscope.images.placement import Placement
from synthoscope.images.storage import encode_png
from synthoscope.saliency.grad_cam import grad_cam
from synthoscope.saliency.overlay import CellGrid, overlay


@dataclass(frozen=True)
class ExplanationResult:
    """Where a classifier looked when it gave `label` its score.

    `logit` and `probability` (in [0, 1]) are the label's. `map` is float32 h×w on the grid of the layer named `layer`,
    not negative, in units of the logit, and `placement` where its cells lie in the original. `overlay` is the map over
    the original, uint8 H×W×3 at its own resolution, and `overlay_png` the same as a PNG file.
    """

    label: str
    logit: float
    probability: float
    layer: str
    map: NDArray[np.float32]
    placement: MapPlacement
    overlay: NDArray[np.uint8]
    overlay_png: bytes


def explain(
    classifier: Classifier, image: bytes, label: str | None = None, scale: float | None = None
) -> ExplanationResult:
    """Explains a class's score for a PNG or JPEG file; without a label, that of the predicted class.

    `scale` is the map's value that gets the full colour; None means the model's own for the class, or, for a model that
    has none, `saliency.overlay.default_scale`. Raises InvalidInput, naming "label", when it is not a class of the
    model, and what `images.decoding.decode` raises.
    """
    targets = None if label is None else torch.tensor([classifier.class_index(label)], device=classifier.device)
    original = decode(image)
    seen = classifier.pipeline.apply(original.pixels)
    cam = grad_cam(classifier.network, classifier.input(seen.pixels[None]), targets)
    index = int(cam.logits.argmax()) if targets is None else int(targets)
    network = classifier.network
    values = cam.maps[0].cpu().numpy()
    grid = CellGrid(network.cell_start, network.cell_stride)
    placement = centre_view.placed(seen.placement, classifier.image_size, classifier.evaluation_crop)
    # A network that has hardly learned may have nothing to show of any image, and 0 for a scale.
    scale = scale or classifier.record.reliability.explanation_scales.get(classifier.classes[index]) or None
    picture = overlay(original.pixels, values, grid, placement, scale)
    return ExplanationResult(
        label=classifier.classes[index],
        logit=float(cam.logits[0, index]),
        probability=float(classifier.calibrated(cam.logits.cpu().numpy())[0, index]),
        layer=network.last_convolution,
        map=values,
        placement=_placed(grid, placement),
        overlay=picture,
        overlay_png=encode_png(picture),
    )


def _placed(grid: CellGrid, placement: Placement) -> MapPlacement:
    """Where the cells of a grid in the network's input lie in the original."""
    ((x, y),) = placement.to_original(np.array([[grid.start, grid.start]]))
    return MapPlacement(x=x, y=y, step_x=grid.stride * placement.x.scale, step_y=grid.stride * placement.y.scale)
