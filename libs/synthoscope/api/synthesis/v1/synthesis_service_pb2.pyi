from synthoscope.api.access.v1 import access_pb2 as _access_pb2
from synthoscope.api.jobs.v1 import jobs_pb2 as _jobs_pb2
from synthoscope.api.synthesis.v1 import synthesis_pb2 as _synthesis_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SubmitGenerationRequest(_message.Message):
    __slots__ = ("parent", "request_id", "model_version", "counts", "seed", "options")
    class CountsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    PARENT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    parent: str
    request_id: str
    model_version: str
    counts: _containers.ScalarMap[str, int]
    seed: int
    options: _synthesis_pb2.GenerationOptions
    def __init__(self, parent: _Optional[str] = ..., request_id: _Optional[str] = ..., model_version: _Optional[str] = ..., counts: _Optional[_Mapping[str, int]] = ..., seed: _Optional[int] = ..., options: _Optional[_Union[_synthesis_pb2.GenerationOptions, _Mapping]] = ...) -> None: ...

class GetSyntheticSetRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListSyntheticSetsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListSyntheticSetsResponse(_message.Message):
    __slots__ = ("synthetic_sets", "next_page_token")
    SYNTHETIC_SETS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    synthetic_sets: _containers.RepeatedCompositeFieldContainer[_synthesis_pb2.SyntheticSet]
    next_page_token: str
    def __init__(self, synthetic_sets: _Optional[_Iterable[_Union[_synthesis_pb2.SyntheticSet, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListSyntheticImagesRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token", "label")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    label: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., label: _Optional[str] = ...) -> None: ...

class ListSyntheticImagesResponse(_message.Message):
    __slots__ = ("images", "next_page_token")
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    images: _containers.RepeatedCompositeFieldContainer[_synthesis_pb2.SyntheticImage]
    next_page_token: str
    def __init__(self, images: _Optional[_Iterable[_Union[_synthesis_pb2.SyntheticImage, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
