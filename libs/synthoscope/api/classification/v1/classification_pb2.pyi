import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from synthoscope.api.images.v1 import images_pb2 as _images_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RefusalReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REFUSAL_REASON_UNSPECIFIED: _ClassVar[RefusalReason]
    REFUSAL_REASON_OUT_OF_DISTRIBUTION: _ClassVar[RefusalReason]
REFUSAL_REASON_UNSPECIFIED: RefusalReason
REFUSAL_REASON_OUT_OF_DISTRIBUTION: RefusalReason

class ClassProbability(_message.Message):
    __slots__ = ("label", "probability")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    label: str
    probability: float
    def __init__(self, label: _Optional[str] = ..., probability: _Optional[float] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("reason", "message")
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    reason: RefusalReason
    message: str
    def __init__(self, reason: _Optional[_Union[RefusalReason, str]] = ..., message: _Optional[str] = ...) -> None: ...

class PredictionSet(_message.Message):
    __slots__ = ("labels", "coverage")
    LABELS_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_FIELD_NUMBER: _ClassVar[int]
    labels: _containers.RepeatedScalarFieldContainer[str]
    coverage: float
    def __init__(self, labels: _Optional[_Iterable[str]] = ..., coverage: _Optional[float] = ...) -> None: ...

class Strangeness(_message.Message):
    __slots__ = ("score", "threshold")
    SCORE_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    score: float
    threshold: float
    def __init__(self, score: _Optional[float] = ..., threshold: _Optional[float] = ...) -> None: ...

class StageTime(_message.Message):
    __slots__ = ("stage", "duration")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    stage: str
    duration: _duration_pb2.Duration
    def __init__(self, stage: _Optional[str] = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Diagnosis(_message.Message):
    __slots__ = ("name", "label", "probabilities", "model_version", "model_sha256", "image", "explanation", "latency", "create_time", "imaging_study_uid", "sop_instance_uid", "refusal", "prediction_set", "strangeness", "preprocessing_digest", "stage_times")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    MODEL_SHA256_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    LATENCY_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    IMAGING_STUDY_UID_FIELD_NUMBER: _ClassVar[int]
    SOP_INSTANCE_UID_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_SET_FIELD_NUMBER: _ClassVar[int]
    STRANGENESS_FIELD_NUMBER: _ClassVar[int]
    PREPROCESSING_DIGEST_FIELD_NUMBER: _ClassVar[int]
    STAGE_TIMES_FIELD_NUMBER: _ClassVar[int]
    name: str
    label: str
    probabilities: _containers.RepeatedCompositeFieldContainer[ClassProbability]
    model_version: str
    model_sha256: str
    image: _images_pb2.ImageRef
    explanation: str
    latency: _duration_pb2.Duration
    create_time: _timestamp_pb2.Timestamp
    imaging_study_uid: str
    sop_instance_uid: str
    refusal: Refusal
    prediction_set: PredictionSet
    strangeness: Strangeness
    preprocessing_digest: str
    stage_times: _containers.RepeatedCompositeFieldContainer[StageTime]
    def __init__(self, name: _Optional[str] = ..., label: _Optional[str] = ..., probabilities: _Optional[_Iterable[_Union[ClassProbability, _Mapping]]] = ..., model_version: _Optional[str] = ..., model_sha256: _Optional[str] = ..., image: _Optional[_Union[_images_pb2.ImageRef, _Mapping]] = ..., explanation: _Optional[str] = ..., latency: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., imaging_study_uid: _Optional[str] = ..., sop_instance_uid: _Optional[str] = ..., refusal: _Optional[_Union[Refusal, _Mapping]] = ..., prediction_set: _Optional[_Union[PredictionSet, _Mapping]] = ..., strangeness: _Optional[_Union[Strangeness, _Mapping]] = ..., preprocessing_digest: _Optional[str] = ..., stage_times: _Optional[_Iterable[_Union[StageTime, _Mapping]]] = ...) -> None: ...

class ImageOutcome(_message.Message):
    __slots__ = ("image", "diagnosis", "label", "refused", "error_code", "error_message")
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSIS_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    image: str
    diagnosis: str
    label: str
    refused: bool
    error_code: str
    error_message: str
    def __init__(self, image: _Optional[str] = ..., diagnosis: _Optional[str] = ..., label: _Optional[str] = ..., refused: _Optional[bool] = ..., error_code: _Optional[str] = ..., error_message: _Optional[str] = ...) -> None: ...

class ImagingStudyDiagnosis(_message.Message):
    __slots__ = ("name", "model_version", "imaging_study_uid", "images", "label_counts", "refused_count", "failed_count", "create_time")
    class LabelCountsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    IMAGING_STUDY_UID_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    LABEL_COUNTS_FIELD_NUMBER: _ClassVar[int]
    REFUSED_COUNT_FIELD_NUMBER: _ClassVar[int]
    FAILED_COUNT_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    model_version: str
    imaging_study_uid: str
    images: _containers.RepeatedCompositeFieldContainer[ImageOutcome]
    label_counts: _containers.ScalarMap[str, int]
    refused_count: int
    failed_count: int
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., model_version: _Optional[str] = ..., imaging_study_uid: _Optional[str] = ..., images: _Optional[_Iterable[_Union[ImageOutcome, _Mapping]]] = ..., label_counts: _Optional[_Mapping[str, int]] = ..., refused_count: _Optional[int] = ..., failed_count: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Feedback(_message.Message):
    __slots__ = ("name", "diagnosis", "label", "answered", "model_version", "subject", "create_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSIS_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    diagnosis: str
    label: str
    answered: str
    model_version: str
    subject: str
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., diagnosis: _Optional[str] = ..., label: _Optional[str] = ..., answered: _Optional[str] = ..., model_version: _Optional[str] = ..., subject: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
