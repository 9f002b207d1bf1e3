from google.protobuf import empty_pb2 as _empty_pb2
from synthoscope.api.access.v1 import access_pb2 as _access_pb2
from synthoscope.api.datasets.v1 import audits_pb2 as _audits_pb2
from synthoscope.api.datasets.v1 import datasets_pb2 as _datasets_pb2
from synthoscope.api.images.v1 import preprocessing_pb2 as _preprocessing_pb2
from synthoscope.api.jobs.v1 import jobs_pb2 as _jobs_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ImportDatasetVersionRequest(_message.Message):
    __slots__ = ("header", "images")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    header: ImportDatasetVersionHeader
    images: ImportDatasetVersionImages
    def __init__(self, header: _Optional[_Union[ImportDatasetVersionHeader, _Mapping]] = ..., images: _Optional[_Union[ImportDatasetVersionImages, _Mapping]] = ...) -> None: ...

class ImportDatasetVersionHeader(_message.Message):
    __slots__ = ("dataset", "classes", "preprocessing")
    DATASET_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    PREPROCESSING_FIELD_NUMBER: _ClassVar[int]
    dataset: str
    classes: _containers.RepeatedScalarFieldContainer[str]
    preprocessing: _preprocessing_pb2.Preprocessing
    def __init__(self, dataset: _Optional[str] = ..., classes: _Optional[_Iterable[str]] = ..., preprocessing: _Optional[_Union[_preprocessing_pb2.Preprocessing, _Mapping]] = ...) -> None: ...

class ImportDatasetVersionImages(_message.Message):
    __slots__ = ("images",)
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    images: _containers.RepeatedCompositeFieldContainer[_datasets_pb2.DatasetImage]
    def __init__(self, images: _Optional[_Iterable[_Union[_datasets_pb2.DatasetImage, _Mapping]]] = ...) -> None: ...

class GetDatasetVersionRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListDatasetVersionsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListDatasetVersionsResponse(_message.Message):
    __slots__ = ("dataset_versions", "next_page_token")
    DATASET_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    dataset_versions: _containers.RepeatedCompositeFieldContainer[_datasets_pb2.DatasetVersion]
    next_page_token: str
    def __init__(self, dataset_versions: _Optional[_Iterable[_Union[_datasets_pb2.DatasetVersion, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListDatasetImagesRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token", "split", "label")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    split: _datasets_pb2.Split
    label: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., split: _Optional[_Union[_datasets_pb2.Split, str]] = ..., label: _Optional[str] = ...) -> None: ...

class ListDatasetImagesResponse(_message.Message):
    __slots__ = ("images", "next_page_token")
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    images: _containers.RepeatedCompositeFieldContainer[_datasets_pb2.DatasetImage]
    next_page_token: str
    def __init__(self, images: _Optional[_Iterable[_Union[_datasets_pb2.DatasetImage, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DeriveDatasetVersionRequest(_message.Message):
    __slots__ = ("dataset", "parent_version", "derivation")
    DATASET_FIELD_NUMBER: _ClassVar[int]
    PARENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    DERIVATION_FIELD_NUMBER: _ClassVar[int]
    dataset: str
    parent_version: str
    derivation: _datasets_pb2.Derivation
    def __init__(self, dataset: _Optional[str] = ..., parent_version: _Optional[str] = ..., derivation: _Optional[_Union[_datasets_pb2.Derivation, _Mapping]] = ...) -> None: ...

class CompareDatasetVersionsRequest(_message.Message):
    __slots__ = ("before", "after")
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    before: str
    after: str
    def __init__(self, before: _Optional[str] = ..., after: _Optional[str] = ...) -> None: ...

class DeleteDatasetVersionRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class SubmitDatasetAuditRequest(_message.Message):
    __slots__ = ("dataset_version", "request_id")
    DATASET_VERSION_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    dataset_version: str
    request_id: str
    def __init__(self, dataset_version: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class GetDatasetAuditRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetDatasetAuditResponse(_message.Message):
    __slots__ = ("audit",)
    AUDIT_FIELD_NUMBER: _ClassVar[int]
    audit: _audits_pb2.DatasetAudit
    def __init__(self, audit: _Optional[_Union[_audits_pb2.DatasetAudit, _Mapping]] = ...) -> None: ...
