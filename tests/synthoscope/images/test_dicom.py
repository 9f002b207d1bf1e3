import io
import struct
from pathlib import Path

import dicoms
import numpy as np
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.pixels.encoders import RLELosslessEncoder
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from synthoscope.images.decoding import ImageFacts, decode, inspect
from synthoscope.rpc.errors import InvalidInput, ResourceExhausted, Unimplemented

SAMPLES = Path(__file__).resolve().parents[4] / "shared/data/dicom-samples"
RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)


def noise(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    info = np.iinfo(dtype)
    return np.random.default_rng(0).integers(info.min, info.max, shape, dtype, endpoint=True)


def grey(data: bytes, frame: int = 0) -> np.ndarray:
    pixels = decode(data, frame=frame).pixels
    assert pixels.dtype == np.uint8
    assert (pixels == pixels[:, :, :1]).all()
    return pixels[:, :, 0]


def stretched(values: np.ndarray) -> np.ndarray:
    low, high = int(values.min()), int(values.max())
    return np.rint((values.astype(np.float64) - low) / (high - low) * 255).astype(np.uint8)


def sample(name: str) -> bytes:
    return Path(get_testdata_file(name, download=False)).read_bytes()


@pytest.mark.skipif(not SAMPLES.exists(), reason="needs the samples in ../shared/data/dicom-samples")
def test_every_sample_decodes_or_fails_as_its_readme_says() -> None:
    rows = [line.split("|")[1:-1] for line in (SAMPLES / "README.md").read_text().splitlines() if ".dcm |" in line]
    assert len(rows) == len(list(SAMPLES.glob("*.dcm"))) == 14
    for name, _, size, _, decodes, _ in ([cell.strip() for cell in row] for row in rows):
        data = (SAMPLES / name).read_bytes()
        if decodes == "yes":
            assert "{1} x {0}".format(*decode(data).pixels.shape) == size, name
        else:
            with pytest.raises(InvalidInput, match="truncated"):
                decode(data)


@pytest.mark.skipif(not SAMPLES.exists(), reason="needs the samples in ../shared/data/dicom-samples")
def test_the_same_image_in_six_encodings_has_the_same_pixels() -> None:
    names = ["MR_small", "MR_small_RLE", "MR_small_bigendian", "MR_small_implicit", "MR_small_padded"]
    pictures = [decode((SAMPLES / f"pydicom_{name}.dcm").read_bytes()).pixels for name in names]
    assert all(np.array_equal(picture, pictures[0]) for picture in pictures)
    assert len(np.unique(pictures[0])) > 100


def test_what_a_file_says_of_itself() -> None:
    data = dicoms.dicom(noise(5, 7, dtype=np.uint16))
    assert inspect(data) == decode(data).facts == ImageFacts("application/dicom", 7, 5, "I;16", 1)
    assert decode(data).pixels.shape == (5, 7, 3)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_padding_is_no_part_of_the_range_in_use(syntax: str) -> None:
    values = RAMP.astype(np.int16) * 4 - 1000
    values[:4] = -2000
    expected = stretched(values[4:])
    order = ">i2" if syntax == ExplicitVRBigEndian else "<i2"
    shown = grey(padded(values.astype(order), syntax, PixelPaddingValue=-2000))
    assert np.array_equal(shown[4:], expected)
    assert not shown[:4].any()
    values[2:4] = -1500
    shown = grey(padded(values.astype(order), syntax, PixelPaddingValue=-2000, PixelPaddingRangeLimit=-1500))
    assert np.array_equal(shown[4:], expected)


def test_padding_above_the_range_and_padding_alone() -> None:
    values = RAMP.astype(np.uint16)
    values[:4] = 65535
    shown = grey(padded(values, PixelPaddingValue=65535))
    assert np.array_equal(shown[4:], stretched(values[4:]))
    assert not grey(padded(np.full((4, 4), 7, np.uint16), PixelPaddingValue=7)).any()


def padded(values: np.ndarray, syntax: str = ExplicitVRLittleEndian, **padding: int) -> bytes:
    made = dicoms.image(values, **padding)
    for keyword in padding:
        made[keyword].VR = "SS" if values.dtype.kind == "i" else "US"
    return dicoms.written(made, syntax)


def test_jpeg_of_twelve_bits_is_not_supported_and_says_so() -> None:
    with pytest.raises(
        Unimplemented, match="JPEG Extended with 12 bits a sample is not supported, only with 8; convert"
    ):
        decode(sample("JPGExtended.dcm"))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32])
def test_without_a_window_the_range_in_use_is_shown(dtype: type) -> None:
    values = noise(9, 8, dtype=dtype) // 3
    assert np.array_equal(grey(dicoms.dicom(values)), stretched(values))


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_byte_orders_and_deflate(syntax: str) -> None:
    values = noise(6, 4, dtype=np.int16)
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    made = dicoms.image(values)
    made.PixelData = values.astype(f"{order}i2").tobytes()
    made["PixelData"].VR = "OW"
    assert np.array_equal(grey(dicoms.written(made, syntax)), stretched(values))


def test_constant_images_are_black() -> None:
    assert grey(dicoms.dicom(np.full((4, 4), 700, np.uint16))).max() == 0


def test_rescale_then_window() -> None:
    values = np.array([[0, 1024, 1064, 1104, 2000]], np.uint16)
    data = dicoms.dicom(values, RescaleSlope="1", RescaleIntercept="-1024", WindowCenter="40.5", WindowWidth="81")
    assert grey(data)[0].tolist() == [0, 0, 128, 255, 255]  # Hounsfield -1024, 0, 40, 80, 976


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_window_functions(function: str) -> None:
    values = np.array([[0, 10, 50, 105]], np.uint8)
    shown = grey(dicoms.dicom(values, WindowCenter="50", WindowWidth="100", VOILUTFunction=function))
    formula = {
        "LINEAR": lambda x: (x - 49.5) / 99 + 0.5,
        "LINEAR_EXACT": lambda x: (x - 50) / 100 + 0.5,
        "SIGMOID": lambda x: 1 / (1 + np.exp(-4 * (x - 50) / 100)),
    }[function]
    assert shown[0].tolist() == np.rint(np.clip(formula(values[0].astype(float)), 0, 1) * 255).astype(int).tolist()


def test_the_first_of_several_windows_counts() -> None:
    one = grey(dicoms.dicom(RAMP, WindowCenter="100", WindowWidth="50"))
    assert np.array_equal(grey(dicoms.dicom(RAMP, WindowCenter=["100", "9"], WindowWidth=["50", "9"])), one)


def test_monochrome1_is_inverted_after_its_window() -> None:
    window = {"WindowCenter": "100", "WindowWidth": "50"}
    dark_is_high = grey(dicoms.dicom(RAMP, PhotometricInterpretation="MONOCHROME1", **window))
    assert np.array_equal(dark_is_high, 255 - grey(dicoms.dicom(RAMP, **window)))


def table(first: int, entries: list[int], bits: int) -> Dataset:
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [len(entries), first, bits], entries
    item["LUTDescriptor"].VR = item["LUTData"].VR = "US"
    return item


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_lookup_tables(syntax: str) -> None:
    values = np.array([[0, 5, 6, 7, 9]], np.uint8)
    voi = grey(dicoms.dicom(values, syntax, VOILUTSequence=[table(5, [0, 1023, 512], 10)]))
    assert voi[0].tolist() == [0, 0, 255, 128, 128]
    modality = grey(dicoms.dicom(values, syntax, ModalityLUTSequence=[table(5, [400, 200, 300], 16)]))
    assert modality[0].tolist() == [255, 255, 0, 128, 128]


def test_signed_lookup_tables_start_below_zero() -> None:
    values = np.array([[-3, -2, -1, 0]], np.int16)
    data = dicoms.dicom(values, VOILUTSequence=[table(2**16 - 2, [0, 100, 255], 8)])
    assert grey(data)[0].tolist() == [0, 0, 100, 255]


def test_unused_high_bits_are_no_part_of_the_picture() -> None:
    values = noise(4, 4, dtype=np.uint16) & 0x0FFF
    data = dicoms.dicom(values | 0xF000, BitsStored=12, HighBit=11)
    assert np.array_equal(grey(data), stretched(values))


def test_colours() -> None:
    values = noise(6, 5, 3)
    assert np.array_equal(decode(dicoms.dicom(values)).pixels, values)
    planes = dicoms.dicom(values, PlanarConfiguration=1, PixelData=np.moveaxis(values, 2, 0).tobytes())
    assert np.array_equal(decode(planes).pixels, values)
    deep = decode(dicoms.dicom(values.astype(np.uint16) * 257))
    assert np.array_equal(deep.pixels, values)
    assert deep.facts.mode == "RGB"


def test_a_palette_is_looked_up() -> None:
    entries = {f"{colour}PaletteColorLookupTableDescriptor": [4, 0, 16] for colour in ("Red", "Green", "Blue")} | {
        "RedPaletteColorLookupTableData": np.array([0, 65535, 0, 257], "<u2").tobytes(),
        "GreenPaletteColorLookupTableData": np.array([0, 0, 65535, 257], "<u2").tobytes(),
        "BluePaletteColorLookupTableData": np.array([0, 0, 0, 257], "<u2").tobytes(),
    }
    made = dicoms.image(np.array([[0, 1], [2, 3]], np.uint8), PhotometricInterpretation="PALETTE COLOR", **entries)
    for colour in ("Red", "Green", "Blue"):
        made[f"{colour}PaletteColorLookupTableDescriptor"].VR = "US"
    decoded = decode(dicoms.written(made))
    assert decoded.pixels.tolist() == [[[0, 0, 0], [255, 0, 0]], [[0, 255, 0], [1, 1, 1]]]
    assert decoded.facts.mode == "P"


@pytest.mark.parametrize(
    "name",
    [
        "SC_rgb_jpeg_dcmtk.dcm",  # baseline JPEG, YBR
        "SC_rgb_jpeg_gdcm.dcm",  # lossless JPEG
        "SC_rgb_gdcm_KY.dcm",  # JPEG 2000, YBR_ICT
        "SC_rgb_jls_lossy_sample.dcm",  # JPEG-LS
        "SC_rgb_rle_16bit.dcm",
        "SC_ybr_full_422_uncompressed.dcm",
    ],
)
def test_compressed_colours_are_close_to_the_original(name: str) -> None:
    original = decode(sample("SC_rgb_rle.dcm")).pixels.astype(int)
    assert np.abs(decode(sample(name)).pixels - original).mean() < 6


def test_compressed_grey() -> None:
    values = np.clip(noise(32, 32), 60, 200)
    jpeg, jpeg2000 = io.BytesIO(), io.BytesIO()
    Image.fromarray(values).save(jpeg, "JPEG", quality=95)
    Image.fromarray(values).save(jpeg2000, "JPEG2000", no_jp2=True)
    lossless = dicoms.encapsulated([jpeg2000.getvalue()], JPEG2000Lossless, (32, 32))
    assert np.array_equal(grey(lossless), stretched(values))
    lossy = dicoms.encapsulated([jpeg.getvalue()], JPEGBaseline8Bit, (32, 32), WindowCenter="128", WindowWidth="256")
    assert np.abs(grey(lossy).astype(int) - values).mean() < 8


@pytest.mark.parametrize("compressed", [False, True])
def test_frames(compressed: bool) -> None:
    frames = noise(3, 8, 8) // 2 + np.arange(3, dtype=np.uint8)[:, None, None]
    if compressed:
        options = {"rows": 8, "columns": 8, "samples_per_pixel": 1, "photometric_interpretation": "MONOCHROME2"}
        bits = {"bits_allocated": 8, "bits_stored": 8, "pixel_representation": 0, "number_of_frames": 1}
        parts = [RLELosslessEncoder.encode(frame.tobytes(), **options, **bits) for frame in frames]
        data = dicoms.encapsulated(parts, RLELossless, (8, 8))
    else:
        data = dicoms.dicom(frames[0], NumberOfFrames=3, PixelData=frames.tobytes())
    assert inspect(data).frames == 3
    for index, frame in enumerate(frames):
        assert np.array_equal(grey(data, index), stretched(frame))
    for index in (-1, 3):
        with pytest.raises(InvalidInput, match=r"frame: must be in \[0, 2\]"):
            decode(data, frame=index)
    with pytest.raises(InvalidInput, match="frame"):
        decode(png(), frame=1)


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (2, 2)).save(buffer, "PNG")
    return buffer.getvalue()


def group(**attributes: object) -> Dataset:
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def test_enhanced_images_have_a_window_per_frame() -> None:
    frames = np.stack([RAMP, RAMP])
    windows = [group(FrameVOILUTSequence=[group(WindowCenter=str(c), WindowWidth="10")]) for c in (50, 200)]
    shared = group(PixelValueTransformationSequence=[group(RescaleSlope="2", RescaleIntercept="0")])
    data = dicoms.dicom(
        RAMP,
        NumberOfFrames=2,
        PixelData=frames.tobytes(),
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=windows,
    )
    assert [np.argmax(grey(data, index).ravel() > 127) for index in (0, 1)] == [25, 100]


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"Rows": 0}, "no pixels"),
        ({"Rows": None}, "without Rows"),
        ({"Columns": 17}, "256 of 272 bytes"),
        ({"BitsAllocated": 12}, "12 bits allocated"),
        ({"BitsStored": 9}, "9 bits"),
        ({"HighBit": 3}, "bit 3"),
        ({"PhotometricInterpretation": "CMYK"}, "Photometric"),
        ({"PhotometricInterpretation": "RGB"}, "1 samples"),
        ({"NumberOfFrames": "-1"}, "below 0"),
        ({"WindowCenter": "1", "WindowWidth": "0"}, "Window Width of 0; it must be 1 or more"),
        ({"WindowCenter": "1", "WindowWidth": "5", "VOILUTFunction": "CUBIC"}, "VOI LUT Function"),
        ({"VOILUTSequence": [table(0, [1, 2], 20)]}, "not of 8 to 16 bits"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "damaged"),
    ],
)
def test_what_does_not_fit_is_refused(attributes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        decode(dicoms.dicom(RAMP, **attributes), "upload")
    assert caught.value.violations[0].field == "upload"
    assert "Doe" not in caught.value.message


def test_sizes_are_bounded() -> None:
    with pytest.raises(ResourceExhausted, match="10001 frames"):
        decode(
            dicoms.dicom(
                b"\0" * 10_002, Rows=1, Columns=1, BitsAllocated=8, BitsStored=8, HighBit=7, NumberOfFrames=10_001
            )
        )
    with pytest.raises(ResourceExhausted, match="megapixels"):
        decode(dicoms.encapsulated([b"\0" * 64], RLELossless, (1, 1), Rows=9000, Columns=9000))
    with pytest.raises(ResourceExhausted, match="decoded"):
        decode(dicoms.encapsulated([b"\0" * 64] * 100, RLELossless, (1, 1), Rows=8000, Columns=8000))


def test_a_number_of_a_wrong_length_is_refused() -> None:
    """Found by fuzzing: pydicom's own error for it is of no common kind, and quotes the file."""
    data = dicoms.dicom(RAMP)
    columns = struct.pack("<HH2sH", 0x0028, 0x0011, b"US", 2)
    damaged = data.replace(columns + b"\x10\0", columns[:-2] + b"\3\0\x10\0\0")
    assert damaged != data
    with pytest.raises(InvalidInput, match="damaged") as caught:
        decode(damaged)
    assert "x10" not in caught.value.message


def test_random_damage_gives_an_image_or_one_of_our_errors() -> None:
    rng = np.random.default_rng(1)
    original = dicoms.dicom(noise(8, 8, dtype=np.uint16), WindowCenter="5", WindowWidth="9")
    outcomes = {"decoded": 0, "refused": 0}
    for _ in range(400):
        data = bytearray(original)
        for position in rng.integers(132, len(data), rng.integers(1, 6)):
            data[position] = rng.integers(256)
        try:
            decode(bytes(data))
            outcomes["decoded"] += 1
        except (InvalidInput, ResourceExhausted, Unimplemented):
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 20
