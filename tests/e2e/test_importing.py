"""Imports into the real stack: interrupted by a killed client, by a killed service, and of DICOM files."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from synthoscope.datasets.sources import SourceOptions
from synthoscope.images.storage import encode_png
from synthoscope.local.status import status
from synthoscope.objects import MinioObjectStore

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

DICOM = Path(__file__).parents[3] / "shared" / "data" / "dicom-samples"
IMAGES = 800


def write_images(folder: Path, seed: int) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 256, (IMAGES, 32, 32), dtype=np.uint8)
    for number, image in enumerate(pixels):
        file = folder / ("test" if number % 5 == 0 else "train") / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode_png(image))
    return folder


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> Path:
    return write_images(tmp_path_factory.mktemp("many"), 77)


def stored(stack) -> dict[str, int]:
    return {info.key: info.size for info in MinioObjectStore(stack.objects).list("tenants/default/images/")}


def wait_until(condition, seconds=120.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def test_an_import_whose_client_was_killed_goes_on_where_it_stopped(stack, client, many):
    before = len(stored(stack))
    command = [Path(sys.executable).with_name("synthoscope"), "dataset", "import", str(many), "--name", "killed"]
    environment = {**os.environ, "SYNTHOSCOPE_HOME": str(stack.home)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: len(stored(stack)) > before + 100 or process.poll() is not None)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    time.sleep(1)  # what was on its way is stored or dropped
    half = stored(stack)
    assert before < len(half) < before + IMAGES

    notes = []
    version = client.datasets.import_source(many, "killed", on_note=notes.append)
    assert version.image_count == IMAGES
    assert len(stored(stack)) == before + IMAGES
    assert f"{len(half) - before} of {IMAGES} images were stored already" in notes

    again = []
    assert client.datasets.import_source(many, "killed", on_note=again.append) == version
    assert f"{IMAGES} of {IMAGES} images were stored already" in again
    assert len(stored(stack)) == before + IMAGES


def test_an_import_outlives_the_service_that_it_speaks_to(stack, client, tmp_path):
    write_images(tmp_path, 78)
    before, killed = len(stored(stack)), []

    def kill_once(phase: str, done: int, total: int) -> None:
        if phase == "uploading" and done and not killed:
            killed.append(next(process.pid for process in status(stack.home) if process.name == "training"))
            os.kill(killed[0], signal.SIGKILL)

    version = client.datasets.import_source(tmp_path, "outlived", on_progress=kill_once)
    assert killed
    assert version.image_count == IMAGES
    assert len(stored(stack)) == before + IMAGES


@pytest.mark.skipif(not DICOM.is_dir(), reason=f"{DICOM} is absent")
def test_dicom_files_with_a_table_of_labels(stack, client, tmp_path):
    files = (
        "pydicom_CT_small.dcm",
        "pydicom_MR_small.dcm",
        "pydicom_MR_small_RLE.dcm",
        "pydicom_98892003_MR1_4919.dcm",
    )
    table = tmp_path / "labels.csv"
    rows = [f"{name},{'ct' if 'CT' in name else 'mr'},train" for name in files]
    table.write_text("\n".join(["path,label,split", *rows]))
    version = client.datasets.import_source(DICOM, "dicoms", SourceOptions(labels=table))
    images = {image.path: image for image in client.datasets.images(version.name)}
    assert set(images) == set(files)
    assert {image.image.media_type for image in images.values()} == {"application/dicom"}
    assert all(len(image.patient) == 16 for image in images.values())
    assert images["pydicom_MR_small.dcm"].patient == images["pydicom_MR_small_RLE.dcm"].patient
    notes = []
    assert client.datasets.import_source(DICOM, "dicoms", SourceOptions(labels=table), on_note=notes.append) == version
    assert notes == ["4 of 4 images were stored already"]
