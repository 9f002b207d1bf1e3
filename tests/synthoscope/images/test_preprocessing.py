import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st

from synthoscope.api.images.v1.preprocessing_pb2 import Preprocessing
from synthoscope.images import preprocessing
from synthoscope.images.preprocessing import Pipeline, for_dataset, preprocessing_from_json
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput

EVERYTHING = {
    "steps": [
        {"marginRemoval": {"threshold": 30, "smallestRegion": 0.02}},
        {"denoising": {"method": "METHOD_MEDIAN", "size": 5}},
        {"denoising": {"method": "METHOD_NON_LOCAL_MEANS", "size": 3, "noise": 8}},
        {"contrast": {"method": "METHOD_PERCENTILE_STRETCH", "lowPercentile": 1, "highPercentile": 99}},
        {"contrast": {"method": "METHOD_CLAHE", "clipLimit": 3, "tiles": 4}},
        {"color": {"mode": "MODE_GREY"}},
        {"resizing": {"mode": "MODE_PAD"}},
        {"normalization": {"mean": 0.5, "deviation": 0.25}},
    ]
}


def pipeline(*steps: dict) -> Pipeline:
    return Pipeline.from_message(json_format.ParseDict({"steps": list(steps)}, Preprocessing()))


def some_image(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_the_default_leaves_an_image_of_the_right_size_as_it_is() -> None:
    pixels = some_image(8, 8)
    assert np.array_equal(Pipeline().sized(8).apply(pixels).pixels, pixels)


def test_the_default_squeezes_and_crops_nothing() -> None:
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:20, :40] = (255, 0, 0)
    pixels[20:, 40:] = (0, 0, 255)
    square = Pipeline().sized(10).apply(pixels).pixels
    assert square.shape == (10, 10, 3)
    assert square.dtype == np.uint8
    assert square[0, 0].tolist() == [255, 0, 0]
    assert square[9, 9].tolist() == [0, 0, 255]


def test_shrinking_is_antialiased() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    inner = Pipeline().sized(16).apply(stripes).pixels[:, 1:-1]
    assert np.abs(inner.astype(int) - 127).max() <= 10


def test_a_pipeline_survives_its_message_and_its_json() -> None:
    made = pipeline(*EVERYTHING["steps"])
    assert [step.kind for step in made.steps] == [
        "margin_removal", "denoising", "denoising", "contrast", "contrast", "color",
    ]  # fmt: skip
    assert Pipeline.from_message(made.to_message()) == made
    assert json_format.MessageToDict(made.to_message()) == EVERYTHING
    assert preprocessing_from_json(json.dumps(EVERYTHING).encode()) == made.to_message()


def test_the_example_in_the_docs_is_one() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "preprocessing.md").read_text()
    example = text.partition("```json")[2].partition("```")[0]
    assert len(preprocessing_from_json(example.encode()).steps) == 6


def test_defaults_are_written_out() -> None:
    sparse = pipeline({"marginRemoval": {}}, {"contrast": {"method": "METHOD_CLAHE"}})
    full = pipeline(
        {"marginRemoval": {"threshold": 20, "smallestRegion": 0.01}},
        {"contrast": {"method": "METHOD_CLAHE", "clipLimit": 2, "tiles": 8}},
    )
    assert sparse == full
    assert sparse.to_message().steps[0].margin_removal.threshold == 20


def test_what_does_nothing_but_the_default_is_an_empty_message_until_it_has_a_size() -> None:
    explicit = pipeline({"resizing": {"mode": "MODE_SQUEEZE"}}, {"normalization": {}})
    assert explicit == Pipeline()
    assert explicit.to_message() == Preprocessing()
    assert for_dataset(Preprocessing()) is None
    assert for_dataset(None) is None
    sized = explicit.sized(64).to_message()
    assert [step.WhichOneof("step") for step in sized.steps] == ["resizing", "normalization"]
    assert (sized.steps[0].resizing.size, sized.steps[1].normalization.deviation) == (64, 1.0)


def test_the_digest_stands_for_the_pixels() -> None:
    digests = {
        made.digest
        for made in (
            Pipeline(),
            Pipeline().sized(64),
            pipeline({"resizing": {"mode": "MODE_PAD"}}),
            pipeline({"marginRemoval": {}}),
            pipeline({"marginRemoval": {"threshold": 21}}),
            pipeline({"color": {"mode": "MODE_GREY"}}, {"marginRemoval": {}}),
            pipeline({"marginRemoval": {}}, {"color": {"mode": "MODE_GREY"}}),
        )
    }
    assert len(digests) == 7
    assert pipeline({"normalization": {"mean": 0.5}}).digest == Pipeline().digest


def test_a_size_is_set_once() -> None:
    assert Pipeline().sized(64).sized(64).resizing.size == 64
    with pytest.raises(FailedPrecondition, match="64 pixels a side, not 128"):
        Pipeline().sized(64).sized(128)
    with pytest.raises(ValueError, match="not known"):
        Pipeline().apply(some_image(4, 4))


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([{}], r"preprocessing.steps\[0\]: must hold one of margin_removal"),
        ([{"marginRemoval": {"threshold": 255}}], r"\[0\].margin_removal.threshold: must be in \[1, 254\]; 0 means"),
        ([{"marginRemoval": {"smallestRegion": 0.6}}], "smallest_region: must be in"),
        ([{"marginRemoval": {"smallestRegion": "NaN"}}], "smallest_region: must be in"),
        ([{"denoising": {}}], "denoising.method: must be METHOD_MEDIAN or"),
        ([{"denoising": {"method": "METHOD_MEDIAN", "size": 4}}], "size: must be odd"),
        ([{"denoising": {"method": "METHOD_MEDIAN", "size": 17}}], "size: must be in"),
        ([{"denoising": {"method": "METHOD_MEDIAN", "noise": 3}}], "noise: is only for METHOD_NON_LOCAL_MEANS"),
        ([{"denoising": {"method": "METHOD_NON_LOCAL_MEANS", "noise": 65}}], "noise: must be in"),
        ([{"color": {"mode": "MODE_GREY"}}, {"contrast": {}}], r"steps\[1\].contrast.method: must be"),
        ([{"contrast": {"method": "METHOD_CLAHE", "clipLimit": 0.5}}], "clip_limit: must be in"),
        ([{"contrast": {"method": "METHOD_CLAHE", "tiles": 33}}], "tiles: must be in"),
        ([{"contrast": {"method": "METHOD_CLAHE", "lowPercentile": 1}}], "low_percentile: is only for METHOD_PERC"),
        ([{"contrast": {"method": "METHOD_PERCENTILE_STRETCH", "tiles": 4}}], "tiles: is only for METHOD_CLAHE"),
        ([{"contrast": {"method": "METHOD_PERCENTILE_STRETCH", "highPercentile": 50}}], "high_percentile: must be in"),
        ([{"contrast": {"method": "METHOD_PERCENTILE_STRETCH", "lowPercentile": 50}}], "low_percentile: must be in"),
        ([{"color": {}}], "color.mode: must be"),
        ([{"resizing": {}}], "resizing.mode: must be"),
        ([{"resizing": {"mode": "MODE_PAD", "size": 64}}], r"steps\[0\].resizing.size: must be 0 in a dataset"),
        ([{"resizing": {"mode": "MODE_PAD", "size": 7}}], r"size: must be in \[8, 1024\]"),
        ([{"normalization": {"mean": 11}}], "mean: must be in"),
        ([{"normalization": {"deviation": -1}}], "deviation: must be in"),
        ([{"normalization": {}}, {"resizing": {"mode": "MODE_PAD"}}], r"\[0\].normalization: must come at the end"),
        ([{"resizing": {"mode": "MODE_PAD"}}] * 2, r"steps\[0\].resizing: must come at the end"),
        ([{"resizing": {"mode": "MODE_PAD"}}, {"marginRemoval": {}}], r"steps\[0\].resizing: must come at the end"),
        ([{"marginRemoval": {}}] * 17, "steps: must be at most 16 steps, not 17"),
        ([{"marginRemoval": {"treshold": 3}}], "treshold"),
        ([{"color": {"mode": "GREY"}}], "GREY"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(steps: list[dict], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        preprocessing_from_json(json.dumps({"steps": steps}).encode())


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"3", b'{"steps": 3}', b'{"step": []}', b'{"\xff": 1}'])
def test_what_is_no_preprocessing_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"preprocessing: (must be a JSON object|is not the JSON of)"):
        preprocessing_from_json(data)


def test_a_large_picture_is_shrunk_before_the_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preprocessing, "MOST_PIXELS", 10_000)
    picture = pipeline({"color": {"mode": "MODE_GREY"}}).sized(64).apply(some_image(400, 100))
    assert picture.placement.x.scale == pytest.approx(100 / 64)
    assert picture.placement.y.scale == pytest.approx(400 / 64)
    plain = Pipeline().sized(64).apply(some_image(400, 100)).pixels
    assert np.abs(picture.pixels.mean() - plain.mean()) < 3


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 3))
def test_the_result_is_always_a_square_and_the_image_stays_as_it_was(height: int, width: int, seed: int) -> None:
    pixels = some_image(height, width, seed)
    before = pixels.copy()
    square = pipeline(*EVERYTHING["steps"]).sized(16).apply(pixels).pixels
    assert (square.shape, square.dtype) == ((16, 16, 3), np.uint8)
    assert np.array_equal(pixels, before)


def test_checking_a_pipeline_loads_no_image_library() -> None:
    code = "import sys, synthoscope.images.preprocessing; print({'cv2', 'torch'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
