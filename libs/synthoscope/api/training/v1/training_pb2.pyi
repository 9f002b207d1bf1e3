from synthoscope.api.models.v1 import models_pb2 as _models_pb2
from google.protobuf.internal import containers as _containers
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

class GanOptimizer(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GAN_OPTIMIZER_UNSPECIFIED: _ClassVar[GanOptimizer]
    GAN_OPTIMIZER_ADAM: _ClassVar[GanOptimizer]
    GAN_OPTIMIZER_RMSPROP: _ClassVar[GanOptimizer]

class ClassifierOptimizer(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CLASSIFIER_OPTIMIZER_UNSPECIFIED: _ClassVar[ClassifierOptimizer]
    CLASSIFIER_OPTIMIZER_ADAM: _ClassVar[ClassifierOptimizer]
    CLASSIFIER_OPTIMIZER_ADAMW: _ClassVar[ClassifierOptimizer]
    CLASSIFIER_OPTIMIZER_SGD: _ClassVar[ClassifierOptimizer]
    CLASSIFIER_OPTIMIZER_RMSPROP: _ClassVar[ClassifierOptimizer]

class LearningRateSchedule(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LEARNING_RATE_SCHEDULE_UNSPECIFIED: _ClassVar[LearningRateSchedule]
    LEARNING_RATE_SCHEDULE_PLATEAU: _ClassVar[LearningRateSchedule]
    LEARNING_RATE_SCHEDULE_COSINE: _ClassVar[LearningRateSchedule]
    LEARNING_RATE_SCHEDULE_CONSTANT: _ClassVar[LearningRateSchedule]

class ClassBalance(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CLASS_BALANCE_UNSPECIFIED: _ClassVar[ClassBalance]
    CLASS_BALANCE_NONE: _ClassVar[ClassBalance]
    CLASS_BALANCE_WEIGHTED_LOSS: _ClassVar[ClassBalance]
    CLASS_BALANCE_SAMPLING: _ClassVar[ClassBalance]

class ClassifierHead(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CLASSIFIER_HEAD_UNSPECIFIED: _ClassVar[ClassifierHead]
    CLASSIFIER_HEAD_FLATTENED: _ClassVar[ClassifierHead]
    CLASSIFIER_HEAD_POOLED: _ClassVar[ClassifierHead]
GAN_CONDITIONING_UNSPECIFIED: GanConditioning
GAN_CONDITIONING_UNCONDITIONAL: GanConditioning
GAN_CONDITIONING_PER_CLASS: GanConditioning
GAN_CONDITIONING_CONDITIONAL: GanConditioning
GAN_OPTIMIZER_UNSPECIFIED: GanOptimizer
GAN_OPTIMIZER_ADAM: GanOptimizer
GAN_OPTIMIZER_RMSPROP: GanOptimizer
CLASSIFIER_OPTIMIZER_UNSPECIFIED: ClassifierOptimizer
CLASSIFIER_OPTIMIZER_ADAM: ClassifierOptimizer
CLASSIFIER_OPTIMIZER_ADAMW: ClassifierOptimizer
CLASSIFIER_OPTIMIZER_SGD: ClassifierOptimizer
CLASSIFIER_OPTIMIZER_RMSPROP: ClassifierOptimizer
LEARNING_RATE_SCHEDULE_UNSPECIFIED: LearningRateSchedule
LEARNING_RATE_SCHEDULE_PLATEAU: LearningRateSchedule
LEARNING_RATE_SCHEDULE_COSINE: LearningRateSchedule
LEARNING_RATE_SCHEDULE_CONSTANT: LearningRateSchedule
CLASS_BALANCE_UNSPECIFIED: ClassBalance
CLASS_BALANCE_NONE: ClassBalance
CLASS_BALANCE_WEIGHTED_LOSS: ClassBalance
CLASS_BALANCE_SAMPLING: ClassBalance
CLASSIFIER_HEAD_UNSPECIFIED: ClassifierHead
CLASSIFIER_HEAD_FLATTENED: ClassifierHead
CLASSIFIER_HEAD_POOLED: ClassifierHead

class GanTrainingConfig(_message.Message):
    __slots__ = ("preset", "conditioning", "epochs", "batch_size", "learning_rate", "beta1", "workers", "sample_every", "checkpoint_every", "seed", "image_size", "channels", "width", "optimizer", "beta2", "generator_rate", "final_rate", "critic_steps", "gradient_penalty", "r1", "r2", "final_penalty", "penalty_every", "spectral_norm", "minibatch_discrimination", "weight_clip", "weight_decay", "class_weight", "code_weight", "ema_kimg", "augment", "augment_ramp", "horizontal_flip", "class_ramp", "class_epochs", "start_from", "measure_kimg", "mixed_precision", "channels_last", "compile", "min_workers")
    class ClassEpochsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
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
    IMAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZER_FIELD_NUMBER: _ClassVar[int]
    BETA2_FIELD_NUMBER: _ClassVar[int]
    GENERATOR_RATE_FIELD_NUMBER: _ClassVar[int]
    FINAL_RATE_FIELD_NUMBER: _ClassVar[int]
    CRITIC_STEPS_FIELD_NUMBER: _ClassVar[int]
    GRADIENT_PENALTY_FIELD_NUMBER: _ClassVar[int]
    R1_FIELD_NUMBER: _ClassVar[int]
    R2_FIELD_NUMBER: _ClassVar[int]
    FINAL_PENALTY_FIELD_NUMBER: _ClassVar[int]
    PENALTY_EVERY_FIELD_NUMBER: _ClassVar[int]
    SPECTRAL_NORM_FIELD_NUMBER: _ClassVar[int]
    MINIBATCH_DISCRIMINATION_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_CLIP_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_DECAY_FIELD_NUMBER: _ClassVar[int]
    CLASS_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    CODE_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    EMA_KIMG_FIELD_NUMBER: _ClassVar[int]
    AUGMENT_FIELD_NUMBER: _ClassVar[int]
    AUGMENT_RAMP_FIELD_NUMBER: _ClassVar[int]
    HORIZONTAL_FLIP_FIELD_NUMBER: _ClassVar[int]
    CLASS_RAMP_FIELD_NUMBER: _ClassVar[int]
    CLASS_EPOCHS_FIELD_NUMBER: _ClassVar[int]
    START_FROM_FIELD_NUMBER: _ClassVar[int]
    MEASURE_KIMG_FIELD_NUMBER: _ClassVar[int]
    MIXED_PRECISION_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_LAST_FIELD_NUMBER: _ClassVar[int]
    COMPILE_FIELD_NUMBER: _ClassVar[int]
    MIN_WORKERS_FIELD_NUMBER: _ClassVar[int]
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
    image_size: int
    channels: int
    width: int
    optimizer: GanOptimizer
    beta2: float
    generator_rate: float
    final_rate: float
    critic_steps: int
    gradient_penalty: float
    r1: float
    r2: float
    final_penalty: float
    penalty_every: int
    spectral_norm: bool
    minibatch_discrimination: bool
    weight_clip: float
    weight_decay: float
    class_weight: float
    code_weight: float
    ema_kimg: float
    augment: float
    augment_ramp: float
    horizontal_flip: bool
    class_ramp: float
    class_epochs: _containers.ScalarMap[str, int]
    start_from: str
    measure_kimg: float
    mixed_precision: bool
    channels_last: bool
    compile: bool
    min_workers: int
    def __init__(self, preset: _Optional[str] = ..., conditioning: _Optional[_Union[GanConditioning, str]] = ..., epochs: _Optional[int] = ..., batch_size: _Optional[int] = ..., learning_rate: _Optional[float] = ..., beta1: _Optional[float] = ..., workers: _Optional[int] = ..., sample_every: _Optional[int] = ..., checkpoint_every: _Optional[int] = ..., seed: _Optional[int] = ..., image_size: _Optional[int] = ..., channels: _Optional[int] = ..., width: _Optional[int] = ..., optimizer: _Optional[_Union[GanOptimizer, str]] = ..., beta2: _Optional[float] = ..., generator_rate: _Optional[float] = ..., final_rate: _Optional[float] = ..., critic_steps: _Optional[int] = ..., gradient_penalty: _Optional[float] = ..., r1: _Optional[float] = ..., r2: _Optional[float] = ..., final_penalty: _Optional[float] = ..., penalty_every: _Optional[int] = ..., spectral_norm: _Optional[bool] = ..., minibatch_discrimination: _Optional[bool] = ..., weight_clip: _Optional[float] = ..., weight_decay: _Optional[float] = ..., class_weight: _Optional[float] = ..., code_weight: _Optional[float] = ..., ema_kimg: _Optional[float] = ..., augment: _Optional[float] = ..., augment_ramp: _Optional[float] = ..., horizontal_flip: _Optional[bool] = ..., class_ramp: _Optional[float] = ..., class_epochs: _Optional[_Mapping[str, int]] = ..., start_from: _Optional[str] = ..., measure_kimg: _Optional[float] = ..., mixed_precision: _Optional[bool] = ..., channels_last: _Optional[bool] = ..., compile: _Optional[bool] = ..., min_workers: _Optional[int] = ...) -> None: ...

class Augmentation(_message.Message):
    __slots__ = ("rotation_degrees", "brightness", "width_shift", "height_shift", "shear_degrees", "horizontal_flip", "zoom", "contrast", "vertical_flip", "crop")
    ROTATION_DEGREES_FIELD_NUMBER: _ClassVar[int]
    BRIGHTNESS_FIELD_NUMBER: _ClassVar[int]
    WIDTH_SHIFT_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_SHIFT_FIELD_NUMBER: _ClassVar[int]
    SHEAR_DEGREES_FIELD_NUMBER: _ClassVar[int]
    HORIZONTAL_FLIP_FIELD_NUMBER: _ClassVar[int]
    ZOOM_FIELD_NUMBER: _ClassVar[int]
    CONTRAST_FIELD_NUMBER: _ClassVar[int]
    VERTICAL_FLIP_FIELD_NUMBER: _ClassVar[int]
    CROP_FIELD_NUMBER: _ClassVar[int]
    rotation_degrees: float
    brightness: float
    width_shift: float
    height_shift: float
    shear_degrees: float
    horizontal_flip: bool
    zoom: float
    contrast: float
    vertical_flip: bool
    crop: float
    def __init__(self, rotation_degrees: _Optional[float] = ..., brightness: _Optional[float] = ..., width_shift: _Optional[float] = ..., height_shift: _Optional[float] = ..., shear_degrees: _Optional[float] = ..., horizontal_flip: _Optional[bool] = ..., zoom: _Optional[float] = ..., contrast: _Optional[float] = ..., vertical_flip: _Optional[bool] = ..., crop: _Optional[float] = ...) -> None: ...

class ClassifierTrainingConfig(_message.Message):
    __slots__ = ("preset", "epochs", "batch_size", "learning_rate", "dropout", "augmentation", "early_stopping_patience", "plateau_patience", "validation_fraction", "workers", "seed", "horizontal_flip", "image_size", "optimizer", "weight_decay", "schedule", "label_smoothing", "mixup", "ema_decay", "class_balance", "weights", "frozen_epochs", "backbone_rate", "head", "output", "no_finding", "steps_per_epoch", "mixed_precision", "compile", "evaluation_crop", "operating_label", "operating_sensitivity", "robustness_images")
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
    HORIZONTAL_FLIP_FIELD_NUMBER: _ClassVar[int]
    IMAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZER_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_DECAY_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    LABEL_SMOOTHING_FIELD_NUMBER: _ClassVar[int]
    MIXUP_FIELD_NUMBER: _ClassVar[int]
    EMA_DECAY_FIELD_NUMBER: _ClassVar[int]
    CLASS_BALANCE_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    FROZEN_EPOCHS_FIELD_NUMBER: _ClassVar[int]
    BACKBONE_RATE_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    NO_FINDING_FIELD_NUMBER: _ClassVar[int]
    STEPS_PER_EPOCH_FIELD_NUMBER: _ClassVar[int]
    MIXED_PRECISION_FIELD_NUMBER: _ClassVar[int]
    COMPILE_FIELD_NUMBER: _ClassVar[int]
    EVALUATION_CROP_FIELD_NUMBER: _ClassVar[int]
    OPERATING_LABEL_FIELD_NUMBER: _ClassVar[int]
    OPERATING_SENSITIVITY_FIELD_NUMBER: _ClassVar[int]
    ROBUSTNESS_IMAGES_FIELD_NUMBER: _ClassVar[int]
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
    horizontal_flip: bool
    image_size: int
    optimizer: ClassifierOptimizer
    weight_decay: float
    schedule: LearningRateSchedule
    label_smoothing: float
    mixup: float
    ema_decay: float
    class_balance: ClassBalance
    weights: str
    frozen_epochs: int
    backbone_rate: float
    head: ClassifierHead
    output: _models_pb2.ModelOutput
    no_finding: str
    steps_per_epoch: int
    mixed_precision: bool
    compile: bool
    evaluation_crop: float
    operating_label: str
    operating_sensitivity: float
    robustness_images: int
    def __init__(self, preset: _Optional[str] = ..., epochs: _Optional[int] = ..., batch_size: _Optional[int] = ..., learning_rate: _Optional[float] = ..., dropout: _Optional[float] = ..., augmentation: _Optional[_Union[Augmentation, _Mapping]] = ..., early_stopping_patience: _Optional[int] = ..., plateau_patience: _Optional[int] = ..., validation_fraction: _Optional[float] = ..., workers: _Optional[int] = ..., seed: _Optional[int] = ..., horizontal_flip: _Optional[bool] = ..., image_size: _Optional[int] = ..., optimizer: _Optional[_Union[ClassifierOptimizer, str]] = ..., weight_decay: _Optional[float] = ..., schedule: _Optional[_Union[LearningRateSchedule, str]] = ..., label_smoothing: _Optional[float] = ..., mixup: _Optional[float] = ..., ema_decay: _Optional[float] = ..., class_balance: _Optional[_Union[ClassBalance, str]] = ..., weights: _Optional[str] = ..., frozen_epochs: _Optional[int] = ..., backbone_rate: _Optional[float] = ..., head: _Optional[_Union[ClassifierHead, str]] = ..., output: _Optional[_Union[_models_pb2.ModelOutput, str]] = ..., no_finding: _Optional[str] = ..., steps_per_epoch: _Optional[int] = ..., mixed_precision: _Optional[bool] = ..., compile: _Optional[bool] = ..., evaluation_crop: _Optional[float] = ..., operating_label: _Optional[str] = ..., operating_sensitivity: _Optional[float] = ..., robustness_images: _Optional[int] = ...) -> None: ...
