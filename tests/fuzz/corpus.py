"""The files that fuzzing starts from, generated."""

import io
from pathlib import Path

import dicoms
import numpy as np
from PIL import Image
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

from synthoscope.datasets.phantoms import generate

START = 132  # the DICOM target puts preamble and magic in front


def phantom() -> np.ndarray:
    """A small slice, so that an execution is short."""
    return generate("glioma", seed=0, size=32).image


def encoded(pixels: np.ndarray, form: str, mode: str | None = None, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture = Image.fromarray(pixels)
    (picture.convert(mode) if mode else picture).save(buffer, form, **options)
    return buffer.getvalue()


def group(**attributes: object) -> Dataset:
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def image_files(grey: np.ndarray) -> dict[str, bytes]:
    return {
        **{f"{mode}.png": encoded(grey, "PNG", mode) for mode in ("1", "L", "P", "LA", "RGB", "RGBA")},
        "16.png": encoded(grey.astype(np.uint16) * 200, "PNG"),
        "transparent.png": encoded(grey, "PNG", transparency=3),
        "grey.jpg": encoded(grey, "JPEG"),
        "colour.jpg": encoded(grey, "JPEG", "RGB"),
        "progressive.jpg": encoded(grey, "JPEG", "RGB", progressive=True),
        "cmyk.jpg": encoded(grey, "JPEG", "CMYK"),
        "frames.gif": encoded(grey, "GIF"),
    }


def dicom_files(grey: np.ndarray) -> dict[str, bytes]:
    window = {"WindowCenter": ["90", "30"], "WindowWidth": ["80", "20"], "RescaleSlope": "2", "RescaleIntercept": "-9"}
    rows, columns = grey.shape
    rle = RLELosslessEncoder.encode(
        grey.tobytes(), rows=rows, columns=columns, samples_per_pixel=1, photometric_interpretation="MONOCHROME2",
        bits_allocated=8, bits_stored=8, pixel_representation=0, number_of_frames=1,
    )  # fmt: skip
    table = group(LUTDescriptor=[4, 0, 8], LUTData=[9, 99, 199, 255])
    table["LUTDescriptor"].VR = table["LUTData"].VR = "US"
    palette = {f"{c}PaletteColorLookupTableDescriptor": [256, 0, 8] for c in ("Red", "Green", "Blue")} | {
        f"{c}PaletteColorLookupTableData": bytes(range(256)) for c in ("Red", "Green", "Blue")
    }
    paletted = dicoms.image(grey, PhotometricInterpretation="PALETTE COLOR", **palette)
    for colour in ("Red", "Green", "Blue"):
        paletted[f"{colour}PaletteColorLookupTableDescriptor"].VR = "US"
    frame = group(FrameVOILUTSequence=[group(WindowCenter="50", WindowWidth="10")])
    files = {
        "explicit": dicoms.dicom(grey, **window),
        "implicit": dicoms.dicom(grey.astype(np.int16), ImplicitVRLittleEndian),
        "big": dicoms.dicom(grey.astype(">u2"), ExplicitVRBigEndian, BitsStored=12, HighBit=11),
        "deflated": dicoms.dicom(grey, DeflatedExplicitVRLittleEndian),
        "float": float_image(grey),
        "rle": dicoms.encapsulated([rle, rle], RLELossless, grey.shape),
        "jpeg": dicoms.encapsulated([encoded(grey, "JPEG")], JPEGBaseline8Bit, grey.shape),
        "jpeg2000": dicoms.encapsulated([encoded(grey, "JPEG2000", no_jp2=True)], JPEG2000Lossless, grey.shape),
        "voi": dicoms.dicom(grey, VOILUTSequence=[table], PhotometricInterpretation="MONOCHROME1"),
        "modality": dicoms.dicom(grey, ModalityLUTSequence=[table], VOILUTFunction="SIGMOID", **window),
        "palette": dicoms.written(paletted),
        "rgb": dicoms.dicom(np.stack([grey] * 3, axis=2)),
        "ybr": dicoms.dicom(np.stack([grey] * 3, axis=2), PhotometricInterpretation="YBR_FULL"),
        "frames": dicoms.dicom(
            grey, NumberOfFrames=2, PixelData=grey.tobytes() * 2, PerFrameFunctionalGroupsSequence=[frame, frame]
        ),
    }
    return {name: data[START:] for name, data in files.items()}


def float_image(grey: np.ndarray) -> bytes:
    made = dicoms.image(grey, PixelData=None, BitsAllocated=32, BitsStored=None, HighBit=None)
    made.FloatPixelData = grey.astype("<f4").tobytes()
    return dicoms.written(made, ExplicitVRLittleEndian)


def write(folder: Path, target: str) -> int:
    """Writes the files of a target ("image" or "dicom"); returns how many there are."""
    grey = phantom()
    files = {"image": image_files, "dicom": dicom_files}[target](grey)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return len(files)
