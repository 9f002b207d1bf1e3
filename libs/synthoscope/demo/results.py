"""What the demo found, for its report and its summary."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synthoscope.api.classification.v1.classification_pb2 import Diagnosis
from synthoscope.api.datasets.v1.audits_pb2 import DatasetAudit
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion, Split
from synthoscope.api.jobs.v1.jobs_pb2 import Job, JobState
from synthoscope.api.models.v1.models_pb2 import Evaluation, ModelVersion
from synthoscope.api.synthesis.v1.synthesis_pb2 import SyntheticSet
from synthoscope.api.tuning.v1.tuning_pb2 import Study
from synthoscope.demo.budget import DemoBudget
from synthoscope.models.evaluations import DEDUPLICATED, TEST, VALIDATION, find, image_count
from synthoscope.synthetic.verdicts import described, reasons


@dataclass(frozen=True)
class Explained:
    """One diagnosed test image: its path in the dataset, its true class, and its pictures as PNG or JPEG bytes."""

    path: str
    truth: str
    diagnosis: Diagnosis
    original: bytes
    overlay: bytes
    overlay_file: str


@dataclass(frozen=True)
class GanRun:
    """The GAN's training: its job, what it published, its last sample grid per class as PNG bytes, its mean rate."""

    job: Job
    version: ModelVersion
    grids: Mapping[str, bytes]
    images_per_second: float

    @property
    def seconds(self) -> float:
        """From the first step to the end."""
        return self.job.end_time.ToDatetime().timestamp() - self.job.start_time.ToDatetime().timestamp()


@dataclass(frozen=True)
class DemoResults:
    """Everything that the report shows."""

    budget: DemoBudget
    dataset: DatasetVersion
    audit: DatasetAudit
    gan: GanRun
    synthetic_set: SyntheticSet
    synthetic_grid: bytes
    real: ModelVersion
    real_plus_synthetic: ModelVersion
    classifier_study: Study
    gan_study: Study
    explained: Sequence[Explained]
    seconds: float


def test_evaluation(version: ModelVersion) -> Evaluation:
    """A classifier's results on the test split, or on validation when the dataset has no test split."""
    by_split = {evaluation.split: evaluation for evaluation in version.evaluations}
    return by_split.get(TEST) or by_split[VALIDATION]


def summary(results: DemoResults) -> dict[str, Any]:
    """The results as JSON-able values: what OUT/summary.json holds."""
    return {
        "dataset": {
            "name": results.dataset.name.split("/")[3],
            "version": results.dataset.name,
            "counts": split_counts(results.dataset),
        },
        "audit": {
            "pairs": sum(item.count for item in results.audit.pair_counts),
            "label_conflicts": len(results.audit.label_conflicts),
            "test_with_twin_in_train": {
                label: {"count": twins.count, "of": twins.of}
                for label, twins in sorted(results.audit.splits.test_with_twin_in_train.items())
            },
        },
        "gan": {
            "job": results.gan.job.name,
            "state": JobState.Name(results.gan.job.state).removeprefix("JOB_STATE_"),
            "model": results.gan.version.name,
            "seconds": round(results.gan.seconds, 1),
            "images_per_second": round(results.gan.images_per_second, 1),
        },
        "synthetic": {
            "set": results.synthetic_set.name,
            "count": results.synthetic_set.image_count,
            "verdict": described(results.synthetic_set.verdict.admission),
            "reasons": reasons(results.synthetic_set.verdict),
            "criteria": {
                item.name: item.value if item.HasField("value") else None
                for item in results.synthetic_set.verdict.criteria
            },
        },
        "classifier": {
            "real": _classifier(results.real),
            "real_plus_synthetic": _classifier(results.real_plus_synthetic),
        },
        "tuning": {"classifier": _study(results.classifier_study), "gan": _study(results.gan_study)},
        "diagnoses": [
            {
                "image": item.path,
                "truth": item.truth,
                "label": item.diagnosis.label,
                "refusal": item.diagnosis.refusal.message,
                "probabilities": {entry.label: entry.probability for entry in item.diagnosis.probabilities},
                "explanation": item.overlay_file,
            }
            for item in results.explained
        ],
        "seconds": round(results.seconds, 1),
    }


def split_counts(dataset: DatasetVersion) -> dict[str, dict[str, int]]:
    """Images per split ("train", "test") and class."""
    counts: dict[str, dict[str, int]] = {}
    for count in dataset.counts:
        split = Split.Name(count.split).removeprefix("SPLIT_").lower()
        counts.setdefault(split, {})[count.label] = count.count
    return counts


def _classifier(version: ModelVersion) -> dict[str, Any]:
    evaluation = test_evaluation(version)
    return {
        "model": version.name,
        "split": evaluation.split,
        "accuracy": evaluation.accuracy,
        "macro_f1": evaluation.macro_f1,
        "deduplicated": _deduplicated(find(version, DEDUPLICATED)),
    }


def _deduplicated(evaluation: Evaluation | None) -> dict[str, Any] | None:
    if evaluation is None:
        return None
    measured = bool(evaluation.classes)
    return {
        "accuracy": evaluation.accuracy if measured else None,
        "macro_f1": evaluation.macro_f1 if measured else None,
        "images": image_count(evaluation),
        "left_out": evaluation.left_out,
        "classes_without_images": [item.label for item in evaluation.classes if not item.support],
    }


def _study(study: Study) -> dict[str, Any]:
    best = [trial for trial in study.trials if trial.id == study.best_trial]
    return {
        "study": study.name,
        "trials": len(study.trials),
        "best": {"objective": best[0].best_objective, "parameters": dict(best[0].parameters)} if best else None,
    }
