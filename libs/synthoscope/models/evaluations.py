"""What a classifier is measured on. Needs neither torch nor scikit-learn."""

from synthoscope.api.models.v1.models_pb2 import ClassMetrics, Evaluation, ModelVersion

TEST = "test"
"""The test split as imported."""

DEDUPLICATED = "test-deduplicated"
"""The same without images that have a copy, or another image of their patient, in the training split."""

VALIDATION = "validation"
"""What was held out of the training split."""

_TITLES = {
    TEST: "test, as imported",
    DEDUPLICATED: "test, without copies (and patients) of training images",
}


def title(evaluation: Evaluation) -> str:
    """What it was measured on, in words."""
    if evaluation.grouped_by:
        return f"{evaluation.split}, {' and '.join(evaluation.grouped_by)} kept out of training"
    return _TITLES.get(evaluation.split, evaluation.split)


def image_count(evaluation: Evaluation) -> int:
    """Images measured on; 0 when all were left out."""
    return sum(item.support for item in evaluation.classes)


def is_measured(scores: Evaluation | ClassMetrics, name: str) -> bool:
    """Whether there is such a score; one that is always there is."""
    return not scores.DESCRIPTOR.fields_by_name[name].has_presence or scores.HasField(name)


def find(version: ModelVersion, split: str) -> Evaluation | None:
    """A classifier's evaluation on one of these."""
    return next((item for item in version.evaluations if item.split == split), None)
