import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from synthoscope.api.jobs.v1 import jobs_pb2 as _jobs_pb2
from synthoscope.api.models.v1 import models_pb2 as _models_pb2
from synthoscope.api.training.v1 import training_pb2 as _training_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Arm(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ARM_UNSPECIFIED: _ClassVar[Arm]
    ARM_REAL: _ClassVar[Arm]
    ARM_AUGMENTED: _ClassVar[Arm]
    ARM_DUPLICATED: _ClassVar[Arm]
    ARM_SYNTHETIC: _ClassVar[Arm]
    ARM_FILTERED: _ClassVar[Arm]
    ARM_BALANCED: _ClassVar[Arm]
    ARM_SYNTHETIC_ONLY: _ClassVar[Arm]
    ARM_ORACLE: _ClassVar[Arm]
ARM_UNSPECIFIED: Arm
ARM_REAL: Arm
ARM_AUGMENTED: Arm
ARM_DUPLICATED: Arm
ARM_SYNTHETIC: Arm
ARM_FILTERED: Arm
ARM_BALANCED: Arm
ARM_SYNTHETIC_ONLY: Arm
ARM_ORACLE: Arm

class Fraction(_message.Message):
    __slots__ = ("share", "dataset_version", "further_version", "synthetic_sets", "filtered_sets")
    SHARE_FIELD_NUMBER: _ClassVar[int]
    DATASET_VERSION_FIELD_NUMBER: _ClassVar[int]
    FURTHER_VERSION_FIELD_NUMBER: _ClassVar[int]
    SYNTHETIC_SETS_FIELD_NUMBER: _ClassVar[int]
    FILTERED_SETS_FIELD_NUMBER: _ClassVar[int]
    share: float
    dataset_version: str
    further_version: str
    synthetic_sets: _containers.RepeatedScalarFieldContainer[str]
    filtered_sets: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, share: _Optional[float] = ..., dataset_version: _Optional[str] = ..., further_version: _Optional[str] = ..., synthetic_sets: _Optional[_Iterable[str]] = ..., filtered_sets: _Optional[_Iterable[str]] = ...) -> None: ...

class ExperimentSpecification(_message.Message):
    __slots__ = ("dataset_version", "fractions", "presets", "training", "arms", "ratios", "seeds", "budget_minutes")
    DATASET_VERSION_FIELD_NUMBER: _ClassVar[int]
    FRACTIONS_FIELD_NUMBER: _ClassVar[int]
    PRESETS_FIELD_NUMBER: _ClassVar[int]
    TRAINING_FIELD_NUMBER: _ClassVar[int]
    ARMS_FIELD_NUMBER: _ClassVar[int]
    RATIOS_FIELD_NUMBER: _ClassVar[int]
    SEEDS_FIELD_NUMBER: _ClassVar[int]
    BUDGET_MINUTES_FIELD_NUMBER: _ClassVar[int]
    dataset_version: str
    fractions: _containers.RepeatedCompositeFieldContainer[Fraction]
    presets: _containers.RepeatedScalarFieldContainer[str]
    training: _training_pb2.ClassifierTrainingConfig
    arms: _containers.RepeatedScalarFieldContainer[Arm]
    ratios: _containers.RepeatedScalarFieldContainer[float]
    seeds: int
    budget_minutes: float
    def __init__(self, dataset_version: _Optional[str] = ..., fractions: _Optional[_Iterable[_Union[Fraction, _Mapping]]] = ..., presets: _Optional[_Iterable[str]] = ..., training: _Optional[_Union[_training_pb2.ClassifierTrainingConfig, _Mapping]] = ..., arms: _Optional[_Iterable[_Union[Arm, str]]] = ..., ratios: _Optional[_Iterable[float]] = ..., seeds: _Optional[int] = ..., budget_minutes: _Optional[float] = ...) -> None: ...

class ExperimentTrial(_message.Message):
    __slots__ = ("id", "arm", "ratio", "share", "preset", "seed", "real_images", "synthetic_images", "validation_macro_f1", "test", "accuracy_on_synthetic", "cached", "error", "seconds")
    ID_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    RATIO_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    PRESET_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    REAL_IMAGES_FIELD_NUMBER: _ClassVar[int]
    SYNTHETIC_IMAGES_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_MACRO_F1_FIELD_NUMBER: _ClassVar[int]
    TEST_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_ON_SYNTHETIC_FIELD_NUMBER: _ClassVar[int]
    CACHED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    id: str
    arm: Arm
    ratio: float
    share: float
    preset: str
    seed: int
    real_images: int
    synthetic_images: int
    validation_macro_f1: _containers.RepeatedScalarFieldContainer[float]
    test: _models_pb2.Evaluation
    accuracy_on_synthetic: float
    cached: bool
    error: str
    seconds: float
    def __init__(self, id: _Optional[str] = ..., arm: _Optional[_Union[Arm, str]] = ..., ratio: _Optional[float] = ..., share: _Optional[float] = ..., preset: _Optional[str] = ..., seed: _Optional[int] = ..., real_images: _Optional[int] = ..., synthetic_images: _Optional[int] = ..., validation_macro_f1: _Optional[_Iterable[float]] = ..., test: _Optional[_Union[_models_pb2.Evaluation, _Mapping]] = ..., accuracy_on_synthetic: _Optional[float] = ..., cached: _Optional[bool] = ..., error: _Optional[str] = ..., seconds: _Optional[float] = ...) -> None: ...

class ArmComparison(_message.Message):
    __slots__ = ("share", "preset", "arm", "reference", "score", "difference", "interval", "p_value", "adjusted_p_value", "effect_size", "effect_size_interval", "finding", "sentence")
    SHARE_FIELD_NUMBER: _ClassVar[int]
    PRESET_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    P_VALUE_FIELD_NUMBER: _ClassVar[int]
    ADJUSTED_P_VALUE_FIELD_NUMBER: _ClassVar[int]
    EFFECT_SIZE_FIELD_NUMBER: _ClassVar[int]
    EFFECT_SIZE_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    FINDING_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    share: float
    preset: str
    arm: str
    reference: str
    score: str
    difference: float
    interval: _models_pb2.Interval
    p_value: float
    adjusted_p_value: float
    effect_size: float
    effect_size_interval: _models_pb2.Interval
    finding: str
    sentence: str
    def __init__(self, share: _Optional[float] = ..., preset: _Optional[str] = ..., arm: _Optional[str] = ..., reference: _Optional[str] = ..., score: _Optional[str] = ..., difference: _Optional[float] = ..., interval: _Optional[_Union[_models_pb2.Interval, _Mapping]] = ..., p_value: _Optional[float] = ..., adjusted_p_value: _Optional[float] = ..., effect_size: _Optional[float] = ..., effect_size_interval: _Optional[_Union[_models_pb2.Interval, _Mapping]] = ..., finding: _Optional[str] = ..., sentence: _Optional[str] = ...) -> None: ...

class Experiment(_message.Message):
    __slots__ = ("name", "job", "state", "specification", "trials", "chosen_preset", "comparisons", "verdict", "cut_short", "create_time", "start_time", "end_time", "code_version", "hardware")
    NAME_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SPECIFICATION_FIELD_NUMBER: _ClassVar[int]
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    CHOSEN_PRESET_FIELD_NUMBER: _ClassVar[int]
    COMPARISONS_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    CUT_SHORT_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    CODE_VERSION_FIELD_NUMBER: _ClassVar[int]
    HARDWARE_FIELD_NUMBER: _ClassVar[int]
    name: str
    job: str
    state: _jobs_pb2.JobState
    specification: ExperimentSpecification
    trials: _containers.RepeatedCompositeFieldContainer[ExperimentTrial]
    chosen_preset: str
    comparisons: _containers.RepeatedCompositeFieldContainer[ArmComparison]
    verdict: _containers.RepeatedScalarFieldContainer[str]
    cut_short: bool
    create_time: _timestamp_pb2.Timestamp
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    code_version: str
    hardware: str
    def __init__(self, name: _Optional[str] = ..., job: _Optional[str] = ..., state: _Optional[_Union[_jobs_pb2.JobState, str]] = ..., specification: _Optional[_Union[ExperimentSpecification, _Mapping]] = ..., trials: _Optional[_Iterable[_Union[ExperimentTrial, _Mapping]]] = ..., chosen_preset: _Optional[str] = ..., comparisons: _Optional[_Iterable[_Union[ArmComparison, _Mapping]]] = ..., verdict: _Optional[_Iterable[str]] = ..., cut_short: _Optional[bool] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., code_version: _Optional[str] = ..., hardware: _Optional[str] = ...) -> None: ...
