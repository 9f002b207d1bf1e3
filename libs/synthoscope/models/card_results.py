"""What a model card says of a classifier's results: scores with their intervals, subgroups, changes of images."""

from collections.abc import Mapping
from typing import Any

from synthoscope.api.models.v1.models_pb2 import (
    ClassMetrics,
    Evaluation,
    Interval,
    ModelOutput,
    ModelVersion,
    Robustness,
    Subgroup,
    SubgroupGap,
)
from synthoscope.models import evaluations

SPLITS = (evaluations.TEST, evaluations.DEDUPLICATED, evaluations.VALIDATION)
"""In the order in which they are told of."""

_ALWAYS = ("accuracy", "macro_precision", "macro_recall", "macro_f1")
_SINCE_INTERVALS = ("balanced_accuracy", "weighted_precision", "weighted_recall", "weighted_f1")
_OPTIONAL = ("macro_specificity", "auroc", "auprc", "brier", "expected_calibration_error")
_OF_CLASSES = ("precision", "recall", "f1")
_OPTIONAL_OF_CLASSES = ("specificity", "auroc", "auprc")


def results(version: ModelVersion) -> list[dict[str, Any]]:
    """One entry a split; of one that was not measured, only its title. None stands for what was not measured."""
    findings = version.output == ModelOutput.MODEL_OUTPUT_FINDINGS
    return [_result(split, evaluations.find(version, split), findings) for split in SPLITS]


def robustness(row: Robustness) -> dict[str, Any]:
    """A row of the table of changed images."""
    return {
        "change": row.change or "unchanged",
        "strength": row.strength,
        "parameter": row.parameter,
        "accuracy": row.accuracy,
        "balanced_accuracy": row.balanced_accuracy,
        "expected_calibration_error": row.expected_calibration_error,
        "refused": row.refused,
    }


def _result(split: str, evaluation: Evaluation | None, findings: bool) -> dict[str, Any]:
    if evaluation is None or not evaluation.classes:
        left_out = evaluation.left_out if evaluation else 0
        return {"split": split, "title": evaluations.title(Evaluation(split=split)), "left_out": left_out, "scores": {}}
    return {
        "split": split,
        "title": evaluations.title(evaluation),
        "left_out": evaluation.left_out,
        # Of several findings an image, only how many images have each is on record.
        "images": None if findings else evaluations.image_count(evaluation),
        "groups": evaluation.groups or None,
        "scores": _scores(evaluation),
        "classes": [_class(item, evaluation.intervals) for item in evaluation.classes],
        "confusion": [list(row.counts) for row in evaluation.confusion],
        "refused": evaluation.refused if evaluation.HasField("refused") else None,
        "set_coverage": evaluation.set_coverage if evaluation.HasField("set_coverage") else None,
        "mean_set_size": evaluation.mean_set_size if evaluation.HasField("mean_set_size") else None,
        "subgroups": [_subgroup(item) for item in evaluation.subgroups],
        "worst_gap": _gap(evaluation.worst_gap) if evaluation.HasField("worst_gap") else None,
    }


def _scores(evaluation: Evaluation) -> dict[str, Any]:
    # Results from before there were intervals have no groups either, and 0 where other scores are now.
    plain = _ALWAYS + (_SINCE_INTERVALS if evaluation.groups else ())
    return {
        name: _score(getattr(evaluation, name), evaluation.intervals, name)
        for name in plain + tuple(name for name in _OPTIONAL if evaluation.HasField(name))
    }


def _class(item: ClassMetrics, intervals: Mapping[str, Interval]) -> dict[str, Any]:
    """A class without images has no scores: how well it is found was not measured."""
    measured = _OF_CLASSES if item.support else ()
    scores = {name: _score(getattr(item, name), intervals, f"{name}.{item.label}") for name in measured}
    scores |= {
        name: _score(getattr(item, name), intervals, f"{name}.{item.label}")
        for name in _OPTIONAL_OF_CLASSES
        if item.HasField(name)
    }
    everything = (*_OF_CLASSES, *_OPTIONAL_OF_CLASSES)
    return {"label": item.label, "images": item.support} | {name: scores.get(name) for name in everything}


def _score(value: float, intervals: Mapping[str, Interval], name: str) -> dict[str, Any]:
    return {"value": value, "interval": _interval(intervals[name]) if name in intervals else None}


def _interval(interval: Interval) -> list[float]:
    return [interval.low, interval.high]


def _subgroup(item: Subgroup) -> dict[str, Any]:
    return {
        "column": item.column,
        "value": item.value,
        "images": item.images,
        "accuracy": {
            "value": item.accuracy,
            "interval": _interval(item.accuracy_interval) if item.HasField("accuracy_interval") else None,
        },
        "balanced_accuracy": item.balanced_accuracy,
        "auroc": item.auroc if item.HasField("auroc") else None,
    }


def _gap(gap: SubgroupGap) -> dict[str, Any]:
    interval = _interval(gap.interval) if gap.HasField("interval") else None
    return {
        "column": gap.column,
        "worst": gap.worst,
        "best": gap.best,
        "difference": {"value": gap.difference, "interval": interval},
    }
