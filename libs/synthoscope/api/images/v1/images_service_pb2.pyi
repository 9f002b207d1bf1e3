from synthoscope.api.access.v1 import access_pb2 as _access_pb2
from synthoscope.api.images.v1 import images_pb2 as _images_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class UploadImageRequest(_message.Message):
    __slots__ = ("header", "chunk")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    header: UploadImageHeader
    chunk: bytes
    def __init__(self, header: _Optional[_Union[UploadImageHeader, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class UploadImageHeader(_message.Message):
    __slots__ = ("parent", "sha256", "allow_burned_in_annotation", "media_type")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    ALLOW_BURNED_IN_ANNOTATION_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    parent: str
    sha256: str
    allow_burned_in_annotation: bool
    media_type: str
    def __init__(self, parent: _Optional[str] = ..., sha256: _Optional[str] = ..., allow_burned_in_annotation: _Optional[bool] = ..., media_type: _Optional[str] = ...) -> None: ...

class UploadImagesRequest(_message.Message):
    __slots__ = ("parent", "label", "data", "allow_burned_in_annotation")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    ALLOW_BURNED_IN_ANNOTATION_FIELD_NUMBER: _ClassVar[int]
    parent: str
    label: str
    data: bytes
    allow_burned_in_annotation: bool
    def __init__(self, parent: _Optional[str] = ..., label: _Optional[str] = ..., data: _Optional[bytes] = ..., allow_burned_in_annotation: _Optional[bool] = ...) -> None: ...

class UploadImagesResponse(_message.Message):
    __slots__ = ("images",)
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    images: _containers.RepeatedCompositeFieldContainer[_images_pb2.ImageRef]
    def __init__(self, images: _Optional[_Iterable[_Union[_images_pb2.ImageRef, _Mapping]]] = ...) -> None: ...

class FindMissingImagesRequest(_message.Message):
    __slots__ = ("parent", "sha256")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    parent: str
    sha256: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, parent: _Optional[str] = ..., sha256: _Optional[_Iterable[str]] = ...) -> None: ...

class FindMissingImagesResponse(_message.Message):
    __slots__ = ("sha256", "stored_sha256")
    class StoredSha256Entry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SHA256_FIELD_NUMBER: _ClassVar[int]
    STORED_SHA256_FIELD_NUMBER: _ClassVar[int]
    sha256: _containers.RepeatedScalarFieldContainer[str]
    stored_sha256: _containers.ScalarMap[str, str]
    def __init__(self, sha256: _Optional[_Iterable[str]] = ..., stored_sha256: _Optional[_Mapping[str, str]] = ...) -> None: ...

class DownloadImageRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DownloadImageResponse(_message.Message):
    __slots__ = ("chunk",)
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    chunk: bytes
    def __init__(self, chunk: _Optional[bytes] = ...) -> None: ...
