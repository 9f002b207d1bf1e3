"""A DICOM file diagnosed and explained by the real stack; what is stored of it names nobody."""

import io
from pathlib import Path

import pydicom
import pytest

DICOM = Path(__file__).resolve().parents[3] / "shared" / "data" / "dicom-samples"

pytestmark = [
    pytest.mark.stack,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not DICOM.is_dir(), reason=f"{DICOM} is absent"),
]


def test_a_dicom_file_is_diagnosed_and_explained_and_stored_without_identity(client, model):
    data = (DICOM / "pydicom_MR_small.dcm").read_bytes()
    patient = str(pydicom.dcmread(io.BytesIO(data)).PatientName)
    assert patient.encode() in data

    diagnosis = client.diagnoses.diagnose(data, model, explain=True)
    assert sum(item.probability for item in diagnosis.probabilities) == pytest.approx(1, abs=1e-4)
    explanation = client.diagnoses.wait(diagnosis.explanation)
    assert client.diagnoses.overlay(explanation).startswith(b"\x89PNG")

    assert diagnosis.image.media_type == "application/dicom"
    stored = client.images.download(diagnosis.image.name)
    assert patient.encode() not in stored
    assert pydicom.dcmread(io.BytesIO(stored)).PatientIdentityRemoved == "YES"
