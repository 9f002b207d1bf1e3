"""From a DICOM image to what a person would see on a screen: 8-bit RGB.

Grey: modality LUT or rescale, then VOI LUT or window, then the inversion of MONOCHROME1 (PS3.4, section N.2). Without
a VOI LUT or window, the range that the frame uses. All this depends on nothing but a pixel's stored value, so it is
done once for each of the at most 65,536 values, and the frame is looked up in that table.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import (
    JPEG2000,
    UID,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

from synthoscope.images.dicom_description import PALETTE, PixelDescription
from synthoscope.rpc.errors import InvalidInput

PLUGINS = {
    **dict.fromkeys((JPEGBaseline8Bit, JPEGExtended12Bit, JPEG2000Lossless, JPEG2000), "pillow"),
    # GDCM decodes the others, too, but ends the process on some damaged streams, where Pillow raises.
    **dict.fromkeys((JPEGLossless, JPEGLosslessSV1, JPEGLSLossless, JPEGLSNearLossless), "gdcm"),
}
_LARGEST = 1e100
_NARROWEST = 1e-9
_WIDTHS = {"LINEAR": "1 or more"}
_SHARED, _PER_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
_MODALITY, _VOI = "PixelValueTransformationSequence", "FrameVOILUTSequence"


def frame_pixels(dataset: Dataset, syntax: UID, found: PixelDescription, frame: int, field: str) -> NDArray[np.uint8]:
    """One frame, counted from 0, as uint8 RGB, rows × columns × 3.

    Raises InvalidInput when it does not decode, or its rescale, window or tables are wrong; pydicom's own errors
    (ValueError and others) for what is wrong in ways that nobody foresaw.
    """
    plugin = PLUGINS.get(syntax, "")
    stored, decoded = get_decoder(syntax).as_array(_source(dataset, found, syntax), index=frame, decoding_plugin=plugin)
    if decoded["photometric_interpretation"] == "RGB":
        return _to_eight_bits(stored, int(decoded["bits_stored"]))
    if stored.shape != (found.rows, found.columns):
        raise InvalidInput(field, "is a damaged DICOM file: its pixels have another size than it says")
    if found.photometric == PALETTE:
        colours = apply_color_lut(stored, dataset)[..., :3]
        return _to_eight_bits(colours, colours.dtype.itemsize * 8)
    grey = _display(stored, _presentation(dataset, found, frame, syntax), field)
    return np.repeat(grey[:, :, None], 3, axis=2)


@dataclass(frozen=True)
class Presentation:
    """What turns stored values into grey levels: data sets with the Modality and the VOI LUT module, and inversion.

    Of the tables' words: whether they are signed, and their byte order ("<" or ">"). `padding` are the least and the
    largest stored value that stand for no measurement (PS3.3, section C.7.5.1.1.2); None where the file has none.
    """

    modality: Dataset
    voi: Dataset
    inverted: bool
    signed: bool
    byte_order: str
    padding: tuple[int, int] | None = None


def _source(dataset: Dataset, found: PixelDescription, syntax: UID) -> Dataset:
    """The data set for pydicom's decoder, its pixels cut to their length: what is behind them is padding."""
    if not syntax.is_encapsulated and found.keyword == "PixelData":
        length = found.native_bytes + found.native_bytes % 2
        pixels = dataset["PixelData"]
        if len(pixels.value) > length:
            pixels.value = pixels.value[:length]
    return dataset


def _presentation(dataset: Dataset, found: PixelDescription, frame: int, syntax: UID) -> Presentation:
    inverted = found.photometric == "MONOCHROME1"
    if dataset.get("PresentationLUTShape"):
        inverted = dataset.PresentationLUTShape == "INVERSE"
    made = Presentation(
        _group(dataset, frame, _MODALITY),
        _group(dataset, frame, _VOI),
        inverted,
        signed=dataset.get("PixelRepresentation") == 1,
        byte_order="<" if syntax.is_little_endian else ">",
    )
    return replace(made, padding=_padding(dataset, made))


def _padding(dataset: Dataset, presentation: Presentation) -> tuple[int, int] | None:
    bounds = [
        int(word.astype(np.int16) if presentation.signed else word)
        for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit")
        if dataset.get(keyword) not in (None, "", b"")
        for word in _words(dataset[keyword].value, presentation)[:1]
    ]
    return (min(bounds), max(bounds)) if "PixelPaddingValue" in dataset and bounds else None


def _group(dataset: Dataset, frame: int, keyword: str) -> Dataset:
    """The functional group's item for a frame (PS3.3, section C.7.6.16); the data set itself when it has none."""
    per_frame, shared = dataset.get(_PER_FRAME) or [], dataset.get(_SHARED) or []
    for groups in (per_frame[frame : frame + 1], shared[:1]):
        for group in groups:
            if items := group.get(keyword):
                return items[0]
    return dataset


def _display(stored: NDArray[Any], presentation: Presentation, field: str) -> NDArray[np.uint8]:
    """Grey levels, uint8, of stored values of any type."""
    if stored.dtype.itemsize > 2:
        return _levels(stored, stored, presentation, field)
    stored = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    unsigned = np.dtype(f"u{stored.dtype.itemsize}")
    values = np.arange(2 ** (8 * stored.dtype.itemsize)).astype(unsigned).view(stored.dtype)
    return _looked_up(_levels(values, stored, presentation, field), stored.view(unsigned))


def _levels(values: NDArray[Any], stored: NDArray[Any], presentation: Presentation, field: str) -> NDArray[np.uint8]:
    """Grey levels of `values`; without a window they span what `stored` has, its padding left out."""
    voi = presentation.voi
    levels = _modality(values, presentation, field)
    if voi.get("VOILUTSequence"):
        shares = _Table.of(voi.VOILUTSequence[0], presentation, field).shares(levels)
    elif voi.get("WindowCenter") is not None and voi.get("WindowWidth") is not None:
        shares = _windowed(levels, voi, field)
    else:
        shown = _without_padding(stored, presentation)
        used = levels[(values >= shown.min()) & (values <= shown.max())]
        low, high = float(used.min()), float(used.max())
        shares = (levels - low) / ((high - low) or 1.0)
    shares = np.clip(shares, 0, 1)
    return np.rint((1 - shares if presentation.inverted else shares) * 255).astype(np.uint8)


def _without_padding(stored: NDArray[Any], presentation: Presentation) -> NDArray[Any]:
    """The values that are not padding; all of them, where there are no others."""
    if presentation.padding is None:
        return stored
    least, largest = presentation.padding
    kept = stored[(stored < least) | (stored > largest)]
    return kept if kept.size else stored


def _modality(values: NDArray[Any], presentation: Presentation, field: str) -> NDArray[np.float64]:
    """Values in the modality's units: Hounsfield's and the like."""
    module = presentation.modality
    if module.get("ModalityLUTSequence"):
        table = _Table.of(module.ModalityLUTSequence[0], presentation, field)
        return table.shares(values) * table.largest
    slope, intercept = _number(module, "RescaleSlope", 1.0, field), _number(module, "RescaleIntercept", 0.0, field)
    with np.errstate(over="ignore", invalid="ignore"):
        levels = values.astype(np.float64) * slope + intercept
    if not (np.abs(levels) < _LARGEST).all():
        raise InvalidInput(field, "has pixel values that are no numbers, or beyond 1e100")
    return levels


@dataclass(frozen=True)
class _Table:
    """A modality or VOI LUT (PS3.3, sections C.11.1.1 and C.11.2.1.1): of input `first` and on, up to `largest`."""

    entries: NDArray[np.uint16]
    first: int
    largest: int

    @classmethod
    def of(cls, item: Dataset, presentation: Presentation, field: str) -> "_Table":
        count, first, bits = (int(number) for number in _words(item.LUTDescriptor, presentation))
        entries = _words(item.LUTData, presentation)[: count or 2**16]
        if not len(entries) or not 8 <= bits <= 16:
            raise InvalidInput(field, "has a lookup table without entries, or not of 8 to 16 bits")
        return cls(entries, first - 2**16 if presentation.signed and first >= 2**15 else first, 2**bits - 1)

    def shares(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """The entries of values, which are rounded and held within the table, over the largest possible one."""
        indices = np.clip(np.rint(values) - self.first, 0, len(self.entries) - 1).astype(np.intp)
        return self.entries[indices] / self.largest


def _words(value: Any, presentation: Presentation) -> NDArray[np.uint16]:
    """16-bit words, which pydicom gives as numbers or, where the file does not say what they are, as bytes."""
    if isinstance(value, bytes):
        return np.frombuffer(value, f"{presentation.byte_order}u2").astype(np.uint16)
    return (np.atleast_1d(np.asarray(value, np.int64)) & 0xFFFF).astype(np.uint16)


def _windowed(levels: NDArray[np.float64], module: Dataset, field: str) -> NDArray[np.float64]:
    """Shares of the display's range, below 0 and above 1 outside the window (PS3.3, section C.11.2.1.2 and .3)."""
    function = str(module.get("VOILUTFunction") or "LINEAR")
    centre, width = _number(module, "WindowCenter", 0.0, field), _number(module, "WindowWidth", 1.0, field)
    if width < 1 if function == "LINEAR" else width <= 0:
        raise InvalidInput(field, f"has a Window Width of {width:g}; it must be {_WIDTHS.get(function, 'above 0')}")
    if function == "LINEAR":
        return (levels - (centre - 0.5)) / max(width - 1, _NARROWEST) + 0.5
    if function == "LINEAR_EXACT":
        return (levels - centre) / max(width, _NARROWEST) + 0.5
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (levels - centre) / width, -700, 700)))
    raise InvalidInput(field, "has a VOI LUT Function that is not LINEAR, LINEAR_EXACT or SIGMOID")


def _number(module: Dataset, keyword: str, default: float, field: str) -> float:
    """A number of the module, the first where there are several."""
    value = module.get(keyword)
    if value is None or value == "":
        return default
    try:
        number = float(value[0] if not isinstance(value, str | float | int) and len(value) else value)
    except (TypeError, ValueError, IndexError) as error:
        raise InvalidInput(field, f"has a {keyword} that is not a number") from error
    if not np.isfinite(number):
        raise InvalidInput(field, f"has a {keyword} that is not a finite number")
    return number


def _to_eight_bits(values: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Unsigned samples of so many bits, at most 16, as uint8."""
    if bits <= 8:
        return np.ascontiguousarray(values, np.uint8)
    table = np.rint(np.arange(2**16) * (255 / (2**bits - 1))).clip(0, 255).astype(np.uint8)
    return _looked_up(table, values.astype(np.uint16, copy=False))


def _looked_up(table: NDArray[np.uint8], indices: NDArray[Any]) -> NDArray[np.uint8]:
    """Row by row, since numpy makes 64-bit numbers of indices."""
    found = np.empty(indices.shape, np.uint8)
    for row, indices_row in zip(found, indices, strict=True):
        np.take(table, indices_row, out=row)
    return found
