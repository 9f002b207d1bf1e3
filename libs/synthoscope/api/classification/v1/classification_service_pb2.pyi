import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from synthoscope.api.access.v1 import access_pb2 as _access_pb2
from synthoscope.api.classification.v1 import classification_pb2 as _classification_pb2
from synthoscope.api.jobs.v1 import jobs_pb2 as _jobs_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExplanationTiming(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXPLANATION_TIMING_UNSPECIFIED: _ClassVar[ExplanationTiming]
    EXPLANATION_TIMING_AFTERWARDS: _ClassVar[ExplanationTiming]
    EXPLANATION_TIMING_BEFORE_ANSWER: _ClassVar[ExplanationTiming]
    EXPLANATION_TIMING_IF_UNCERTAIN: _ClassVar[ExplanationTiming]
EXPLANATION_TIMING_UNSPECIFIED: ExplanationTiming
EXPLANATION_TIMING_AFTERWARDS: ExplanationTiming
EXPLANATION_TIMING_BEFORE_ANSWER: ExplanationTiming
EXPLANATION_TIMING_IF_UNCERTAIN: ExplanationTiming

class DiagnoseRequest(_message.Message):
    __slots__ = ("parent", "data", "image_name", "model_version", "explain", "explanation_timing", "request_id")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    IMAGE_NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_TIMING_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    parent: str
    data: bytes
    image_name: str
    model_version: str
    explain: bool
    explanation_timing: ExplanationTiming
    request_id: str
    def __init__(self, parent: _Optional[str] = ..., data: _Optional[bytes] = ..., image_name: _Optional[str] = ..., model_version: _Optional[str] = ..., explain: _Optional[bool] = ..., explanation_timing: _Optional[_Union[ExplanationTiming, str]] = ..., request_id: _Optional[str] = ...) -> None: ...

class DiagnoseStreamRequest(_message.Message):
    __slots__ = ("request",)
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    request: DiagnoseRequest
    def __init__(self, request: _Optional[_Union[DiagnoseRequest, _Mapping]] = ...) -> None: ...

class DiagnosisError(_message.Message):
    __slots__ = ("code", "message")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class DiagnoseStreamResponse(_message.Message):
    __slots__ = ("diagnosis", "error")
    DIAGNOSIS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    diagnosis: _classification_pb2.Diagnosis
    error: DiagnosisError
    def __init__(self, diagnosis: _Optional[_Union[_classification_pb2.Diagnosis, _Mapping]] = ..., error: _Optional[_Union[DiagnosisError, _Mapping]] = ...) -> None: ...

class DiagnoseImagingStudyRequest(_message.Message):
    __slots__ = ("parent", "images", "model_version", "request_id", "subject")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    parent: str
    images: _containers.RepeatedScalarFieldContainer[str]
    model_version: str
    request_id: str
    subject: str
    def __init__(self, parent: _Optional[str] = ..., images: _Optional[_Iterable[str]] = ..., model_version: _Optional[str] = ..., request_id: _Optional[str] = ..., subject: _Optional[str] = ...) -> None: ...

class GetImagingStudyDiagnosisRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetDiagnosisRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListDiagnosesRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token", "model", "label", "refused", "start_time", "end_time")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    model: str
    label: str
    refused: bool
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., model: _Optional[str] = ..., label: _Optional[str] = ..., refused: _Optional[bool] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListDiagnosesResponse(_message.Message):
    __slots__ = ("diagnoses", "next_page_token")
    DIAGNOSES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    diagnoses: _containers.RepeatedCompositeFieldContainer[_classification_pb2.Diagnosis]
    next_page_token: str
    def __init__(self, diagnoses: _Optional[_Iterable[_Union[_classification_pb2.Diagnosis, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GiveFeedbackRequest(_message.Message):
    __slots__ = ("diagnosis", "label")
    DIAGNOSIS_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    diagnosis: str
    label: str
    def __init__(self, diagnosis: _Optional[str] = ..., label: _Optional[str] = ...) -> None: ...

class ListFeedbackRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListFeedbackResponse(_message.Message):
    __slots__ = ("feedback", "next_page_token")
    FEEDBACK_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    feedback: _containers.RepeatedCompositeFieldContainer[_classification_pb2.Feedback]
    next_page_token: str
    def __init__(self, feedback: _Optional[_Iterable[_Union[_classification_pb2.Feedback, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
