"""A DICOM file diagnosed and explained by the real stack; what is stored of it names nobody."""

import io
import json
from pathlib import Path

import pydicom
import pytest
from typer.testing import CliRunner

from synthoscope.cli.app import app

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


def test_a_study_of_dicom_files_is_diagnosed_by_the_command(stack, client, model, monkeypatch):
    monkeypatch.setenv("SYNTHOSCOPE_HOME", str(stack.home))
    # Of two imaging studies: what they add up to names neither.
    files = [DICOM / "pydicom_MR_small.dcm", DICOM / "pydicom_CT_small.dcm"]
    done = CliRunner().invoke(app, ["diagnose-study", *map(str, files), "--model", "one-epoch", "--json"])
    assert done.exit_code == 0, done.output
    study = json.loads(done.stdout)
    assert len(study["images"]) == 2
    assert sum(study.get("labelCounts", {}).values()) + study.get("refusedCount", 0) == 2
    assert "imagingStudyUid" not in study
    found = [client.diagnoses.get(image["diagnosis"]) for image in study["images"]]
    assert [diagnosis.image.name for diagnosis in found] == [image["image"] for image in study["images"]]
    assert len({diagnosis.imaging_study_uid for diagnosis in found}) == 2
    alone = CliRunner().invoke(app, ["diagnose-study", str(files[0]), "--model", "one-epoch"])
    assert alone.exit_code == 0, alone.output
    assert "1 images by one-epoch@" in " ".join(alone.output.split())  # titles are wrapped
