import hashlib
from collections.abc import Iterator

import dicoms
import grpc
import numpy as np
import pytest

from synthoscope.api.images.v1 import images_service_pb2 as messages
from synthoscope.api.images.v1.images_service_pb2_grpc import ImageServiceStub, add_ImageServiceServicer_to_server
from synthoscope.images.decoders import Decoders
from synthoscope.images.intake import Intake
from synthoscope.images.servicer import ImageReader, ImageServicer
from synthoscope.images.storage import encode_png, image_identity, image_ref, load_image_bytes
from synthoscope.objects import InMemoryObjectStore
from synthoscope.pseudonyms import Pseudonyms
from synthoscope.rpc.channel import open_channel
from synthoscope.rpc.server import Registration
from synthoscope.rpc.testing import running_server

NAME = "synthoscope.api.images.v1.ImageService"
DEFAULT = "tenants/default"


@pytest.fixture(scope="module")
def objects() -> InMemoryObjectStore:
    return InMemoryObjectStore()


@pytest.fixture(scope="module")
def images(objects: InMemoryObjectStore, decoders: Decoders, pseudonyms: Pseudonyms) -> Iterator[ImageServiceStub]:
    servicer = ImageServicer(Intake(objects, pseudonyms, decoders))
    registration = Registration(NAME, add_ImageServiceServicer_to_server, servicer)
    with running_server([registration]) as server, open_channel(server.address, server.token) as channel:
        yield ImageServiceStub(channel)


def a_png(seed: int, size: int = 8) -> bytes:
    return encode_png(np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8))


def parts(data: bytes, sha256: str = "", size: int = 500_000, parent: str = DEFAULT, **fields: object) -> Iterator:
    yield messages.UploadImageRequest(header=messages.UploadImageHeader(parent=parent, sha256=sha256, **fields))
    for start in range(0, len(data), size):
        yield messages.UploadImageRequest(chunk=data[start : start + size])


def refused(call: object, code: grpc.StatusCode, text: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    assert caught.value.code() is code
    assert text in caught.value.details()
    assert "Traceback" not in caught.value.details()


def test_a_large_image_goes_up_and_comes_down_in_chunks(images, objects) -> None:
    data = a_png(0, 1500)
    assert len(data) > 5 * 2**20
    digest = hashlib.sha256(data).hexdigest()
    ref = images.UploadImage(parts(data, digest), timeout=30)
    assert ref == image_ref(objects, f"{DEFAULT}/images/{digest}")
    assert (ref.width, ref.height, ref.mode, ref.size_bytes) == (1500, 1500, "RGB", len(data))
    chunks = list(images.DownloadImage(messages.DownloadImageRequest(name=ref.name), timeout=30))
    assert max(len(part.chunk) for part in chunks) <= 2**20
    assert b"".join(part.chunk for part in chunks) == data


def test_bad_images_are_refused_and_nothing_is_stored(images, objects) -> None:
    before = len(list(objects.list("")))
    data = a_png(1)
    bad = [b"", b"not an image", data[:-20], data + b"PK\x03\x04"]
    for content in bad:
        refused(lambda content=content: images.UploadImage(parts(content)), grpc.StatusCode.INVALID_ARGUMENT, "image")
    refused(lambda: images.UploadImage(parts(data, "0" * 64)), grpc.StatusCode.DATA_LOSS, "SHA-256")
    assert len(list(objects.list(""))) == before


def test_an_endless_upload_is_cut_off(images) -> None:
    def endless() -> Iterator:
        yield from parts(b"")
        while True:
            yield messages.UploadImageRequest(chunk=bytes(2**20))

    refused(lambda: images.UploadImage(endless(), timeout=60), grpc.StatusCode.RESOURCE_EXHAUSTED, "bytes")


def test_the_header_comes_first_and_once(images) -> None:
    header = messages.UploadImageRequest(header=messages.UploadImageHeader(parent=DEFAULT))
    chunk = messages.UploadImageRequest(chunk=b"x")
    for sent in (
        [],
        [chunk],
        [header, header],
        [messages.UploadImageRequest()],
        [header, messages.UploadImageRequest()],
    ):
        refused(lambda sent=sent: images.UploadImage(iter(sent)), grpc.StatusCode.INVALID_ARGUMENT, "part")
    refused(lambda: images.UploadImage(parts(b"x", parent="x")), grpc.StatusCode.INVALID_ARGUMENT, "header.parent")
    large = messages.UploadImageRequest(chunk=bytes(2**20 + 1))
    refused(lambda: images.UploadImage(iter([header, large])), grpc.StatusCode.INVALID_ARGUMENT, "chunk")


def test_another_tenant_is_not_found(images) -> None:
    refused(lambda: images.UploadImage(parts(a_png(1), parent="tenants/other")), grpc.StatusCode.NOT_FOUND, "")
    request = messages.FindMissingImagesRequest(parent="tenants/other")
    refused(lambda: images.FindMissingImages(request), grpc.StatusCode.NOT_FOUND, "")


def test_many_images_in_one_stream_and_which_are_missing(images) -> None:
    files = [a_png(seed) for seed in range(100, 150)]
    digests = [hashlib.sha256(data).hexdigest() for data in files]
    find = messages.FindMissingImagesRequest(parent=DEFAULT, sha256=digests)
    assert list(images.FindMissingImages(find).sha256) == digests
    requests = [messages.UploadImagesRequest(parent=DEFAULT, data=data) for data in files]
    answer = images.UploadImages(iter(requests), timeout=30)
    assert [ref.sha256 for ref in answer.images] == digests
    unknown = "f" * 64
    find = messages.FindMissingImagesRequest(parent=DEFAULT, sha256=[*digests, unknown])
    assert list(images.FindMissingImages(find).sha256) == [unknown]


def test_a_bad_image_among_many_is_named(images) -> None:
    good = messages.UploadImagesRequest(parent=DEFAULT, data=a_png(7))
    bad = messages.UploadImagesRequest(data=b"x")
    for before in (1, 20):
        sent = iter([good] * before + [bad])
        refused(lambda sent=sent: images.UploadImages(sent), grpc.StatusCode.INVALID_ARGUMENT, f"images[{before}]: is")
    assert len(images.UploadImages(iter([])).images) == 0


def test_wrong_digests_and_names_are_refused(images) -> None:
    request = messages.FindMissingImagesRequest(parent=DEFAULT, sha256=["a" * 64, "../x"])
    refused(lambda: images.FindMissingImages(request), grpc.StatusCode.INVALID_ARGUMENT, "sha256[1]")
    request = messages.FindMissingImagesRequest(parent=DEFAULT, sha256=["a" * 64] * 10_001)
    refused(lambda: images.FindMissingImages(request), grpc.StatusCode.INVALID_ARGUMENT, "10000")
    download = messages.DownloadImageRequest(name=f"{DEFAULT}/images/{'0' * 64}")
    refused(lambda: list(images.DownloadImage(download)), grpc.StatusCode.NOT_FOUND, "does not exist")
    download = messages.DownloadImageRequest(name=f"{DEFAULT}/images/x")
    refused(lambda: list(images.DownloadImage(download)), grpc.StatusCode.INVALID_ARGUMENT, "name")


def a_dicom(seed: int, **attributes: object) -> bytes:
    return dicoms.dicom(np.random.default_rng(seed).integers(0, 256, (8, 8), dtype=np.uint8), **attributes)


def found(images: ImageServiceStub, data: bytes) -> messages.FindMissingImagesResponse:
    digest = hashlib.sha256(data).hexdigest()
    return images.FindMissingImages(messages.FindMissingImagesRequest(parent=DEFAULT, sha256=[digest]))


def test_a_dicom_file_is_stored_de_identified_and_found_again(images, objects, pseudonyms) -> None:
    data = a_dicom(1)
    digest, tenant = hashlib.sha256(data).hexdigest(), pseudonyms.tenant("default")
    assert found(images, data).sha256 == [digest]
    ref = images.UploadImage(parts(data, digest))
    assert (ref.media_type, ref.mode, ref.frames, ref.width) == ("application/dicom", "L", 1, 8)
    assert ref.sha256 != digest
    assert found(images, data) == messages.FindMissingImagesResponse(stored_sha256={digest: ref.sha256})
    stored = load_image_bytes(objects, ref.name)
    for secret in (b"Doe", b"PAT-1", dicoms.STUDY.encode(), dicoms.INSTANCE.encode()):
        assert secret in data
        assert secret not in stored
    assert image_identity(objects, ref.name).patient == tenant.patient("PAT-1")
    assert image_identity(objects, ref.name).imaging_study_uid == tenant.uid(dicoms.STUDY)
    assert images.UploadImage(parts(data)) == ref
    assert not any(digest in info.key or digest.encode() in objects.get(info.key) for info in objects.list(""))


def test_what_was_sent_is_missing_once_its_image_is_gone(images, objects) -> None:
    data = a_dicom(2)
    ref = images.UploadImage(parts(data))
    objects.delete(ref.name)
    assert found(images, data).sha256 == [hashlib.sha256(data).hexdigest()]
    assert images.UploadImage(parts(data)) == ref


def test_burned_in_annotation_must_be_allowed(images, objects) -> None:
    data = a_dicom(3, BurnedInAnnotation="YES")
    before = len(list(objects.list("")))
    refused(lambda: images.UploadImage(parts(data)), grpc.StatusCode.FAILED_PRECONDITION, "allow_burned_in_annotation")
    request = messages.UploadImagesRequest(parent=DEFAULT, data=a_dicom(4, Modality="US"))
    refused(lambda: images.UploadImages(iter([request])), grpc.StatusCode.FAILED_PRECONDITION, "images[0]: is ultra")
    assert len(list(objects.list(""))) == before
    assert images.UploadImage(parts(data, allow_burned_in_annotation=True)).frames == 1
    request.allow_burned_in_annotation = True
    assert len(images.UploadImages(iter([request])).images) == 1


def test_the_media_type_that_was_declared_must_fit(images) -> None:
    data = a_png(11)
    for sent in (data, a_dicom(5)):
        refused(
            lambda sent=sent: images.UploadImage(parts(sent, media_type="image/jpeg")),
            grpc.StatusCode.INVALID_ARGUMENT,
            "header.media_type",
        )
    assert images.UploadImage(parts(data, media_type="image/png")).media_type == "image/png"
    refused(
        lambda: images.UploadImage(parts(data, media_type="image/jpeg")), grpc.StatusCode.INVALID_ARGUMENT, "media_type"
    )


def test_a_reader_takes_no_images(objects) -> None:
    registration = Registration(NAME, add_ImageServiceServicer_to_server, ImageReader(objects))
    with running_server([registration]) as server, open_channel(server.address, server.token) as channel:
        reader = ImageServiceStub(channel)
        refused(lambda: reader.UploadImage(parts(a_png(1))), grpc.StatusCode.UNIMPLEMENTED, "")
        ref = next(iter(objects.list(f"{DEFAULT}/images/"))).key
        assert list(reader.DownloadImage(messages.DownloadImageRequest(name=ref)))
