import numpy as np
import pytest

from synthoscope.api.images.v1.preprocessing_pb2 import CentreCrop as CentreCropMessage
from synthoscope.api.images.v1.preprocessing_pb2 import Preprocessing, PreprocessingStep
from synthoscope.images.placement import Picture
from synthoscope.images.preprocessing import Pipeline
from synthoscope.images.steps.centre_crop import CentreCrop
from synthoscope.rpc.errors import InvalidInput


def test_the_border_is_cut_off_on_all_sides():
    pixels = np.arange(40 * 60 * 3, dtype=np.uint8).reshape(40, 60, 3)
    seen = CentreCrop(0.2).apply(Picture.original(pixels))
    assert np.array_equal(seen.pixels, pixels[4:36, 6:54])
    assert seen.placement.to_original(np.array([[0.0, 0.0], [47.0, 31.0]])).tolist() == [[6.0, 4.0], [53.0, 35.0]]


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (5, 2), (7, 300)])
def test_something_is_always_left(shape):
    seen = CentreCrop(0.8).apply(Picture.original(np.zeros((*shape, 3), np.uint8)))
    assert min(seen.pixels.shape) >= 1


def test_it_survives_its_message():
    pipeline = Pipeline((CentreCrop(0.15),))
    assert Pipeline.from_message(pipeline.to_message()) == pipeline


@pytest.mark.parametrize("share", [0.0, -0.1, 0.81, float("nan")])
def test_a_share_out_of_range_is_named(share):
    message = Preprocessing(steps=[PreprocessingStep(centre_crop=CentreCropMessage(share=share))])
    with pytest.raises(InvalidInput, match=r"preprocessing.steps\[0\].centre_crop.share: must be in \[0.01, 0.8\]"):
        Pipeline.from_message(message)
