import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from synthoscope.api.images.v1 import images_pb2 as _images_pb2
from synthoscope.api.images.v1 import preprocessing_pb2 as _preprocessing_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Split(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SPLIT_UNSPECIFIED: _ClassVar[Split]
    SPLIT_TRAIN: _ClassVar[Split]
    SPLIT_TEST: _ClassVar[Split]
SPLIT_UNSPECIFIED: Split
SPLIT_TRAIN: Split
SPLIT_TEST: Split

class DatasetImage(_message.Message):
    __slots__ = ("path", "split", "label", "image", "patient", "frame", "origin", "attributes")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PATH_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    PATIENT_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    path: str
    split: Split
    label: str
    image: _images_pb2.ImageRef
    patient: str
    frame: int
    origin: str
    attributes: _containers.ScalarMap[str, str]
    def __init__(self, path: _Optional[str] = ..., split: _Optional[_Union[Split, str]] = ..., label: _Optional[str] = ..., image: _Optional[_Union[_images_pb2.ImageRef, _Mapping]] = ..., patient: _Optional[str] = ..., frame: _Optional[int] = ..., origin: _Optional[str] = ..., attributes: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ClassCount(_message.Message):
    __slots__ = ("split", "label", "count")
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    split: Split
    label: str
    count: int
    def __init__(self, split: _Optional[_Union[Split, str]] = ..., label: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class AttributeCount(_message.Message):
    __slots__ = ("attribute", "value", "split", "count")
    ATTRIBUTE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    attribute: str
    value: str
    split: Split
    count: int
    def __init__(self, attribute: _Optional[str] = ..., value: _Optional[str] = ..., split: _Optional[_Union[Split, str]] = ..., count: _Optional[int] = ...) -> None: ...

class DatasetVersion(_message.Message):
    __slots__ = ("name", "classes", "counts", "image_count", "size_bytes", "modes", "manifest_sha256", "create_time", "preprocessing", "derivation", "attribute_counts")
    class ModesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    IMAGE_COUNT_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MODES_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_SHA256_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    PREPROCESSING_FIELD_NUMBER: _ClassVar[int]
    DERIVATION_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTE_COUNTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    classes: _containers.RepeatedScalarFieldContainer[str]
    counts: _containers.RepeatedCompositeFieldContainer[ClassCount]
    image_count: int
    size_bytes: int
    modes: _containers.ScalarMap[str, int]
    manifest_sha256: str
    create_time: _timestamp_pb2.Timestamp
    preprocessing: _preprocessing_pb2.Preprocessing
    derivation: Derivation
    attribute_counts: _containers.RepeatedCompositeFieldContainer[AttributeCount]
    def __init__(self, name: _Optional[str] = ..., classes: _Optional[_Iterable[str]] = ..., counts: _Optional[_Iterable[_Union[ClassCount, _Mapping]]] = ..., image_count: _Optional[int] = ..., size_bytes: _Optional[int] = ..., modes: _Optional[_Mapping[str, int]] = ..., manifest_sha256: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., preprocessing: _Optional[_Union[_preprocessing_pb2.Preprocessing, _Mapping]] = ..., derivation: _Optional[_Union[Derivation, _Mapping]] = ..., attribute_counts: _Optional[_Iterable[_Union[AttributeCount, _Mapping]]] = ...) -> None: ...

class Derivation(_message.Message):
    __slots__ = ("parents", "label_map", "subset", "merge", "split", "preprocessing")
    PARENTS_FIELD_NUMBER: _ClassVar[int]
    LABEL_MAP_FIELD_NUMBER: _ClassVar[int]
    SUBSET_FIELD_NUMBER: _ClassVar[int]
    MERGE_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    PREPROCESSING_FIELD_NUMBER: _ClassVar[int]
    parents: _containers.RepeatedScalarFieldContainer[str]
    label_map: LabelMap
    subset: Subset
    merge: Merge
    split: SplitRule
    preprocessing: _preprocessing_pb2.Preprocessing
    def __init__(self, parents: _Optional[_Iterable[str]] = ..., label_map: _Optional[_Union[LabelMap, _Mapping]] = ..., subset: _Optional[_Union[Subset, _Mapping]] = ..., merge: _Optional[_Union[Merge, _Mapping]] = ..., split: _Optional[_Union[SplitRule, _Mapping]] = ..., preprocessing: _Optional[_Union[_preprocessing_pb2.Preprocessing, _Mapping]] = ...) -> None: ...

class LabelMap(_message.Message):
    __slots__ = ("labels",)
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    LABELS_FIELD_NUMBER: _ClassVar[int]
    labels: _containers.ScalarMap[str, str]
    def __init__(self, labels: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Subset(_message.Message):
    __slots__ = ("labels", "splits", "most_per_class", "seed", "as_training")
    LABELS_FIELD_NUMBER: _ClassVar[int]
    SPLITS_FIELD_NUMBER: _ClassVar[int]
    MOST_PER_CLASS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    AS_TRAINING_FIELD_NUMBER: _ClassVar[int]
    labels: _containers.RepeatedScalarFieldContainer[str]
    splits: _containers.RepeatedScalarFieldContainer[Split]
    most_per_class: int
    seed: int
    as_training: bool
    def __init__(self, labels: _Optional[_Iterable[str]] = ..., splits: _Optional[_Iterable[_Union[Split, str]]] = ..., most_per_class: _Optional[int] = ..., seed: _Optional[int] = ..., as_training: _Optional[bool] = ...) -> None: ...

class Merge(_message.Message):
    __slots__ = ("dataset_versions", "synthetic_sets", "confirmed_labels")
    DATASET_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    SYNTHETIC_SETS_FIELD_NUMBER: _ClassVar[int]
    CONFIRMED_LABELS_FIELD_NUMBER: _ClassVar[int]
    dataset_versions: _containers.RepeatedScalarFieldContainer[str]
    synthetic_sets: _containers.RepeatedScalarFieldContainer[str]
    confirmed_labels: _containers.RepeatedCompositeFieldContainer[ConfirmedLabel]
    def __init__(self, dataset_versions: _Optional[_Iterable[str]] = ..., synthetic_sets: _Optional[_Iterable[str]] = ..., confirmed_labels: _Optional[_Iterable[_Union[ConfirmedLabel, _Mapping]]] = ...) -> None: ...

class ConfirmedLabel(_message.Message):
    __slots__ = ("diagnosis", "label")
    DIAGNOSIS_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    diagnosis: str
    label: str
    def __init__(self, diagnosis: _Optional[str] = ..., label: _Optional[str] = ...) -> None: ...

class SplitRule(_message.Message):
    __slots__ = ("deduplication", "hold_out", "fold", "seed", "ungrouped")
    DEDUPLICATION_FIELD_NUMBER: _ClassVar[int]
    HOLD_OUT_FIELD_NUMBER: _ClassVar[int]
    FOLD_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    UNGROUPED_FIELD_NUMBER: _ClassVar[int]
    deduplication: Deduplication
    hold_out: HoldOut
    fold: Fold
    seed: int
    ungrouped: bool
    def __init__(self, deduplication: _Optional[_Union[Deduplication, _Mapping]] = ..., hold_out: _Optional[_Union[HoldOut, _Mapping]] = ..., fold: _Optional[_Union[Fold, _Mapping]] = ..., seed: _Optional[int] = ..., ungrouped: _Optional[bool] = ...) -> None: ...

class Deduplication(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class HoldOut(_message.Message):
    __slots__ = ("test_fraction",)
    TEST_FRACTION_FIELD_NUMBER: _ClassVar[int]
    test_fraction: float
    def __init__(self, test_fraction: _Optional[float] = ...) -> None: ...

class Fold(_message.Message):
    __slots__ = ("count", "index")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    count: int
    index: int
    def __init__(self, count: _Optional[int] = ..., index: _Optional[int] = ...) -> None: ...

class DatasetComparison(_message.Message):
    __slots__ = ("unchanged", "changes", "change_count")
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    CHANGE_COUNT_FIELD_NUMBER: _ClassVar[int]
    unchanged: int
    changes: _containers.RepeatedCompositeFieldContainer[DatasetChange]
    change_count: int
    def __init__(self, unchanged: _Optional[int] = ..., changes: _Optional[_Iterable[_Union[DatasetChange, _Mapping]]] = ..., change_count: _Optional[int] = ...) -> None: ...

class DatasetChange(_message.Message):
    __slots__ = ("path", "before", "after")
    PATH_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    path: str
    before: DatasetImage
    after: DatasetImage
    def __init__(self, path: _Optional[str] = ..., before: _Optional[_Union[DatasetImage, _Mapping]] = ..., after: _Optional[_Union[DatasetImage, _Mapping]] = ...) -> None: ...
