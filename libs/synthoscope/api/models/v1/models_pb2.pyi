import datetime

from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from synthoscope.api.images.v1 import images_pb2 as _images_pb2
from synthoscope.api.images.v1 import preprocessing_pb2 as _preprocessing_pb2
from synthoscope.api.synthesis.v1 import synthesis_pb2 as _synthesis_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ModelKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODEL_KIND_UNSPECIFIED: _ClassVar[ModelKind]
    MODEL_KIND_GAN: _ClassVar[ModelKind]
    MODEL_KIND_CLASSIFIER: _ClassVar[ModelKind]
MODEL_KIND_UNSPECIFIED: ModelKind
MODEL_KIND_GAN: ModelKind
MODEL_KIND_CLASSIFIER: ModelKind

class ModelFile(_message.Message):
    __slots__ = ("path", "sha256", "size_bytes")
    PATH_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    path: str
    sha256: str
    size_bytes: int
    def __init__(self, path: _Optional[str] = ..., sha256: _Optional[str] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class ClassMetrics(_message.Message):
    __slots__ = ("label", "precision", "recall", "f1", "support")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    RECALL_FIELD_NUMBER: _ClassVar[int]
    F1_FIELD_NUMBER: _ClassVar[int]
    SUPPORT_FIELD_NUMBER: _ClassVar[int]
    label: str
    precision: float
    recall: float
    f1: float
    support: int
    def __init__(self, label: _Optional[str] = ..., precision: _Optional[float] = ..., recall: _Optional[float] = ..., f1: _Optional[float] = ..., support: _Optional[int] = ...) -> None: ...

class ConfusionRow(_message.Message):
    __slots__ = ("counts",)
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    counts: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, counts: _Optional[_Iterable[int]] = ...) -> None: ...

class Evaluation(_message.Message):
    __slots__ = ("split", "accuracy", "macro_precision", "macro_recall", "macro_f1", "classes", "confusion", "grouped_by", "left_out")
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    MACRO_PRECISION_FIELD_NUMBER: _ClassVar[int]
    MACRO_RECALL_FIELD_NUMBER: _ClassVar[int]
    MACRO_F1_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    CONFUSION_FIELD_NUMBER: _ClassVar[int]
    GROUPED_BY_FIELD_NUMBER: _ClassVar[int]
    LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    split: str
    accuracy: float
    macro_precision: float
    macro_recall: float
    macro_f1: float
    classes: _containers.RepeatedCompositeFieldContainer[ClassMetrics]
    confusion: _containers.RepeatedCompositeFieldContainer[ConfusionRow]
    grouped_by: _containers.RepeatedScalarFieldContainer[str]
    left_out: int
    def __init__(self, split: _Optional[str] = ..., accuracy: _Optional[float] = ..., macro_precision: _Optional[float] = ..., macro_recall: _Optional[float] = ..., macro_f1: _Optional[float] = ..., classes: _Optional[_Iterable[_Union[ClassMetrics, _Mapping]]] = ..., confusion: _Optional[_Iterable[_Union[ConfusionRow, _Mapping]]] = ..., grouped_by: _Optional[_Iterable[str]] = ..., left_out: _Optional[int] = ...) -> None: ...

class Curve(_message.Message):
    __slots__ = ("metric", "steps", "values")
    METRIC_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    metric: str
    steps: _containers.RepeatedScalarFieldContainer[float]
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, metric: _Optional[str] = ..., steps: _Optional[_Iterable[float]] = ..., values: _Optional[_Iterable[float]] = ...) -> None: ...

class SyntheticUse(_message.Message):
    __slots__ = ("synthetic_set", "admission")
    SYNTHETIC_SET_FIELD_NUMBER: _ClassVar[int]
    ADMISSION_FIELD_NUMBER: _ClassVar[int]
    synthetic_set: str
    admission: _synthesis_pb2.Admission
    def __init__(self, synthetic_set: _Optional[str] = ..., admission: _Optional[_Union[_synthesis_pb2.Admission, str]] = ...) -> None: ...

class Lineage(_message.Message):
    __slots__ = ("dataset_version", "synthetic_sets", "job", "code_version", "seed", "synthetic_uses", "accepted_unadmitted")
    DATASET_VERSION_FIELD_NUMBER: _ClassVar[int]
    SYNTHETIC_SETS_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    CODE_VERSION_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SYNTHETIC_USES_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_UNADMITTED_FIELD_NUMBER: _ClassVar[int]
    dataset_version: str
    synthetic_sets: _containers.RepeatedScalarFieldContainer[str]
    job: str
    code_version: str
    seed: int
    synthetic_uses: _containers.RepeatedCompositeFieldContainer[SyntheticUse]
    accepted_unadmitted: bool
    def __init__(self, dataset_version: _Optional[str] = ..., synthetic_sets: _Optional[_Iterable[str]] = ..., job: _Optional[str] = ..., code_version: _Optional[str] = ..., seed: _Optional[int] = ..., synthetic_uses: _Optional[_Iterable[_Union[SyntheticUse, _Mapping]]] = ..., accepted_unadmitted: _Optional[bool] = ...) -> None: ...

class SampleGrid(_message.Message):
    __slots__ = ("step", "label", "image")
    STEP_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    step: int
    label: str
    image: _images_pb2.ImageRef
    def __init__(self, step: _Optional[int] = ..., label: _Optional[str] = ..., image: _Optional[_Union[_images_pb2.ImageRef, _Mapping]] = ...) -> None: ...

class ModelVersion(_message.Message):
    __slots__ = ("name", "kind", "classes", "preset", "image_size", "config", "evaluations", "curves", "sample_grids", "lineage", "files", "create_time", "preprocessing")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    PRESET_FIELD_NUMBER: _ClassVar[int]
    IMAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    EVALUATIONS_FIELD_NUMBER: _ClassVar[int]
    CURVES_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_GRIDS_FIELD_NUMBER: _ClassVar[int]
    LINEAGE_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    PREPROCESSING_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: ModelKind
    classes: _containers.RepeatedScalarFieldContainer[str]
    preset: str
    image_size: int
    config: _struct_pb2.Struct
    evaluations: _containers.RepeatedCompositeFieldContainer[Evaluation]
    curves: _containers.RepeatedCompositeFieldContainer[Curve]
    sample_grids: _containers.RepeatedCompositeFieldContainer[SampleGrid]
    lineage: Lineage
    files: _containers.RepeatedCompositeFieldContainer[ModelFile]
    create_time: _timestamp_pb2.Timestamp
    preprocessing: _preprocessing_pb2.Preprocessing
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[_Union[ModelKind, str]] = ..., classes: _Optional[_Iterable[str]] = ..., preset: _Optional[str] = ..., image_size: _Optional[int] = ..., config: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., evaluations: _Optional[_Iterable[_Union[Evaluation, _Mapping]]] = ..., curves: _Optional[_Iterable[_Union[Curve, _Mapping]]] = ..., sample_grids: _Optional[_Iterable[_Union[SampleGrid, _Mapping]]] = ..., lineage: _Optional[_Union[Lineage, _Mapping]] = ..., files: _Optional[_Iterable[_Union[ModelFile, _Mapping]]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., preprocessing: _Optional[_Union[_preprocessing_pb2.Preprocessing, _Mapping]] = ...) -> None: ...
