import datetime

from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from synthoscope.api.jobs.v1 import jobs_pb2 as _jobs_pb2
from synthoscope.api.training.v1 import training_pb2 as _training_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Objective(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OBJECTIVE_UNSPECIFIED: _ClassVar[Objective]
    OBJECTIVE_VALIDATION_MACRO_F1: _ClassVar[Objective]
    OBJECTIVE_FRECHET_DISTANCE: _ClassVar[Objective]
OBJECTIVE_UNSPECIFIED: Objective
OBJECTIVE_VALIDATION_MACRO_F1: Objective
OBJECTIVE_FRECHET_DISTANCE: Objective

class DoubleRange(_message.Message):
    __slots__ = ("minimum", "maximum", "log")
    MINIMUM_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    minimum: float
    maximum: float
    log: bool
    def __init__(self, minimum: _Optional[float] = ..., maximum: _Optional[float] = ..., log: _Optional[bool] = ...) -> None: ...

class NumberChoice(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, values: _Optional[_Iterable[float]] = ...) -> None: ...

class Parameter(_message.Message):
    __slots__ = ("name", "range", "choice")
    NAME_FIELD_NUMBER: _ClassVar[int]
    RANGE_FIELD_NUMBER: _ClassVar[int]
    CHOICE_FIELD_NUMBER: _ClassVar[int]
    name: str
    range: DoubleRange
    choice: NumberChoice
    def __init__(self, name: _Optional[str] = ..., range: _Optional[_Union[DoubleRange, _Mapping]] = ..., choice: _Optional[_Union[NumberChoice, _Mapping]] = ...) -> None: ...

class StudySpecification(_message.Message):
    __slots__ = ("classifier", "gan", "parameters", "max_trials", "max_concurrent_trials", "grace_period", "seed", "max_images")
    CLASSIFIER_FIELD_NUMBER: _ClassVar[int]
    GAN_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    MAX_TRIALS_FIELD_NUMBER: _ClassVar[int]
    MAX_CONCURRENT_TRIALS_FIELD_NUMBER: _ClassVar[int]
    GRACE_PERIOD_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    MAX_IMAGES_FIELD_NUMBER: _ClassVar[int]
    classifier: _training_pb2.ClassifierTrainingConfig
    gan: _training_pb2.GanTrainingConfig
    parameters: _containers.RepeatedCompositeFieldContainer[Parameter]
    max_trials: int
    max_concurrent_trials: int
    grace_period: int
    seed: int
    max_images: int
    def __init__(self, classifier: _Optional[_Union[_training_pb2.ClassifierTrainingConfig, _Mapping]] = ..., gan: _Optional[_Union[_training_pb2.GanTrainingConfig, _Mapping]] = ..., parameters: _Optional[_Iterable[_Union[Parameter, _Mapping]]] = ..., max_trials: _Optional[int] = ..., max_concurrent_trials: _Optional[int] = ..., grace_period: _Optional[int] = ..., seed: _Optional[int] = ..., max_images: _Optional[int] = ...) -> None: ...

class Trial(_message.Message):
    __slots__ = ("id", "state", "stopped_early", "parameters", "objective_values", "best_objective", "seconds", "error")
    class ParametersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STOPPED_EARLY_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    OBJECTIVE_VALUES_FIELD_NUMBER: _ClassVar[int]
    BEST_OBJECTIVE_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    id: str
    state: _jobs_pb2.JobState
    stopped_early: bool
    parameters: _containers.ScalarMap[str, float]
    objective_values: _containers.RepeatedScalarFieldContainer[float]
    best_objective: float
    seconds: float
    error: str
    def __init__(self, id: _Optional[str] = ..., state: _Optional[_Union[_jobs_pb2.JobState, str]] = ..., stopped_early: _Optional[bool] = ..., parameters: _Optional[_Mapping[str, float]] = ..., objective_values: _Optional[_Iterable[float]] = ..., best_objective: _Optional[float] = ..., seconds: _Optional[float] = ..., error: _Optional[str] = ...) -> None: ...

class Study(_message.Message):
    __slots__ = ("name", "job", "state", "dataset_version", "specification", "objective", "trials", "best_trial", "best_config", "create_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DATASET_VERSION_FIELD_NUMBER: _ClassVar[int]
    SPECIFICATION_FIELD_NUMBER: _ClassVar[int]
    OBJECTIVE_FIELD_NUMBER: _ClassVar[int]
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    BEST_TRIAL_FIELD_NUMBER: _ClassVar[int]
    BEST_CONFIG_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    job: str
    state: _jobs_pb2.JobState
    dataset_version: str
    specification: StudySpecification
    objective: Objective
    trials: _containers.RepeatedCompositeFieldContainer[Trial]
    best_trial: str
    best_config: _struct_pb2.Struct
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., job: _Optional[str] = ..., state: _Optional[_Union[_jobs_pb2.JobState, str]] = ..., dataset_version: _Optional[str] = ..., specification: _Optional[_Union[StudySpecification, _Mapping]] = ..., objective: _Optional[_Union[Objective, str]] = ..., trials: _Optional[_Iterable[_Union[Trial, _Mapping]]] = ..., best_trial: _Optional[str] = ..., best_config: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
