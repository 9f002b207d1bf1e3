"""What the training service asks of a version before it gets an alias."""

from collections.abc import Iterator
from dataclasses import dataclass

from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelOutput, ModelVersion, PromotionCheck
from synthoscope.metrics.sign_flip import sign_flip_p_value
from synthoscope.models import card, evaluations, predictions, versions
from synthoscope.models.pairing import Paired, pair
from synthoscope.objects import ObjectStore
from synthoscope.onnx_sessions import open_session
from synthoscope.rpc.errors import DataLoss, NotFound

_CLASSIFIER = ModelKind.MODEL_KIND_CLASSIFIER

_FILES_OF_CLASSIFIERS = (versions.WEIGHTS, versions.ONNX, versions.BANK, card.MARKDOWN, card.JSON)


@dataclass(frozen=True)
class Complete:
    """Passes a version that has all it should carry, undamaged.

    A classifier: weights, an ONNX model that ONNX Runtime can compute, the bank of features, a card, an evaluation on
    validation images, a temperature, what it refuses and, unless it gives findings, prediction sets. Any other:
    weights. Whether the weights fit the network is not seen: that would take torch, which this module does without.
    """

    name: str = "complete"

    def check(self, objects: ObjectStore, candidate: ModelVersion, incumbent: ModelVersion | None) -> PromotionCheck:
        """Names what is missing. Raises only what the store raises."""
        missing = list(_missing(objects, candidate))
        reason = f"lacks {', '.join(missing)}" if missing else "has all that a version of its kind carries"
        return PromotionCheck(name=self.name, passed=not missing, reason=reason)


def _missing(objects: ObjectStore, candidate: ModelVersion) -> Iterator[str]:
    for path in _FILES_OF_CLASSIFIERS if candidate.kind == _CLASSIFIER else (versions.WEIGHTS,):
        try:
            data = versions.read_file(objects, candidate, path)
            if path == versions.ONNX:
                open_session(data)
        except NotFound:
            yield path
        except DataLoss:
            yield f"an undamaged {path}"
        except ValueError:
            yield f"a {path} that can be computed"
    if candidate.kind == _CLASSIFIER:
        yield from _missing_measurements(candidate)


def _missing_measurements(candidate: ModelVersion) -> Iterator[str]:
    reliability = candidate.reliability
    if evaluations.find(candidate, evaluations.VALIDATION) is None:
        yield "an evaluation on validation images"
    if not reliability.temperature > 0:
        yield "a calibrated temperature"
    if not reliability.HasField("out_of_distribution"):
        yield "a threshold for what it refuses"
    # An image can have any number of findings: there is no set that holds the one that is true.
    if candidate.output != ModelOutput.MODEL_OUTPUT_FINDINGS and not reliability.HasField("conformal"):
        yield "prediction sets"


@dataclass(frozen=True)
class NotWorse:
    """Passes a classifier unless it is worse than the incumbent, as far as images can tell that neither learned from.

    Compared is how often each is right on the test images of both, or, when these have fewer than `fewest_groups`
    groups, on the validation images of both. A test image of one version may be a training image of the other, so only
    images that both held out count. What is worse by chance with a probability below `level` is held to be worse: a
    one-sided exact sign-flip test over groups of images.

    A GAN passes: it has nothing to be right about. What it makes is judged by synthetic set.
    """

    level: float = 0.05
    fewest_groups: int = 20
    name: str = "not_worse"

    def check(self, objects: ObjectStore, candidate: ModelVersion, incumbent: ModelVersion | None) -> PromotionCheck:
        """Compares the two. Raises DataLoss when the predictions of one cannot be read."""
        if incumbent is None:
            return self._found(True, "no version has the alias, so there is none to compare with")
        if candidate.kind != incumbent.kind:
            return self._found(False, f"is a model of another kind than {_short(incumbent)}, which has the alias")
        if candidate.kind != _CLASSIFIER:
            return self._found(True, "is not a classifier, so there is nothing to compare")
        unknown = sorted(set(incumbent.classes) - set(candidate.classes))
        if unknown:
            return self._found(False, f"does not know {', '.join(unknown)}, which {_short(incumbent)} knows")
        return self._compared(objects, candidate, incumbent)

    def _compared(self, objects: ObjectStore, candidate: ModelVersion, incumbent: ModelVersion) -> PromotionCheck:
        for split in (evaluations.TEST, evaluations.VALIDATION):
            ours, theirs = (predictions.read(objects, version, split) for version in (candidate, incumbent))
            if ours is None or theirs is None:
                continue
            paired = pair(ours, theirs)
            if paired.group_count >= self.fewest_groups:
                return self._judged(paired, split, incumbent)
        return self._found(
            False,
            f"cannot be compared with {_short(incumbent)}: fewer than {self.fewest_groups} groups of images were held "
            f"out by both; train both on {incumbent.lineage.dataset_version}, or on one that has its test split",
        )

    def _judged(self, paired: Paired, split: str, incumbent: ModelVersion) -> PromotionCheck:
        p_value = sign_flip_p_value(paired.first.astype(int) - paired.second.astype(int), paired.groups)
        passed = p_value >= self.level
        return self._found(
            passed,
            f"is right on {paired.first.mean():.1%} of {len(paired.first)} {split} images that both held out, "
            f"{_short(incumbent)} on {paired.second.mean():.1%}; that it is worse is {'not ' if passed else ''}shown "
            f"(exact sign-flip test over {paired.group_count} groups, one-sided p = {p_value:.3g})",
        )

    def _found(self, passed: bool, reason: str) -> PromotionCheck:
        return PromotionCheck(name=self.name, passed=passed, reason=reason)


def _short(version: ModelVersion) -> str:
    return f"version {version.name.rpartition('/')[2]}"
