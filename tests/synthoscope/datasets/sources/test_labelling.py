"""CSV tables with folders of images, plain and DICOM."""

import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from dicoms import dicom

from synthoscope.api.datasets.v1.datasets_pb2 import Split
from synthoscope.datasets.sources import Scan, SourceOptions, open_source
from synthoscope.rpc.errors import InvalidInput

TRAIN, TEST = Split.SPLIT_TRAIN, Split.SPLIT_TEST
DATA = Path(__file__).parents[5] / "shared" / "data"
DICOM, CHEST = DATA / "dicom-samples", DATA / "chest-xray-pneumonia"


def write(directory: Path, table: str, *paths: str) -> Path:
    for path in paths:
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(path.encode())
    (directory / "labels.csv").write_text(table)
    return directory / "labels.csv"


def scan(source: Path, **options: object) -> Scan:
    with open_source(source, SourceOptions(**options)) as found:
        return found


def test_a_table_beside_its_images(tmp_path: Path) -> None:
    rows = ["path,label,split,patient", "x/1.png,a,train,p", "2.jpg,b,train,", "x/3.png,a,test,p", "x/4.png,a,val,p"]
    found = scan(write(tmp_path, "\n".join(rows), "x/1.png", "2.jpg", "x/3.png", "x/4.png", "x/5.png"))
    assert [(image.path, image.split, image.label, image.patient) for image in found.images] == [
        ("2.jpg", TRAIN, "b", ""), ("x/1.png", TRAIN, "a", "p"), ("x/3.png", TEST, "a", "p"),
    ]  # fmt: skip
    assert found.images[1].file.read() == b"x/1.png"
    assert found.classes == ("a", "b")
    assert found.notes == ("1 rows are for validation and are not used; validation images are held out of train",)


def test_frames_of_one_file_are_images_of_their_own(tmp_path: Path) -> None:
    found = scan(write(tmp_path, "path,label,frame,split\n1.png,a,0,train\n1.png,a,3,train\n", "1.png"))
    assert [(image.path, image.frame, image.file.path) for image in found.images] == [
        ("1.png", 0, "1.png"), ("1.png#3", 3, "1.png"),
    ]  # fmt: skip


def test_without_splits_the_images_of_a_patient_stay_together(tmp_path: Path) -> None:
    paths = [f"{number}.png" for number in range(200)]
    rows = [f"{path},{'ab'[number % 2]},p{number // 4}" for number, path in enumerate(paths)]
    found = scan(write(tmp_path, "\n".join(["path,label,patient", *rows]), *paths))
    sides = {(image.patient, image.split) for image in found.images}
    assert len(sides) == len({patient for patient, _ in sides}) == 50
    for label in "ab":
        assert sum(image.label == label and image.split == TEST for image in found.images) == 20
    assert "seed 0" in found.notes[0]


@pytest.mark.parametrize("path", ["../secret.png", "/etc/passwd", "x/../../secret.png", "link.png"])
def test_a_table_cannot_lead_out_of_its_folder(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "link.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(InvalidInput, match=r"labels.csv line 2"):
        scan(write(tmp_path / "set", f"path,label\n{path},a\n"))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("path,label\n1.png,a\n9.png,a\n", "line 3: there is no file '9.png'"),
        ("path,label\n1.png,a\n1.png,b\n", "line 3: names '1.png', as another row does"),
        ("path,label,split\n1.png,a,train\n2.png,a,\n", "line 3: has no split"),
        ("SOPInstanceUID,label\n1.2.3,a\n", "line 2: there is no DICOM file with its UID"),
        ("path,label\n", "holds no images"),
    ],
)
def test_what_does_not_fit_is_named_with_its_line(tmp_path: Path, table: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        scan(write(tmp_path, table, "1.png", "2.png"))


def test_the_table_counts_where_folders_disagree(tmp_path: Path) -> None:
    found = scan(write(tmp_path, "path,label,split\na/1.png,a,train\na/2.png,b,train\n", "a/1.png", "a/2.png"))
    assert [image.label for image in found.images] == ["a", "b"]
    assert found.notes == ("1 images have another label in labels.csv than the name of their folder; the table counts",)


def test_what_a_table_does_not_say_of_an_image_its_header_does(tmp_path: Path) -> None:
    header = {"PatientSex": "M", "PatientAge": "045Y", "Manufacturer": "Acme"}
    (tmp_path / "1.dcm").write_bytes(dicom(np.zeros((8, 8), np.uint8), **header))
    found = scan(write(tmp_path, "path,label,split,sex,age,view\n1.dcm,a,train,F,,PA\n"))
    assert found.images[0].attributes == {"sex": "F", "age_band": "40-49", "device": "Acme", "view": "PA"}


def test_a_column_can_be_kept_only_of_a_table(tmp_path: Path) -> None:
    table = write(tmp_path, "path,label,split,subtype\ntrain/a/1.png,a,train,virus\n", "train/a/1.png")
    assert scan(tmp_path, labels=table, kept=["subtype"]).images[0].attributes == {"subtype": "virus"}
    np.savez(tmp_path / "set.npz", train_images=np.zeros((1, 8, 8), np.uint8), train_labels=np.zeros(1, np.uint8))
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.write(tmp_path / "train" / "a" / "1.png", "train/a/1.png")
    for source in (tmp_path, tmp_path / "set.npz", tmp_path / "set.zip"):
        with pytest.raises(InvalidInput, match="'subtype', but this source has no table"):
            scan(source, kept=["subtype"])


@pytest.mark.skipif(not CHEST.is_dir(), reason=f"{CHEST} is absent")
def test_the_chest_set_keeps_the_columns_that_are_asked_for() -> None:
    options = {"labels": CHEST / "manifest.csv", "columns": {"patient": "patient_key"}}
    found = scan(CHEST, **options, kept=["subtype", "series"])
    assert Counter(image.attributes.get("subtype", "") for image in found.images) == {
        "bacteria": 2772, "virus": 1493, "": 1575,
    }  # fmt: skip
    assert Counter(image.attributes["series"] for image in found.images) == {
        "person": 4265, "NORMAL2-IM": 909, "IM": 666,
    }  # fmt: skip
    assert all(not image.attributes for image in scan(CHEST, **options).images)
    for column in ("patient_key", "patient_id"):
        with pytest.raises(InvalidInput, match="patient"):
            scan(CHEST, **options, kept=[column])


def test_sources_that_bring_their_own_labels_take_no_table(tmp_path: Path) -> None:
    table = write(tmp_path, "path,label\n1.png,a\n", "1.png")
    with pytest.raises(InvalidInput, match="labels: goes with a folder"):
        scan(table, labels=table)


@pytest.mark.skipif(not DICOM.is_dir(), reason=f"{DICOM} is absent")
def test_dicom_files_are_found_by_their_uids_and_know_their_patients(tmp_path: Path) -> None:
    import pydicom

    names = ("pydicom_CT_small.dcm", "pydicom_MR_small.dcm", "pydicom_98892003_MR1_4919.dcm")
    headers = [pydicom.dcmread(DICOM / name, stop_before_pixels=True) for name in names]
    table = tmp_path / "labels.csv"
    table.write_text(
        "SOPInstanceUID,StudyInstanceUID,label,patient,split\n"
        f"{headers[0].SOPInstanceUID},,ct,,train\n"
        f",{headers[2].StudyInstanceUID},brain,someone,train\n"
    )
    found = scan(DICOM, labels=table)
    by_name = {image.path: image for image in found.images}
    assert by_name[names[0]].label == "ct"
    assert by_name[names[0]].patient == headers[0].PatientID
    assert by_name[names[2]].label == "brain"
    assert by_name[names[2]].patient == "someone"
    study = headers[2].StudyInstanceUID
    assert {name for name, image in by_name.items() if image.label == "brain"} == {
        file.name
        for file in DICOM.glob("*.dcm")
        if pydicom.dcmread(file, stop_before_pixels=True, force=True).get("StudyInstanceUID") == study
    }


def test_what_is_dicom_by_name_alone_is_refused(tmp_path: Path) -> None:
    for label in "ab":
        (tmp_path / "train" / label).mkdir(parents=True)
        (tmp_path / "train" / label / "1.dcm").write_bytes(b"no such thing" * 30)
    with pytest.raises(InvalidInput, match=r"train/./1\.dcm"):
        scan(tmp_path)
