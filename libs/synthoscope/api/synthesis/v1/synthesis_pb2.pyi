import datetime

from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from synthoscope.api.images.v1 import images_pb2 as _images_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Admission(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ADMISSION_UNSPECIFIED: _ClassVar[Admission]
    ADMISSION_REFUSED: _ClassVar[Admission]
    ADMISSION_FOR_STUDY: _ClassVar[Admission]
    ADMISSION_ADMITTED: _ClassVar[Admission]

class GenerationCheckpoint(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GENERATION_CHECKPOINT_UNSPECIFIED: _ClassVar[GenerationCheckpoint]
    GENERATION_CHECKPOINT_LAST: _ClassVar[GenerationCheckpoint]
    GENERATION_CHECKPOINT_AVERAGE: _ClassVar[GenerationCheckpoint]
    GENERATION_CHECKPOINT_BEST: _ClassVar[GenerationCheckpoint]
ADMISSION_UNSPECIFIED: Admission
ADMISSION_REFUSED: Admission
ADMISSION_FOR_STUDY: Admission
ADMISSION_ADMITTED: Admission
GENERATION_CHECKPOINT_UNSPECIFIED: GenerationCheckpoint
GENERATION_CHECKPOINT_LAST: GenerationCheckpoint
GENERATION_CHECKPOINT_AVERAGE: GenerationCheckpoint
GENERATION_CHECKPOINT_BEST: GenerationCheckpoint

class Criterion(_message.Message):
    __slots__ = ("name", "value", "at_most", "admitted_limit", "study_limit", "admission", "finding")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    AT_MOST_FIELD_NUMBER: _ClassVar[int]
    ADMITTED_LIMIT_FIELD_NUMBER: _ClassVar[int]
    STUDY_LIMIT_FIELD_NUMBER: _ClassVar[int]
    ADMISSION_FIELD_NUMBER: _ClassVar[int]
    FINDING_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: float
    at_most: bool
    admitted_limit: float
    study_limit: float
    admission: Admission
    finding: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[float] = ..., at_most: _Optional[bool] = ..., admitted_limit: _Optional[float] = ..., study_limit: _Optional[float] = ..., admission: _Optional[_Union[Admission, str]] = ..., finding: _Optional[str] = ...) -> None: ...

class Verdict(_message.Message):
    __slots__ = ("admission", "criteria", "measured_images", "reference_images", "dataset_version", "extractor", "seed", "code_version")
    ADMISSION_FIELD_NUMBER: _ClassVar[int]
    CRITERIA_FIELD_NUMBER: _ClassVar[int]
    MEASURED_IMAGES_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_IMAGES_FIELD_NUMBER: _ClassVar[int]
    DATASET_VERSION_FIELD_NUMBER: _ClassVar[int]
    EXTRACTOR_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    CODE_VERSION_FIELD_NUMBER: _ClassVar[int]
    admission: Admission
    criteria: _containers.RepeatedCompositeFieldContainer[Criterion]
    measured_images: int
    reference_images: int
    dataset_version: str
    extractor: str
    seed: int
    code_version: str
    def __init__(self, admission: _Optional[_Union[Admission, str]] = ..., criteria: _Optional[_Iterable[_Union[Criterion, _Mapping]]] = ..., measured_images: _Optional[int] = ..., reference_images: _Optional[int] = ..., dataset_version: _Optional[str] = ..., extractor: _Optional[str] = ..., seed: _Optional[int] = ..., code_version: _Optional[str] = ...) -> None: ...

class SyntheticSet(_message.Message):
    __slots__ = ("name", "model_version", "seed", "counts", "image_count", "grid", "manifest_sha256", "create_time", "verdict", "options", "tallies", "measurement")
    class CountsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class TalliesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: GenerationTally
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[GenerationTally, _Mapping]] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    IMAGE_COUNT_FIELD_NUMBER: _ClassVar[int]
    GRID_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_SHA256_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    TALLIES_FIELD_NUMBER: _ClassVar[int]
    MEASUREMENT_FIELD_NUMBER: _ClassVar[int]
    name: str
    model_version: str
    seed: int
    counts: _containers.ScalarMap[str, int]
    image_count: int
    grid: _images_pb2.ImageRef
    manifest_sha256: str
    create_time: _timestamp_pb2.Timestamp
    verdict: Verdict
    options: GenerationOptions
    tallies: _containers.MessageMap[str, GenerationTally]
    measurement: _struct_pb2.Struct
    def __init__(self, name: _Optional[str] = ..., model_version: _Optional[str] = ..., seed: _Optional[int] = ..., counts: _Optional[_Mapping[str, int]] = ..., image_count: _Optional[int] = ..., grid: _Optional[_Union[_images_pb2.ImageRef, _Mapping]] = ..., manifest_sha256: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., verdict: _Optional[_Union[Verdict, _Mapping]] = ..., options: _Optional[_Union[GenerationOptions, _Mapping]] = ..., tallies: _Optional[_Mapping[str, GenerationTally]] = ..., measurement: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class GenerationOptions(_message.Message):
    __slots__ = ("truncation", "codes", "checkpoint", "keep_last", "output_size", "filters", "measure_with")
    TRUNCATION_FIELD_NUMBER: _ClassVar[int]
    CODES_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    KEEP_LAST_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_SIZE_FIELD_NUMBER: _ClassVar[int]
    FILTERS_FIELD_NUMBER: _ClassVar[int]
    MEASURE_WITH_FIELD_NUMBER: _ClassVar[int]
    truncation: float
    codes: InfoganCodes
    checkpoint: GenerationCheckpoint
    keep_last: float
    output_size: int
    filters: GenerationFilters
    measure_with: str
    def __init__(self, truncation: _Optional[float] = ..., codes: _Optional[_Union[InfoganCodes, _Mapping]] = ..., checkpoint: _Optional[_Union[GenerationCheckpoint, str]] = ..., keep_last: _Optional[float] = ..., output_size: _Optional[int] = ..., filters: _Optional[_Union[GenerationFilters, _Mapping]] = ..., measure_with: _Optional[str] = ...) -> None: ...

class InfoganCodes(_message.Message):
    __slots__ = ("category", "continuous")
    class ContinuousEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: float
        def __init__(self, key: _Optional[int] = ..., value: _Optional[float] = ...) -> None: ...
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    CONTINUOUS_FIELD_NUMBER: _ClassVar[int]
    category: int
    continuous: _containers.ScalarMap[int, float]
    def __init__(self, category: _Optional[int] = ..., continuous: _Optional[_Mapping[int, float]] = ...) -> None: ...

class GenerationFilters(_message.Message):
    __slots__ = ("discriminator_share", "classifier", "classifier_probability", "distinct")
    DISCRIMINATOR_SHARE_FIELD_NUMBER: _ClassVar[int]
    CLASSIFIER_FIELD_NUMBER: _ClassVar[int]
    CLASSIFIER_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    DISTINCT_FIELD_NUMBER: _ClassVar[int]
    discriminator_share: float
    classifier: str
    classifier_probability: float
    distinct: bool
    def __init__(self, discriminator_share: _Optional[float] = ..., classifier: _Optional[str] = ..., classifier_probability: _Optional[float] = ..., distinct: _Optional[bool] = ...) -> None: ...

class GenerationTally(_message.Message):
    __slots__ = ("asked", "made", "refused", "kept", "passed_over", "discriminator_threshold")
    class RefusedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    ASKED_FIELD_NUMBER: _ClassVar[int]
    MADE_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    PASSED_OVER_FIELD_NUMBER: _ClassVar[int]
    DISCRIMINATOR_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    asked: int
    made: int
    refused: _containers.ScalarMap[str, int]
    kept: int
    passed_over: int
    discriminator_threshold: float
    def __init__(self, asked: _Optional[int] = ..., made: _Optional[int] = ..., refused: _Optional[_Mapping[str, int]] = ..., kept: _Optional[int] = ..., passed_over: _Optional[int] = ..., discriminator_threshold: _Optional[float] = ...) -> None: ...

class SyntheticImage(_message.Message):
    __slots__ = ("index", "label", "image", "candidate")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    CANDIDATE_FIELD_NUMBER: _ClassVar[int]
    index: int
    label: str
    image: _images_pb2.ImageRef
    candidate: int
    def __init__(self, index: _Optional[int] = ..., label: _Optional[str] = ..., image: _Optional[_Union[_images_pb2.ImageRef, _Mapping]] = ..., candidate: _Optional[int] = ...) -> None: ...
