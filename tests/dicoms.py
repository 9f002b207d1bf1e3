"""DICOM files for tests, built when they are needed."""

import io

import numpy as np
from pydicom import config
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, ExplicitVRLittleEndian

MR, SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.7"
STUDY, INSTANCE = "1.2.840.99999.1", "1.2.840.99999.1.1.1"


@config.disable_value_validation()  # tests make wrong files, too
def image(pixels: np.ndarray | bytes, **attributes: object) -> Dataset:
    """An MR image of one frame; attributes come last, and None removes one."""
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID, made.StudyInstanceUID = MR, INSTANCE, STUDY
    made.SeriesInstanceUID = f"{STUDY}.1"
    made.Modality, made.PatientID, made.PatientName = "MR", "PAT-1", "Doe^Jane"
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PixelRepresentation = 1, "MONOCHROME2", 0
    if isinstance(pixels, np.ndarray):
        bits = pixels.dtype.itemsize * 8
        made.Rows, made.Columns = pixels.shape[:2]
        made.BitsAllocated, made.BitsStored, made.HighBit = bits, bits, bits - 1
        made.PixelRepresentation = int(pixels.dtype.kind == "i")
        if pixels.ndim == 3:
            made.SamplesPerPixel, made.PhotometricInterpretation, made.PlanarConfiguration = 3, "RGB", 0
        pixels = pixels.tobytes()
    made.PixelData = pixels + bytes(len(pixels) % 2)
    made["PixelData"].VR = "OW"
    for keyword, value in attributes.items():
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    return made


@config.disable_value_validation()
def written(
    dataset: Dataset, syntax: str = ExplicitVRLittleEndian, preamble: bytes = bytes(128), **meta: object
) -> bytes:
    """The bytes of a file; `meta` are more elements of its group 2."""
    dataset.file_meta = FileMetaDataset()
    dataset.preamble = preamble
    buffer = io.BytesIO()
    encoding = {} if UID(syntax).is_transfer_syntax else {"implicit_vr": False, "little_endian": True}
    dataset.file_meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", MR)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", INSTANCE)
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    for keyword, value in meta.items():
        setattr(dataset.file_meta, keyword, value)
    dcmwrite(buffer, dataset, enforce_file_format=False, **encoding)
    return buffer.getvalue()


def dicom(pixels: np.ndarray | bytes, syntax: str = ExplicitVRLittleEndian, **attributes: object) -> bytes:
    """`written(image(…))`."""
    return written(image(pixels, **attributes), syntax)


def encapsulated(
    frames: list[bytes], syntax: str, shape: tuple[int, ...], bits: int = 8, **attributes: object
) -> bytes:
    """A file of compressed frames: rows × columns (× 3)."""
    made = image(np.zeros(shape, f"u{bits // 8}"), **{"NumberOfFrames": len(frames), **attributes})
    made.PixelData = encapsulate(frames)
    made["PixelData"].VR, made["PixelData"].is_undefined_length = "OB", True
    return written(made, syntax)
