"""The default and the fourth seed paper's preset on images of one class; test_loop.py has other families."""

import numpy as np
import pytest
from gan_runs import Recorder

from synthoscope.gan.config import PRESETS, Conditioning, GanConfig
from synthoscope.gan.loop import train

pytestmark = pytest.mark.usefixtures("one_thread")

CASES = [(preset, each) for preset in ("r3", "acgan-xray") for each in PRESETS[preset].conditionings]


@pytest.mark.parametrize(("preset", "conditioning"), CASES)
def test_a_dataset_of_one_class_can_be_learned(preset, conditioning):
    small = {"image_size": 28, "channels": 1, "width": 2} if preset == "r3" else {}
    config = GanConfig(preset, epochs=1, batch_size=2, conditioning=conditioning, **small)
    side = config.image_size
    images = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), np.uint8)
    recorder = Recorder()
    train(config, images, np.zeros(2, np.int64), ("same",), callbacks=recorder)
    assert sorted(recorder.checkpoints) == [1]
    assert np.isfinite(list(recorder.reports[0].metrics.values())).all()
    label = "" if conditioning is Conditioning.UNCONDITIONAL else "same"
    assert [picture.label for picture in recorder.pictures[1]] == [label]
