"""From an explanation that was asked for to one that has ended: computed, stored, recorded once."""

import hashlib
import io
from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from prometheus_client import Counter, Histogram

from synthoscope import names
from synthoscope.api.explanation.v1.explanation_pb2 import Explanation, FloatMap
from synthoscope.api.jobs.v1.jobs_pb2 import JobError, JobState
from synthoscope.classifier.prediction import Classifier, load_classifier
from synthoscope.images.decoding import PNG, ImageFacts
from synthoscope.images.storage import image_name, load_image_bytes, store_image
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import ResourceExhausted, SynthoscopeError, Unavailable
from synthoscope.saliency.explanation import ExplanationResult, explain
from synthoscope.saliency.request import Explanations, ended

ENDED = Counter("synthoscope_explanations_ended", "Explanations whose outcome this worker wrote.", ("state",))
SECONDS = Histogram("synthoscope_explanation_seconds", "Time to make and store an explanation.")


@dataclass
class Maker:
    """Makes one explanation at a time, from the objects alone; keeps the models it has used last."""

    explanations: Explanations
    models_kept: int = 4
    _models: OrderedDict[str, Classifier] = field(default_factory=OrderedDict)

    @property
    def objects(self) -> ObjectStore:
        """Where everything lies."""
        return self.explanations.objects

    def make(self, name: str) -> bool:
        """Makes an explanation that has not ended; returns whether the outcome there is now is this call's.

        What can never succeed ends FAILED. Raises Unavailable, or an unexpected error, when another try may help.
        """
        asked = self.explanations.get(name)
        if ended(asked):
            return False
        try:
            with SECONDS.time():
                outcome = self._made(asked)
        except (Unavailable, ResourceExhausted):
            raise
        except SynthoscopeError as error:
            return self.fail(name, error.status.name, error.message)
        return self._finish(outcome)

    def fail(self, name: str, code: str, message: str) -> bool:
        """Ends an explanation as FAILED; returns whether it had not ended before."""
        error = JobError(code=code, message=message)
        return self._finish(_ended(self.explanations.get(name), JobState.JOB_STATE_FAILED, error=error))

    def _made(self, asked: Explanation) -> Explanation:
        tenant = names.tenant_of(asked.name)
        image = load_image_bytes(self.objects, asked.image or image_name(tenant, asked.image_sha256))
        result = explain(self._model(asked.model_version), image, asked.label)
        height, width = result.overlay.shape[:2]
        facts = ImageFacts(PNG, width, height, "RGB")
        return _ended(
            asked,
            JobState.JOB_STATE_SUCCEEDED,
            logit=result.logit,
            probability=result.probability,
            layer=result.layer,
            map=_float_map(result.map),
            placement=result.placement,
            map_sha256=self._store_map(asked.name, result),
            overlay=store_image(self.objects, tenant, result.overlay_png, facts=facts),
        )

    def _store_map(self, name: str, result: ExplanationResult) -> str:
        """Stores the map under its own SHA-256, so that no other worker's map can take its place."""
        buffer = io.BytesIO()
        np.save(buffer, result.map, allow_pickle=False)
        sha256 = hashlib.sha256(buffer.getvalue()).hexdigest()
        self.objects.put(map_key(name, sha256), buffer.getvalue())
        return sha256

    def _model(self, name: str) -> Classifier:
        if name not in self._models:
            self._models[name] = load_classifier(self.objects, name)
        self._models.move_to_end(name)
        while len(self._models) > self.models_kept:
            self._models.popitem(last=False)
        return self._models[name]

    def _finish(self, outcome: Explanation) -> bool:
        first = self.explanations.finish(outcome)
        if first:
            ENDED.labels(JobState.Name(outcome.state).removeprefix("JOB_STATE_")).inc()
        return first


def map_key(name: str, sha256: str) -> str:
    """Where the raw map of an explanation lies: NumPy's .npy, float32 h×w."""
    return f"{name}/{sha256}.npy"


def _float_map(values: NDArray[np.float32]) -> FloatMap:
    return FloatMap(height=values.shape[0], width=values.shape[1], values=values.ravel().tolist())


def _ended(asked: Explanation, state: JobState, **fields: object) -> Explanation:
    outcome = Explanation(**fields)  # type: ignore[arg-type]
    outcome.MergeFrom(asked)
    outcome.state = state
    outcome.end_time.GetCurrentTime()
    return outcome
