from synthoscope.api.access.v1 import access_pb2 as _access_pb2
from synthoscope.api.jobs.v1 import jobs_pb2 as _jobs_pb2
from synthoscope.api.training.v1 import training_pb2 as _training_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SubmitGanTrainingRequest(_message.Message):
    __slots__ = ("parent", "request_id", "dataset_version", "model_id", "config", "accept_unadmitted")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    DATASET_VERSION_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_UNADMITTED_FIELD_NUMBER: _ClassVar[int]
    parent: str
    request_id: str
    dataset_version: str
    model_id: str
    config: _training_pb2.GanTrainingConfig
    accept_unadmitted: bool
    def __init__(self, parent: _Optional[str] = ..., request_id: _Optional[str] = ..., dataset_version: _Optional[str] = ..., model_id: _Optional[str] = ..., config: _Optional[_Union[_training_pb2.GanTrainingConfig, _Mapping]] = ..., accept_unadmitted: _Optional[bool] = ...) -> None: ...

class SubmitClassifierTrainingRequest(_message.Message):
    __slots__ = ("parent", "request_id", "dataset_version", "synthetic_sets", "model_id", "config", "accept_unadmitted", "synthetic_only")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    DATASET_VERSION_FIELD_NUMBER: _ClassVar[int]
    SYNTHETIC_SETS_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_UNADMITTED_FIELD_NUMBER: _ClassVar[int]
    SYNTHETIC_ONLY_FIELD_NUMBER: _ClassVar[int]
    parent: str
    request_id: str
    dataset_version: str
    synthetic_sets: _containers.RepeatedScalarFieldContainer[str]
    model_id: str
    config: _training_pb2.ClassifierTrainingConfig
    accept_unadmitted: bool
    synthetic_only: bool
    def __init__(self, parent: _Optional[str] = ..., request_id: _Optional[str] = ..., dataset_version: _Optional[str] = ..., synthetic_sets: _Optional[_Iterable[str]] = ..., model_id: _Optional[str] = ..., config: _Optional[_Union[_training_pb2.ClassifierTrainingConfig, _Mapping]] = ..., accept_unadmitted: _Optional[bool] = ..., synthetic_only: _Optional[bool] = ...) -> None: ...

class DownloadEventFilesRequest(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: str
    def __init__(self, job: _Optional[str] = ...) -> None: ...

class DownloadEventFilesResponse(_message.Message):
    __slots__ = ("file", "chunk")
    FILE_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    file: str
    chunk: bytes
    def __init__(self, file: _Optional[str] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class UploadWeightsRequest(_message.Message):
    __slots__ = ("header", "chunk")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    header: UploadWeightsHeader
    chunk: bytes
    def __init__(self, header: _Optional[_Union[UploadWeightsHeader, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class UploadWeightsHeader(_message.Message):
    __slots__ = ("parent", "sha256")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    parent: str
    sha256: str
    def __init__(self, parent: _Optional[str] = ..., sha256: _Optional[str] = ...) -> None: ...

class UploadedWeights(_message.Message):
    __slots__ = ("name", "tensor_count", "size_bytes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TENSOR_COUNT_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    name: str
    tensor_count: int
    size_bytes: int
    def __init__(self, name: _Optional[str] = ..., tensor_count: _Optional[int] = ..., size_bytes: _Optional[int] = ...) -> None: ...
