import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DatasetAudit(_message.Message):
    __slots__ = ("name", "image_count", "pair_counts", "pairs", "clusters", "label_conflicts", "patients", "shortcuts", "splits", "odd_files", "balance", "outliers", "code_version", "seconds", "create_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    IMAGE_COUNT_FIELD_NUMBER: _ClassVar[int]
    PAIR_COUNTS_FIELD_NUMBER: _ClassVar[int]
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    CLUSTERS_FIELD_NUMBER: _ClassVar[int]
    LABEL_CONFLICTS_FIELD_NUMBER: _ClassVar[int]
    PATIENTS_FIELD_NUMBER: _ClassVar[int]
    SHORTCUTS_FIELD_NUMBER: _ClassVar[int]
    SPLITS_FIELD_NUMBER: _ClassVar[int]
    ODD_FILES_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    OUTLIERS_FIELD_NUMBER: _ClassVar[int]
    CODE_VERSION_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    image_count: int
    pair_counts: _containers.RepeatedCompositeFieldContainer[PairCount]
    pairs: _containers.RepeatedCompositeFieldContainer[DuplicatePair]
    clusters: _containers.RepeatedCompositeFieldContainer[DuplicateCluster]
    label_conflicts: _containers.RepeatedCompositeFieldContainer[LabelConflict]
    patients: PatientAudit
    shortcuts: _containers.RepeatedCompositeFieldContainer[Shortcut]
    splits: SplitAudit
    odd_files: _containers.RepeatedCompositeFieldContainer[OddFile]
    balance: ClassBalance
    outliers: _containers.RepeatedCompositeFieldContainer[Outlier]
    code_version: str
    seconds: float
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., image_count: _Optional[int] = ..., pair_counts: _Optional[_Iterable[_Union[PairCount, _Mapping]]] = ..., pairs: _Optional[_Iterable[_Union[DuplicatePair, _Mapping]]] = ..., clusters: _Optional[_Iterable[_Union[DuplicateCluster, _Mapping]]] = ..., label_conflicts: _Optional[_Iterable[_Union[LabelConflict, _Mapping]]] = ..., patients: _Optional[_Union[PatientAudit, _Mapping]] = ..., shortcuts: _Optional[_Iterable[_Union[Shortcut, _Mapping]]] = ..., splits: _Optional[_Union[SplitAudit, _Mapping]] = ..., odd_files: _Optional[_Iterable[_Union[OddFile, _Mapping]]] = ..., balance: _Optional[_Union[ClassBalance, _Mapping]] = ..., outliers: _Optional[_Iterable[_Union[Outlier, _Mapping]]] = ..., code_version: _Optional[str] = ..., seconds: _Optional[float] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PairCount(_message.Message):
    __slots__ = ("kind", "scope", "count")
    KIND_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    kind: str
    scope: str
    count: int
    def __init__(self, kind: _Optional[str] = ..., scope: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class DuplicatePair(_message.Message):
    __slots__ = ("a", "b", "kind", "transform", "similarity", "split_a", "split_b", "label_a", "label_b")
    A_FIELD_NUMBER: _ClassVar[int]
    B_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TRANSFORM_FIELD_NUMBER: _ClassVar[int]
    SIMILARITY_FIELD_NUMBER: _ClassVar[int]
    SPLIT_A_FIELD_NUMBER: _ClassVar[int]
    SPLIT_B_FIELD_NUMBER: _ClassVar[int]
    LABEL_A_FIELD_NUMBER: _ClassVar[int]
    LABEL_B_FIELD_NUMBER: _ClassVar[int]
    a: str
    b: str
    kind: str
    transform: str
    similarity: float
    split_a: str
    split_b: str
    label_a: str
    label_b: str
    def __init__(self, a: _Optional[str] = ..., b: _Optional[str] = ..., kind: _Optional[str] = ..., transform: _Optional[str] = ..., similarity: _Optional[float] = ..., split_a: _Optional[str] = ..., split_b: _Optional[str] = ..., label_a: _Optional[str] = ..., label_b: _Optional[str] = ...) -> None: ...

class DuplicateCluster(_message.Message):
    __slots__ = ("paths", "across_splits")
    PATHS_FIELD_NUMBER: _ClassVar[int]
    ACROSS_SPLITS_FIELD_NUMBER: _ClassVar[int]
    paths: _containers.RepeatedScalarFieldContainer[str]
    across_splits: bool
    def __init__(self, paths: _Optional[_Iterable[str]] = ..., across_splits: _Optional[bool] = ...) -> None: ...

class LabelConflict(_message.Message):
    __slots__ = ("paths", "labels")
    PATHS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    paths: _containers.RepeatedScalarFieldContainer[str]
    labels: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, paths: _Optional[_Iterable[str]] = ..., labels: _Optional[_Iterable[str]] = ...) -> None: ...

class PatientAudit(_message.Message):
    __slots__ = ("images_with_id", "patients", "across_splits", "with_several_labels")
    IMAGES_WITH_ID_FIELD_NUMBER: _ClassVar[int]
    PATIENTS_FIELD_NUMBER: _ClassVar[int]
    ACROSS_SPLITS_FIELD_NUMBER: _ClassVar[int]
    WITH_SEVERAL_LABELS_FIELD_NUMBER: _ClassVar[int]
    images_with_id: int
    patients: int
    across_splits: _containers.RepeatedCompositeFieldContainer[PatientOverlap]
    with_several_labels: int
    def __init__(self, images_with_id: _Optional[int] = ..., patients: _Optional[int] = ..., across_splits: _Optional[_Iterable[_Union[PatientOverlap, _Mapping]]] = ..., with_several_labels: _Optional[int] = ...) -> None: ...

class PatientOverlap(_message.Message):
    __slots__ = ("patient", "train", "test")
    PATIENT_FIELD_NUMBER: _ClassVar[int]
    TRAIN_FIELD_NUMBER: _ClassVar[int]
    TEST_FIELD_NUMBER: _ClassVar[int]
    patient: str
    train: int
    test: int
    def __init__(self, patient: _Optional[str] = ..., train: _Optional[int] = ..., test: _Optional[int] = ...) -> None: ...

class Shortcut(_message.Message):
    __slots__ = ("property", "target", "accuracy", "chance", "accuracy_low", "accuracy_high")
    PROPERTY_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    CHANCE_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_LOW_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_HIGH_FIELD_NUMBER: _ClassVar[int]
    property: str
    target: str
    accuracy: float
    chance: float
    accuracy_low: float
    accuracy_high: float
    def __init__(self, property: _Optional[str] = ..., target: _Optional[str] = ..., accuracy: _Optional[float] = ..., chance: _Optional[float] = ..., accuracy_low: _Optional[float] = ..., accuracy_high: _Optional[float] = ...) -> None: ...

class SplitAudit(_message.Message):
    __slots__ = ("test_with_twin_in_train", "test_with_exact_twin_in_train")
    class TestWithTwinInTrainEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: TwinCount
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[TwinCount, _Mapping]] = ...) -> None: ...
    class TestWithExactTwinInTrainEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: TwinCount
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[TwinCount, _Mapping]] = ...) -> None: ...
    TEST_WITH_TWIN_IN_TRAIN_FIELD_NUMBER: _ClassVar[int]
    TEST_WITH_EXACT_TWIN_IN_TRAIN_FIELD_NUMBER: _ClassVar[int]
    test_with_twin_in_train: _containers.MessageMap[str, TwinCount]
    test_with_exact_twin_in_train: _containers.MessageMap[str, TwinCount]
    def __init__(self, test_with_twin_in_train: _Optional[_Mapping[str, TwinCount]] = ..., test_with_exact_twin_in_train: _Optional[_Mapping[str, TwinCount]] = ...) -> None: ...

class TwinCount(_message.Message):
    __slots__ = ("count", "of")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    OF_FIELD_NUMBER: _ClassVar[int]
    count: int
    of: int
    def __init__(self, count: _Optional[int] = ..., of: _Optional[int] = ...) -> None: ...

class OddFile(_message.Message):
    __slots__ = ("path", "problem")
    PATH_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    path: str
    problem: str
    def __init__(self, path: _Optional[str] = ..., problem: _Optional[str] = ...) -> None: ...

class ClassBalance(_message.Message):
    __slots__ = ("train", "ratio")
    class TrainEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    TRAIN_FIELD_NUMBER: _ClassVar[int]
    RATIO_FIELD_NUMBER: _ClassVar[int]
    train: _containers.ScalarMap[str, int]
    ratio: float
    def __init__(self, train: _Optional[_Mapping[str, int]] = ..., ratio: _Optional[float] = ...) -> None: ...

class Outlier(_message.Message):
    __slots__ = ("path", "label", "score")
    PATH_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    path: str
    label: str
    score: float
    def __init__(self, path: _Optional[str] = ..., label: _Optional[str] = ..., score: _Optional[float] = ...) -> None: ...
