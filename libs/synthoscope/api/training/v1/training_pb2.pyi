from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GanConditioning(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GAN_CONDITIONING_UNSPECIFIED: _ClassVar[GanConditioning]
    GAN_CONDITIONING_UNCONDITIONAL: _ClassVar[GanConditioning]
    GAN_CONDITIONING_PER_CLASS: _ClassVar[GanConditioning]
    GAN_CONDITIONING_CONDITIONAL: _ClassVar[GanConditioning]
GAN_CONDITIONING_UNSPECIFIED: GanConditioning
GAN_CONDITIONING_UNCONDITIONAL: GanConditioning
GAN_CONDITIONING_PER_CLASS: GanConditioning
GAN_CONDITIONING_CONDITIONAL: GanConditioning

class GanTrainingConfig(_message.Message):
    __slots__ = ("preset", "conditioning", "epochs", "batch_size", "learning_rate", "beta1", "workers", "sample_every", "checkpoint_every", "seed")
    PRESET_FIELD_NUMBER: _ClassVar[int]
    CONDITIONING_FIELD_NUMBER: _ClassVar[int]
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    BETA1_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_EVERY_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_EVERY_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    preset: str
    conditioning: GanConditioning
    epochs: int
    batch_size: int
    learning_rate: float
    beta1: float
    workers: int
    sample_every: int
    checkpoint_every: int
    seed: int
    def __init__(self, preset: _Optional[str] = ..., conditioning: _Optional[_Union[GanConditioning, str]] = ..., epochs: _Optional[int] = ..., batch_size: _Optional[int] = ..., learning_rate: _Optional[float] = ..., beta1: _Optional[float] = ..., workers: _Optional[int] = ..., sample_every: _Optional[int] = ..., checkpoint_every: _Optional[int] = ..., seed: _Optional[int] = ...) -> None: ...

class Augmentation(_message.Message):
    __slots__ = ("rotation_degrees", "brightness", "width_shift", "height_shift", "shear_degrees", "horizontal_flip", "zoom", "contrast", "vertical_flip")
    ROTATION_DEGREES_FIELD_NUMBER: _ClassVar[int]
    BRIGHTNESS_FIELD_NUMBER: _ClassVar[int]
    WIDTH_SHIFT_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_SHIFT_FIELD_NUMBER: _ClassVar[int]
    SHEAR_DEGREES_FIELD_NUMBER: _ClassVar[int]
    HORIZONTAL_FLIP_FIELD_NUMBER: _ClassVar[int]
    ZOOM_FIELD_NUMBER: _ClassVar[int]
    CONTRAST_FIELD_NUMBER: _ClassVar[int]
    VERTICAL_FLIP_FIELD_NUMBER: _ClassVar[int]
    rotation_degrees: float
    brightness: float
    width_shift: float
    height_shift: float
    shear_degrees: float
    horizontal_flip: bool
    zoom: float
    contrast: float
    vertical_flip: bool
    def __init__(self, rotation_degrees: _Optional[float] = ..., brightness: _Optional[float] = ..., width_shift: _Optional[float] = ..., height_shift: _Optional[float] = ..., shear_degrees: _Optional[float] = ..., horizontal_flip: _Optional[bool] = ..., zoom: _Optional[float] = ..., contrast: _Optional[float] = ..., vertical_flip: _Optional[bool] = ...) -> None: ...

class ClassifierTrainingConfig(_message.Message):
    __slots__ = ("preset", "epochs", "batch_size", "learning_rate", "dropout", "augmentation", "early_stopping_patience", "plateau_patience", "validation_fraction", "workers", "seed")
    PRESET_FIELD_NUMBER: _ClassVar[int]
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    DROPOUT_FIELD_NUMBER: _ClassVar[int]
    AUGMENTATION_FIELD_NUMBER: _ClassVar[int]
    EARLY_STOPPING_PATIENCE_FIELD_NUMBER: _ClassVar[int]
    PLATEAU_PATIENCE_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_FRACTION_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    preset: str
    epochs: int
    batch_size: int
    learning_rate: float
    dropout: float
    augmentation: Augmentation
    early_stopping_patience: int
    plateau_patience: int
    validation_fraction: float
    workers: int
    seed: int
    def __init__(self, preset: _Optional[str] = ..., epochs: _Optional[int] = ..., batch_size: _Optional[int] = ..., learning_rate: _Optional[float] = ..., dropout: _Optional[float] = ..., augmentation: _Optional[_Union[Augmentation, _Mapping]] = ..., early_stopping_patience: _Optional[int] = ..., plateau_patience: _Optional[int] = ..., validation_fraction: _Optional[float] = ..., workers: _Optional[int] = ..., seed: _Optional[int] = ...) -> None: ...
