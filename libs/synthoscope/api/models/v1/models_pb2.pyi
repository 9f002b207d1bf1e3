import datetime

from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from synthoscope.api.datasets.v1 import datasets_pb2 as _datasets_pb2
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

class ModelOutput(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODEL_OUTPUT_UNSPECIFIED: _ClassVar[ModelOutput]
    MODEL_OUTPUT_SOFTMAX: _ClassVar[ModelOutput]
    MODEL_OUTPUT_FINDINGS: _ClassVar[ModelOutput]
MODEL_KIND_UNSPECIFIED: ModelKind
MODEL_KIND_GAN: ModelKind
MODEL_KIND_CLASSIFIER: ModelKind
MODEL_OUTPUT_UNSPECIFIED: ModelOutput
MODEL_OUTPUT_SOFTMAX: ModelOutput
MODEL_OUTPUT_FINDINGS: ModelOutput

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
    __slots__ = ("label", "precision", "recall", "f1", "support", "specificity", "auroc", "auprc")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    RECALL_FIELD_NUMBER: _ClassVar[int]
    F1_FIELD_NUMBER: _ClassVar[int]
    SUPPORT_FIELD_NUMBER: _ClassVar[int]
    SPECIFICITY_FIELD_NUMBER: _ClassVar[int]
    AUROC_FIELD_NUMBER: _ClassVar[int]
    AUPRC_FIELD_NUMBER: _ClassVar[int]
    label: str
    precision: float
    recall: float
    f1: float
    support: int
    specificity: float
    auroc: float
    auprc: float
    def __init__(self, label: _Optional[str] = ..., precision: _Optional[float] = ..., recall: _Optional[float] = ..., f1: _Optional[float] = ..., support: _Optional[int] = ..., specificity: _Optional[float] = ..., auroc: _Optional[float] = ..., auprc: _Optional[float] = ...) -> None: ...

class Interval(_message.Message):
    __slots__ = ("low", "high")
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    low: float
    high: float
    def __init__(self, low: _Optional[float] = ..., high: _Optional[float] = ...) -> None: ...

class RocCurve(_message.Message):
    __slots__ = ("label", "false_positive_rates", "true_positive_rates")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    FALSE_POSITIVE_RATES_FIELD_NUMBER: _ClassVar[int]
    TRUE_POSITIVE_RATES_FIELD_NUMBER: _ClassVar[int]
    label: str
    false_positive_rates: _containers.RepeatedScalarFieldContainer[float]
    true_positive_rates: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, label: _Optional[str] = ..., false_positive_rates: _Optional[_Iterable[float]] = ..., true_positive_rates: _Optional[_Iterable[float]] = ...) -> None: ...

class ReliabilityBin(_message.Message):
    __slots__ = ("confidence", "accuracy", "count")
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    confidence: float
    accuracy: float
    count: int
    def __init__(self, confidence: _Optional[float] = ..., accuracy: _Optional[float] = ..., count: _Optional[int] = ...) -> None: ...

class Subgroup(_message.Message):
    __slots__ = ("column", "value", "images", "accuracy", "balanced_accuracy", "accuracy_interval", "auroc")
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    BALANCED_ACCURACY_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    AUROC_FIELD_NUMBER: _ClassVar[int]
    column: str
    value: str
    images: int
    accuracy: float
    balanced_accuracy: float
    accuracy_interval: Interval
    auroc: float
    def __init__(self, column: _Optional[str] = ..., value: _Optional[str] = ..., images: _Optional[int] = ..., accuracy: _Optional[float] = ..., balanced_accuracy: _Optional[float] = ..., accuracy_interval: _Optional[_Union[Interval, _Mapping]] = ..., auroc: _Optional[float] = ...) -> None: ...

class SubgroupGap(_message.Message):
    __slots__ = ("column", "worst", "best", "difference", "interval")
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    WORST_FIELD_NUMBER: _ClassVar[int]
    BEST_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    column: str
    worst: str
    best: str
    difference: float
    interval: Interval
    def __init__(self, column: _Optional[str] = ..., worst: _Optional[str] = ..., best: _Optional[str] = ..., difference: _Optional[float] = ..., interval: _Optional[_Union[Interval, _Mapping]] = ...) -> None: ...

class ConfusionRow(_message.Message):
    __slots__ = ("counts",)
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    counts: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, counts: _Optional[_Iterable[int]] = ...) -> None: ...

class Evaluation(_message.Message):
    __slots__ = ("split", "accuracy", "macro_precision", "macro_recall", "macro_f1", "classes", "confusion", "grouped_by", "left_out", "balanced_accuracy", "weighted_precision", "weighted_recall", "weighted_f1", "macro_specificity", "auroc", "auprc", "brier", "expected_calibration_error", "intervals", "roc_curves", "reliability", "groups", "subgroups", "worst_gap", "refused", "set_coverage", "mean_set_size")
    class IntervalsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Interval
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Interval, _Mapping]] = ...) -> None: ...
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    MACRO_PRECISION_FIELD_NUMBER: _ClassVar[int]
    MACRO_RECALL_FIELD_NUMBER: _ClassVar[int]
    MACRO_F1_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    CONFUSION_FIELD_NUMBER: _ClassVar[int]
    GROUPED_BY_FIELD_NUMBER: _ClassVar[int]
    LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    BALANCED_ACCURACY_FIELD_NUMBER: _ClassVar[int]
    WEIGHTED_PRECISION_FIELD_NUMBER: _ClassVar[int]
    WEIGHTED_RECALL_FIELD_NUMBER: _ClassVar[int]
    WEIGHTED_F1_FIELD_NUMBER: _ClassVar[int]
    MACRO_SPECIFICITY_FIELD_NUMBER: _ClassVar[int]
    AUROC_FIELD_NUMBER: _ClassVar[int]
    AUPRC_FIELD_NUMBER: _ClassVar[int]
    BRIER_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_CALIBRATION_ERROR_FIELD_NUMBER: _ClassVar[int]
    INTERVALS_FIELD_NUMBER: _ClassVar[int]
    ROC_CURVES_FIELD_NUMBER: _ClassVar[int]
    RELIABILITY_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    SUBGROUPS_FIELD_NUMBER: _ClassVar[int]
    WORST_GAP_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    SET_COVERAGE_FIELD_NUMBER: _ClassVar[int]
    MEAN_SET_SIZE_FIELD_NUMBER: _ClassVar[int]
    split: str
    accuracy: float
    macro_precision: float
    macro_recall: float
    macro_f1: float
    classes: _containers.RepeatedCompositeFieldContainer[ClassMetrics]
    confusion: _containers.RepeatedCompositeFieldContainer[ConfusionRow]
    grouped_by: _containers.RepeatedScalarFieldContainer[str]
    left_out: int
    balanced_accuracy: float
    weighted_precision: float
    weighted_recall: float
    weighted_f1: float
    macro_specificity: float
    auroc: float
    auprc: float
    brier: float
    expected_calibration_error: float
    intervals: _containers.MessageMap[str, Interval]
    roc_curves: _containers.RepeatedCompositeFieldContainer[RocCurve]
    reliability: _containers.RepeatedCompositeFieldContainer[ReliabilityBin]
    groups: int
    subgroups: _containers.RepeatedCompositeFieldContainer[Subgroup]
    worst_gap: SubgroupGap
    refused: float
    set_coverage: float
    mean_set_size: float
    def __init__(self, split: _Optional[str] = ..., accuracy: _Optional[float] = ..., macro_precision: _Optional[float] = ..., macro_recall: _Optional[float] = ..., macro_f1: _Optional[float] = ..., classes: _Optional[_Iterable[_Union[ClassMetrics, _Mapping]]] = ..., confusion: _Optional[_Iterable[_Union[ConfusionRow, _Mapping]]] = ..., grouped_by: _Optional[_Iterable[str]] = ..., left_out: _Optional[int] = ..., balanced_accuracy: _Optional[float] = ..., weighted_precision: _Optional[float] = ..., weighted_recall: _Optional[float] = ..., weighted_f1: _Optional[float] = ..., macro_specificity: _Optional[float] = ..., auroc: _Optional[float] = ..., auprc: _Optional[float] = ..., brier: _Optional[float] = ..., expected_calibration_error: _Optional[float] = ..., intervals: _Optional[_Mapping[str, Interval]] = ..., roc_curves: _Optional[_Iterable[_Union[RocCurve, _Mapping]]] = ..., reliability: _Optional[_Iterable[_Union[ReliabilityBin, _Mapping]]] = ..., groups: _Optional[int] = ..., subgroups: _Optional[_Iterable[_Union[Subgroup, _Mapping]]] = ..., worst_gap: _Optional[_Union[SubgroupGap, _Mapping]] = ..., refused: _Optional[float] = ..., set_coverage: _Optional[float] = ..., mean_set_size: _Optional[float] = ...) -> None: ...

class ConformalPrediction(_message.Message):
    __slots__ = ("coverage", "threshold", "images", "measured_coverage", "mean_set_size", "empty_sets")
    COVERAGE_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    MEASURED_COVERAGE_FIELD_NUMBER: _ClassVar[int]
    MEAN_SET_SIZE_FIELD_NUMBER: _ClassVar[int]
    EMPTY_SETS_FIELD_NUMBER: _ClassVar[int]
    coverage: float
    threshold: float
    images: int
    measured_coverage: float
    mean_set_size: float
    empty_sets: float
    def __init__(self, coverage: _Optional[float] = ..., threshold: _Optional[float] = ..., images: _Optional[int] = ..., measured_coverage: _Optional[float] = ..., mean_set_size: _Optional[float] = ..., empty_sets: _Optional[float] = ...) -> None: ...

class OperatingPoint(_message.Message):
    __slots__ = ("label", "sensitivity", "threshold", "images")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    SENSITIVITY_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    label: str
    sensitivity: float
    threshold: float
    images: int
    def __init__(self, label: _Optional[str] = ..., sensitivity: _Optional[float] = ..., threshold: _Optional[float] = ..., images: _Optional[int] = ...) -> None: ...

class OutOfDistribution(_message.Message):
    __slots__ = ("method", "neighbours", "threshold", "false_refusals", "refused")
    class RefusedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    METHOD_FIELD_NUMBER: _ClassVar[int]
    NEIGHBOURS_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    FALSE_REFUSALS_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    method: str
    neighbours: int
    threshold: float
    false_refusals: float
    refused: _containers.ScalarMap[str, float]
    def __init__(self, method: _Optional[str] = ..., neighbours: _Optional[int] = ..., threshold: _Optional[float] = ..., false_refusals: _Optional[float] = ..., refused: _Optional[_Mapping[str, float]] = ...) -> None: ...

class Histogram(_message.Message):
    __slots__ = ("name", "edges", "counts")
    NAME_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    edges: _containers.RepeatedScalarFieldContainer[float]
    counts: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, name: _Optional[str] = ..., edges: _Optional[_Iterable[float]] = ..., counts: _Optional[_Iterable[int]] = ...) -> None: ...

class Reliability(_message.Message):
    __slots__ = ("temperature", "conformal", "out_of_distribution", "histograms", "explanation_scales", "operating_point", "export_difference")
    class ExplanationScalesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    CONFORMAL_FIELD_NUMBER: _ClassVar[int]
    OUT_OF_DISTRIBUTION_FIELD_NUMBER: _ClassVar[int]
    HISTOGRAMS_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_SCALES_FIELD_NUMBER: _ClassVar[int]
    OPERATING_POINT_FIELD_NUMBER: _ClassVar[int]
    EXPORT_DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    temperature: float
    conformal: ConformalPrediction
    out_of_distribution: OutOfDistribution
    histograms: _containers.RepeatedCompositeFieldContainer[Histogram]
    explanation_scales: _containers.ScalarMap[str, float]
    operating_point: OperatingPoint
    export_difference: float
    def __init__(self, temperature: _Optional[float] = ..., conformal: _Optional[_Union[ConformalPrediction, _Mapping]] = ..., out_of_distribution: _Optional[_Union[OutOfDistribution, _Mapping]] = ..., histograms: _Optional[_Iterable[_Union[Histogram, _Mapping]]] = ..., explanation_scales: _Optional[_Mapping[str, float]] = ..., operating_point: _Optional[_Union[OperatingPoint, _Mapping]] = ..., export_difference: _Optional[float] = ...) -> None: ...

class Robustness(_message.Message):
    __slots__ = ("change", "strength", "parameter", "accuracy", "balanced_accuracy", "expected_calibration_error", "refused")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    STRENGTH_FIELD_NUMBER: _ClassVar[int]
    PARAMETER_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    BALANCED_ACCURACY_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_CALIBRATION_ERROR_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    change: str
    strength: int
    parameter: float
    accuracy: float
    balanced_accuracy: float
    expected_calibration_error: float
    refused: float
    def __init__(self, change: _Optional[str] = ..., strength: _Optional[int] = ..., parameter: _Optional[float] = ..., accuracy: _Optional[float] = ..., balanced_accuracy: _Optional[float] = ..., expected_calibration_error: _Optional[float] = ..., refused: _Optional[float] = ...) -> None: ...

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
    __slots__ = ("dataset_version", "synthetic_sets", "job", "code_version", "seed", "synthetic_uses", "accepted_unadmitted", "parents", "synthetic_only")
    DATASET_VERSION_FIELD_NUMBER: _ClassVar[int]
    SYNTHETIC_SETS_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    CODE_VERSION_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SYNTHETIC_USES_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_UNADMITTED_FIELD_NUMBER: _ClassVar[int]
    PARENTS_FIELD_NUMBER: _ClassVar[int]
    SYNTHETIC_ONLY_FIELD_NUMBER: _ClassVar[int]
    dataset_version: str
    synthetic_sets: _containers.RepeatedScalarFieldContainer[str]
    job: str
    code_version: str
    seed: int
    synthetic_uses: _containers.RepeatedCompositeFieldContainer[SyntheticUse]
    accepted_unadmitted: bool
    parents: _containers.RepeatedScalarFieldContainer[str]
    synthetic_only: bool
    def __init__(self, dataset_version: _Optional[str] = ..., synthetic_sets: _Optional[_Iterable[str]] = ..., job: _Optional[str] = ..., code_version: _Optional[str] = ..., seed: _Optional[int] = ..., synthetic_uses: _Optional[_Iterable[_Union[SyntheticUse, _Mapping]]] = ..., accepted_unadmitted: _Optional[bool] = ..., parents: _Optional[_Iterable[str]] = ..., synthetic_only: _Optional[bool] = ...) -> None: ...

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
    __slots__ = ("name", "kind", "classes", "preset", "image_size", "config", "evaluations", "curves", "sample_grids", "lineage", "files", "create_time", "preprocessing", "output", "reliability", "robustness")
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
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    RELIABILITY_FIELD_NUMBER: _ClassVar[int]
    ROBUSTNESS_FIELD_NUMBER: _ClassVar[int]
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
    output: ModelOutput
    reliability: Reliability
    robustness: _containers.RepeatedCompositeFieldContainer[Robustness]
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[_Union[ModelKind, str]] = ..., classes: _Optional[_Iterable[str]] = ..., preset: _Optional[str] = ..., image_size: _Optional[int] = ..., config: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., evaluations: _Optional[_Iterable[_Union[Evaluation, _Mapping]]] = ..., curves: _Optional[_Iterable[_Union[Curve, _Mapping]]] = ..., sample_grids: _Optional[_Iterable[_Union[SampleGrid, _Mapping]]] = ..., lineage: _Optional[_Union[Lineage, _Mapping]] = ..., files: _Optional[_Iterable[_Union[ModelFile, _Mapping]]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., preprocessing: _Optional[_Union[_preprocessing_pb2.Preprocessing, _Mapping]] = ..., output: _Optional[_Union[ModelOutput, str]] = ..., reliability: _Optional[_Union[Reliability, _Mapping]] = ..., robustness: _Optional[_Iterable[_Union[Robustness, _Mapping]]] = ...) -> None: ...

class ModelAlias(_message.Message):
    __slots__ = ("name", "model_version", "promotion", "update_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    PROMOTION_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    model_version: str
    promotion: str
    update_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., model_version: _Optional[str] = ..., promotion: _Optional[str] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class TrafficSplit(_message.Message):
    __slots__ = ("name", "candidate", "canary", "shadow", "update_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CANDIDATE_FIELD_NUMBER: _ClassVar[int]
    CANARY_FIELD_NUMBER: _ClassVar[int]
    SHADOW_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    candidate: str
    canary: float
    shadow: float
    update_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., candidate: _Optional[str] = ..., canary: _Optional[float] = ..., shadow: _Optional[float] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PromotionCheck(_message.Message):
    __slots__ = ("name", "passed", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PASSED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    passed: bool
    reason: str
    def __init__(self, name: _Optional[str] = ..., passed: _Optional[bool] = ..., reason: _Optional[str] = ...) -> None: ...

class Promotion(_message.Message):
    __slots__ = ("name", "alias", "model_version", "previous", "checks", "accepted", "rollback", "create_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    ROLLBACK_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    alias: str
    model_version: str
    previous: str
    checks: _containers.RepeatedCompositeFieldContainer[PromotionCheck]
    accepted: bool
    rollback: bool
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., alias: _Optional[str] = ..., model_version: _Optional[str] = ..., previous: _Optional[str] = ..., checks: _Optional[_Iterable[_Union[PromotionCheck, _Mapping]]] = ..., accepted: _Optional[bool] = ..., rollback: _Optional[bool] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ModelEvaluation(_message.Message):
    __slots__ = ("name", "dataset_version", "split", "synthetic_sets", "known", "evaluation", "job", "code_version", "create_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DATASET_VERSION_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    SYNTHETIC_SETS_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    EVALUATION_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    CODE_VERSION_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    dataset_version: str
    split: _datasets_pb2.Split
    synthetic_sets: _containers.RepeatedScalarFieldContainer[str]
    known: int
    evaluation: Evaluation
    job: str
    code_version: str
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., dataset_version: _Optional[str] = ..., split: _Optional[_Union[_datasets_pb2.Split, str]] = ..., synthetic_sets: _Optional[_Iterable[str]] = ..., known: _Optional[int] = ..., evaluation: _Optional[_Union[Evaluation, _Mapping]] = ..., job: _Optional[str] = ..., code_version: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
