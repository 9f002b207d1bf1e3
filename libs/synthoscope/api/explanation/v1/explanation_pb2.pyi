import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from synthoscope.api.images.v1 import images_pb2 as _images_pb2
from synthoscope.api.jobs.v1 import jobs_pb2 as _jobs_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExplanationMethod(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXPLANATION_METHOD_UNSPECIFIED: _ClassVar[ExplanationMethod]
    EXPLANATION_METHOD_GRAD_CAM: _ClassVar[ExplanationMethod]
EXPLANATION_METHOD_UNSPECIFIED: ExplanationMethod
EXPLANATION_METHOD_GRAD_CAM: ExplanationMethod

class FloatMap(_message.Message):
    __slots__ = ("height", "width", "values")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    height: int
    width: int
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, height: _Optional[int] = ..., width: _Optional[int] = ..., values: _Optional[_Iterable[float]] = ...) -> None: ...

class MapPlacement(_message.Message):
    __slots__ = ("x", "y", "step_x", "step_y")
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    STEP_X_FIELD_NUMBER: _ClassVar[int]
    STEP_Y_FIELD_NUMBER: _ClassVar[int]
    x: float
    y: float
    step_x: float
    step_y: float
    def __init__(self, x: _Optional[float] = ..., y: _Optional[float] = ..., step_x: _Optional[float] = ..., step_y: _Optional[float] = ...) -> None: ...

class Explanation(_message.Message):
    __slots__ = ("name", "state", "diagnosis", "label", "method", "logit", "probability", "layer", "map", "overlay", "map_sha256", "model_version", "image_sha256", "error", "create_time", "end_time", "placement", "image")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSIS_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    LOGIT_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    LAYER_FIELD_NUMBER: _ClassVar[int]
    MAP_FIELD_NUMBER: _ClassVar[int]
    OVERLAY_FIELD_NUMBER: _ClassVar[int]
    MAP_SHA256_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    IMAGE_SHA256_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: _jobs_pb2.JobState
    diagnosis: str
    label: str
    method: ExplanationMethod
    logit: float
    probability: float
    layer: str
    map: FloatMap
    overlay: _images_pb2.ImageRef
    map_sha256: str
    model_version: str
    image_sha256: str
    error: _jobs_pb2.JobError
    create_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    placement: MapPlacement
    image: str
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[_jobs_pb2.JobState, str]] = ..., diagnosis: _Optional[str] = ..., label: _Optional[str] = ..., method: _Optional[_Union[ExplanationMethod, str]] = ..., logit: _Optional[float] = ..., probability: _Optional[float] = ..., layer: _Optional[str] = ..., map: _Optional[_Union[FloatMap, _Mapping]] = ..., overlay: _Optional[_Union[_images_pb2.ImageRef, _Mapping]] = ..., map_sha256: _Optional[str] = ..., model_version: _Optional[str] = ..., image_sha256: _Optional[str] = ..., error: _Optional[_Union[_jobs_pb2.JobError, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., placement: _Optional[_Union[MapPlacement, _Mapping]] = ..., image: _Optional[str] = ...) -> None: ...
