import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from synthoscope import models
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.api.training.v1 import training_pb2
from synthoscope.classifier.data import LabelledPixels, hold_out
from synthoscope.classifier.loop import Surroundings, train
from synthoscope.classifier.networks import build_network
from synthoscope.classifier.objectives import OneOf
from synthoscope.classifier.parsing import from_message
from synthoscope.classifier.prediction import load_classifier
from synthoscope.classifier.state import best_weights
from synthoscope.images.placement import Placement
from synthoscope.images.preprocessing import Pipeline, preprocessing_from_json
from synthoscope.models.weights import WEIGHTS, dump_weights
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import InvalidInput
from synthoscope.saliency.explanation import explain
from synthoscope.saliency.overlay import CellGrid, upsample

CLASSES = ("disc", "ring")
SIDE = 14


def lesions(count: int, seed: int) -> tuple[LabelledPixels, np.ndarray]:
    """A bright disc or ring anywhere on noise, and masks of the lesions, bool N×64×64."""
    generator = np.random.default_rng(seed)
    images = generator.integers(30, 70, (count, 64, 64, 3)).astype(np.uint8)
    labels = np.arange(count) % 2
    masks = np.zeros((count, 64, 64), bool)
    rows, columns = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    radius = np.hypot(rows, columns)
    for image, mask, label in zip(images, masks, labels, strict=True):
        top, left = generator.integers(6, 44, 2)
        shape = (radius < 7) & ((radius > 4) | (label == 0))
        image[top : top + SIDE, left : left + SIDE][shape] = 220
        mask[top : top + SIDE, left : left + SIDE] = True
    return LabelledPixels(images, labels.astype(np.int64)), masks


@pytest.fixture(scope="module")
def classifier():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    message = training_pb2.ClassifierTrainingConfig(preset="cnn-64", epochs=6, batch_size=16, seed=1, augmentation={})
    config = from_message(message)
    data = hold_out(lesions(480, 0)[0], None, np.arange(480), 0.1, 1)
    checkpoint = train(config, data, OneOf(tuple("ab")), Surroundings())
    torch.set_num_threads(before)
    objects = InMemoryObjectStore()
    record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=CLASSES, preset="cnn-64", image_size=64)
    weights = {WEIGHTS: dump_weights(best_weights(checkpoint))}
    return load_classifier(objects, models.publish(objects, "tenants/default/models/m", record, weights).name)


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_the_lesion_is_found(classifier):
    held, masks = lesions(40, seed=99)
    right = classifier.predict(held.images).argmax(1) == held.labels
    assert right.mean() > 0.9
    in_lesion, hits = [], []
    grid = CellGrid(8.5, 4.0)
    for image, mask in zip(held.images[right], masks[right], strict=True):
        strength = upsample(explain(classifier, png(image)).map, 64, 64, grid, Placement.whole(64, 64))
        in_lesion.append(strength[mask].sum() / strength.sum())
        near = np.zeros_like(mask)
        rows, columns = np.nonzero(mask)
        near[max(rows.min() - 4, 0) : rows.max() + 5, max(columns.min() - 4, 0) : columns.max() + 5] = True
        hits.append(near[np.unravel_index(strength.argmax(), strength.shape)])
    # A map that knew nothing would have 5 % of its mass in the lesion.
    assert np.mean(in_lesion) > 0.25
    assert np.mean(hits) > 0.8


def test_an_explanation_holds_all_that_is_stored(classifier):
    image = lesions(1, seed=5)[0].images[0]
    result = explain(classifier, png(image))
    probabilities = classifier.predict(image[None])[0]
    assert result.label == CLASSES[int(probabilities.argmax())]
    assert result.probability == pytest.approx(probabilities.max(), abs=1e-5)
    assert result.layer == "convolution3"
    assert result.map.shape == (12, 12)
    assert result.map.dtype == np.float32
    picture = Image.open(io.BytesIO(result.overlay_png))
    assert np.array_equal(np.array(picture), result.overlay)


def test_any_class_can_be_asked_for(classifier):
    image = png(lesions(1, seed=5)[0].images[0])
    results = [explain(classifier, image, label) for label in CLASSES]
    assert sum(result.probability for result in results) == pytest.approx(1.0)
    assert not np.array_equal(results[0].map, results[1].map)
    with pytest.raises(InvalidInput, match="label"):
        explain(classifier, image, "stroke")


@pytest.mark.parametrize("shape", [(300, 200), (48, 90, 3)])
def test_the_overlay_has_the_originals_resolution(classifier, shape):
    pixels = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    assert explain(classifier, png(pixels)).overlay.shape == (*shape[:2], 3)


def test_what_is_not_an_image_is_refused(classifier):
    with pytest.raises(InvalidInput, match="PNG, JPEG or DICOM"):
        explain(classifier, b"not an image")


def test_a_map_is_placed_in_the_original_through_crop_resize_and_padding():
    preprocessing = preprocessing_from_json(b'{"steps": [{"marginRemoval": {}}, {"resizing": {"mode": "MODE_PAD"}}]}')
    record = ModelVersion(
        kind=ModelKind.MODEL_KIND_CLASSIFIER,
        classes=CLASSES,
        preset="cnn-64",
        image_size=64,
        preprocessing=Pipeline.from_message(preprocessing).sized(64).to_message(),
    )
    objects = InMemoryObjectStore()
    weights = {WEIGHTS: dump_weights(build_network("cnn-64", 2, seed=1).state_dict())}
    cropping = load_classifier(objects, models.publish(objects, "tenants/default/models/m", record, weights).name)
    pixels = np.zeros((100, 200, 3), np.uint8)
    pixels[20:80, 40:160] = np.random.default_rng(0).integers(100, 200, (60, 120, 1))
    results = [explain(cropping, png(pixels), label) for label in CLASSES]
    placement = results[0].placement
    # 120 × 60 pixels from (40, 20) became 64 × 32 below 16 rows of black; the first cell's centre is 9 from the edge.
    assert (placement.step_x, placement.step_y) == (4 * 120 / 64, 4 * 120 / 64)
    assert placement.x == 40 + 9 * 120 / 64 - 0.5
    assert placement.y == 20 + (9 - 16) * 120 / 64 - 0.5
    assert max(result.map.max() for result in results) > 0
    changed = np.any([result.overlay != pixels for result in results], axis=(0, 3))
    assert changed.any()
    changed[20:80, 40:160] = False
    assert not changed.any()


def test_a_map_of_the_centre_is_placed_there(classifier):
    pixels = lesions(1, seed=5)[0].images[0]
    whole = explain(classifier, png(pixels), "disc")
    record = ModelVersion()
    record.CopyFrom(classifier.record)
    record.config["evaluation_crop"] = 0.25
    centre = explain(replace(classifier, record=record), png(pixels), "disc")
    assert (whole.placement.x, whole.placement.step_x) == (8.5, 4)
    assert (centre.placement.x, centre.placement.step_x) == pytest.approx((9 * 0.75 - 0.5 + 8, 3))
    # What was not looked at stays uncoloured.
    assert np.array_equal(centre.overlay[:8], pixels[:8])


def test_a_scale_of_0_is_none(classifier):
    record = ModelVersion()
    record.CopyFrom(classifier.record)
    record.reliability.explanation_scales.update(dict.fromkeys(CLASSES, 0.0))
    image = png(lesions(1, seed=5)[0].images[0])
    without = explain(replace(classifier, record=record), image)
    assert np.array_equal(without.overlay, explain(classifier, image).overlay)
