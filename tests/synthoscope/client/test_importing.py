"""Imports against the real servicers over real gRPC, with an object store that fails now and then."""

import hashlib
import io
import threading
import zipfile
from collections import Counter

import dicoms
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydantic import SecretStr

from services.training.dataset_servicer import DatasetServicer
from synthoscope.api.datasets.v1.datasets_service_pb2_grpc import add_DatasetServiceServicer_to_server
from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.api.images.v1.images_service_pb2_grpc import add_ImageServiceServicer_to_server
from synthoscope.api.images.v1.preprocessing_pb2 import Preprocessing
from synthoscope.client import Client, ClientSettings, Endpoints
from synthoscope.client.uploading import Uploader
from synthoscope.datasets.sources import SourceFile, SourceOptions
from synthoscope.images.intake import Intake
from synthoscope.images.servicer import ImageServicer
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import InMemoryObjectStore
from synthoscope.pseudonyms import Pseudonyms
from synthoscope.rpc.errors import DataLoss, FailedPrecondition, InvalidInput, Unavailable
from synthoscope.rpc.server import Registration
from synthoscope.rpc.testing import running_server


class FlakyStore(InMemoryObjectStore):
    """Counts what it is given; is away for every `every`th image, once each."""

    def __init__(self):
        super().__init__()
        self.every, self.puts, self.failed, self.lock = 0, Counter(), set(), threading.Lock()

    def put_if_absent(self, key, data, *, metadata=None):
        with self.lock:
            self.puts[key] += 1
            if self.every and len(self.puts) % self.every == 0 and key not in self.failed:
                self.failed.add(key)
                raise Unavailable("the object store is away")
        return super().put_if_absent(key, data, metadata=metadata)


@pytest.fixture
def objects():
    return FlakyStore()


@pytest.fixture
def client(objects, decoders):
    services = "synthoscope.api.images.v1.ImageService", "synthoscope.api.datasets.v1.DatasetService"
    datasets = DatasetServicer(objects, Jobs(objects, InMemoryJobStore()), Pseudonyms(bytes(32)))
    registrations = [
        Registration(
            services[0],
            add_ImageServiceServicer_to_server,
            ImageServicer(Intake(objects, Pseudonyms(bytes(32)), decoders)),
        ),
        Registration(services[1], add_DatasetServiceServicer_to_server, datasets),
    ]
    with running_server(registrations) as server:
        endpoints = Endpoints(**dict.fromkeys(Endpoints.model_fields, server.address))
        with Client(ClientSettings(endpoints=endpoints, token=SecretStr(server.token))) as client:
            yield client


def png(seed):
    data = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8), dtype=np.uint8)).save(data, "PNG")
    return data.getvalue()


@pytest.fixture
def folder(tmp_path):
    for number in range(300):
        file = tmp_path / ("test" if number % 5 == 0 else "train") / "ab"[number % 2] / f"{number:03d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png(number))
    return tmp_path


def test_an_upload_that_breaks_off_goes_on_with_what_is_missing(client, objects, folder):
    objects.every = 60
    version = client.datasets.import_source(folder, "scans")
    assert version.image_count == 300
    assert len(objects.failed) == 5
    # What was stored before a stream broke off is not sent again; what was on its way in that moment may be.
    again = [key for key, count in objects.puts.items() if count > 1 and key not in objects.failed]
    assert len(again) < 16 * 5
    for image in client.datasets.images(version.name):
        assert objects.get(image.image.name) == (folder / image.path).read_bytes()


def test_importing_again_costs_no_storage(client, objects, folder):
    first = client.datasets.import_source(folder, "scans")
    stored = {info.key: info.size for info in objects.list("tenants/")}
    assert client.datasets.import_source(folder, "scans") == first
    assert {info.key: info.size for info in objects.list("tenants/")} == stored
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        for file in sorted(folder.glob("t*/*/*.png")):
            archive.write(file, file.relative_to(folder))
    assert client.datasets.import_source(folder / "all.zip", "scans") == first
    assert {info.key: info.size for info in objects.list("tenants/")} == stored


def test_nothing_is_sent_when_something_is_wrong_with_the_source(client, objects, folder):
    (folder / "train" / "-odd-").mkdir()
    (folder / "train" / "-odd-" / "1.png").write_bytes(png(0))
    with pytest.raises(InvalidInput, match="label"):
        client.datasets.import_source(folder, "scans")
    (folder / "train" / "-odd-" / "1.png").rename(folder / "1.png")
    (folder / "train" / "-odd-").rename(folder / "train" / "c")
    with pytest.raises(InvalidInput, match="no training images for c"):
        client.datasets.import_source(folder, "scans")
    assert not list(objects.list(""))


def test_nothing_of_a_damaged_archive_is_stored(client, objects, folder):
    file = folder / "all.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for image in sorted(folder.glob("t*/*/*.png")):
            archive.write(image, image.relative_to(folder))
    data = bytearray(file.read_bytes())
    data[data.rindex(b"IDAT") + 6] ^= 0xFF  # in the last of 300 images: its checksum is wrong
    file.write_bytes(data)
    with pytest.raises(InvalidInput, match=r"train/b/299\.png: .*damaged"):
        client.datasets.import_source(file, "scans")
    assert not list(objects.list(""))


def test_a_file_that_changes_meanwhile_is_noticed(client):
    uploader = Uploader(client.images)
    with pytest.raises(DataLoss, match=r"a/1\.png: has changed"):
        uploader.store({"0" * 64: SourceFile("a/1.png", lambda: png(0))}, lambda done, total: None)


def test_a_server_that_stores_something_else_is_noticed(client, monkeypatch):
    file = SourceFile("a/1.png", lambda: png(0))
    monkeypatch.setattr(client.images, "upload_many", lambda *_, **__: [ImageRef(sha256="0" * 64)])
    with pytest.raises(DataLoss, match=r"a/1\.png: what was stored is not what was sent"):
        Uploader(client.images).store({file.sha256(): file}, lambda done, total: None)


def test_large_files_go_up_in_chunks_and_are_named_in_errors(client, folder):
    large = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (1300, 1300, 3), dtype=np.uint8)).save(large, "PNG")
    (folder / "train" / "a" / "large.png").write_bytes(large.getvalue())
    assert client.datasets.import_source(folder, "scans").image_count == 301
    (folder / "train" / "a" / "large.png").write_bytes(large.getvalue()[:-100_000])
    with pytest.raises(InvalidInput, match=r"train/a/large\.png"):
        client.datasets.import_source(folder, "scans")


def test_patients_and_preprocessing_are_kept(client, objects, folder):
    rows = [f"{file.relative_to(folder)},{file.parent.name},{file.parts[-3]}," for file in folder.glob("t*/*/*.png")]
    (folder / "labels.csv").write_text("\n".join(["path,label,split,patient", *(row + "Jane Doe" for row in rows)]))
    steps = Preprocessing(steps=[{"resizing": {"mode": "MODE_PAD"}}])
    plain = client.datasets.import_source(folder, "scans")
    version = client.datasets.import_source(folder / "labels.csv", "scans", preprocessing=steps)
    assert version.preprocessing == steps
    assert version.name != plain.name
    patients = {image.patient for image in client.datasets.images(version.name)}
    assert len(patients) == 1
    assert "Jane" not in patients.pop()
    assert all(b"Jane" not in objects.get(info.key) for info in objects.list(""))


@pytest.fixture
def scans(tmp_path):
    """Four DICOM files of two patients, one of them of three frames, in class folders."""
    random = np.random.default_rng(3)
    for number in range(4):
        frames = 3 if number == 3 else 1
        pixels = random.integers(0, 4000, (16 * frames, 16), dtype=np.uint16)
        attributes = {"SOPInstanceUID": f"1.2.3.{number}", "PatientID": f"PAT-{number % 2}", "NumberOfFrames": frames}
        file = tmp_path / "train" / "ab"[number % 2] / f"{number}.dcm"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(dicoms.dicom(pixels, **attributes, Rows=16))
    return tmp_path


def test_dicom_is_stored_without_identity_and_known_when_it_comes_again(client, objects, scans):
    version = client.datasets.import_source(scans, "scans")
    images = {image.path: image for image in client.datasets.images(version.name)}
    for path, image in images.items():
        sent = (scans / path).read_bytes()
        assert image.image.media_type == "application/dicom"
        assert image.image.sha256 != hashlib.sha256(sent).hexdigest()
        stored = pydicom.dcmread(io.BytesIO(objects.get(image.image.name)))
        assert stored.PatientID == image.patient != ""
        assert stored.PatientName == ""
    assert len({image.patient for image in images.values()}) == 2
    assert images["train/b/3.dcm"].image.frames == 3

    keys, notes = {info.key for info in objects.list("")}, []
    assert client.datasets.import_source(scans, "scans", on_note=notes.append) == version
    assert "4 of 4 images were stored already" in notes
    assert {info.key for info in objects.list("")} == keys


CANARIES = {
    "PatientName": "Canary^Bird", "PatientAddress": "Canary Street", "DeviceSerialNumber": "SN-CANARY",
    "StationName": "CANARY-1", "InstitutionName": "Canary Hospital", "PatientBirthDate": "19310615",
    "StudyDate": "20200614", "ProtocolName": "canary",
}  # fmt: skip


def test_attributes_come_from_tables_and_headers_and_nothing_else_does(client, objects, tmp_path):
    """What identifies a patient or a device is in the files and the table that are sent, not in the store."""
    described = {"PatientSex": "F", "Manufacturer": "Acme", "ManufacturerModelName": "X1", "ViewPosition": "PA"}
    for number in range(2):
        pixels = np.full((16, 16), number + 1, np.uint16)
        tags = CANARIES | described | {"SOPInstanceUID": f"1.2.3.{number}"}
        (tmp_path / f"{number}.dcm").write_bytes(dicoms.dicom(pixels, **tags))
    rows = ["path,label,split,view,subtype,name,serial", "0.dcm,a,train,,virus,Canary,SN-CANARY", "1.dcm,a,test,AP,,,"]
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    version = client.datasets.import_source(tmp_path / "labels.csv", "scans", SourceOptions(kept=["subtype"]))
    header = {"sex": "F", "age_band": "80-89", "device": "Acme X1"}
    assert [dict(image.attributes) for image in client.datasets.images(version.name)] == [
        header | {"view": "PA", "subtype": "virus"}, header | {"view": "AP"},
    ]  # fmt: skip
    stored = b"".join(objects.get(info.key) for info in objects.list("")).lower()
    assert b"acme x1" in stored
    for trace in (b"canary", b"1931", b"20200614"):
        assert trace not in stored


def test_frames_of_a_table_become_images(client, scans):
    table = scans / "labels.csv"
    rows = ["1.2.3.3,b,0", "1.2.3.3,b,2", "1.2.3.0,a,0"]
    table.write_text("\n".join(["SOPInstanceUID,label,frame", *rows]))
    version = client.datasets.import_source(table, "frames")
    images = [(image.path, image.frame) for image in client.datasets.images(version.name)]
    assert images == [("train/a/0.dcm", 0), ("train/b/3.dcm", 0), ("train/b/3.dcm#2", 2)]
    table.write_text("\n".join(["SOPInstanceUID,label,frame", *rows, "1.2.3.1,b,1"]))
    with pytest.raises(InvalidInput, match=r"'train/b/1\.dcm#1' has frames 0 to 0"):
        client.datasets.import_source(table, "frames")


def test_burned_in_annotation_must_be_allowed(client, scans):
    pixels = np.full((16, 16), 7, np.uint16)
    (scans / "train" / "a" / "9.dcm").write_bytes(dicoms.dicom(pixels, BurnedInAnnotation="YES"))
    with pytest.raises(FailedPrecondition, match=r"train/a/9\.dcm"):
        client.datasets.import_source(scans, "scans")
    assert client.datasets.import_source(scans, "scans", allow_burned_in_annotation=True).image_count == 5


def test_class_names_of_arrays(client, tmp_path):
    images, labels = np.zeros((3, 8, 8), np.uint8), np.array([0, 1, 1])
    np.savez(tmp_path / "set.npz", train_images=images, train_labels=labels)
    options = SourceOptions(class_names=("normal", "pneumonia"))
    version = client.datasets.import_source(tmp_path / "set.npz", "scans", options)
    assert list(version.classes) == ["normal", "pneumonia"]
