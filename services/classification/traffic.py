"""Versions tried out beside the one that an alias stands for: who answers an image, and who is asked unseen."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog
from prometheus_client import Counter

from services.classification.diagnosing import label_of
from synthoscope import names
from synthoscope.api.models.v1.models_pb2 import ModelVersion
from synthoscope.classifier.answering import Answer
from synthoscope.rpc.errors import SynthoscopeError

_MOST_SHADOWS = 64
"""Images that candidates are asked about at the same time; more are dropped."""

_SHADOW_SECONDS = 30.0

SHADOWED = Counter(
    "synthoscope_shadow_answers_total",
    "Images that a candidate was asked about unseen: it agreed or disagreed on the label, failed, or was not asked.",
    ("tenant", "model", "version", "outcome"),
)
STOOD_IN = Counter(
    "synthoscope_canary_failures_total",
    "Images that a candidate was to answer and could not, so that the alias's version did.",
    ("tenant", "model", "version"),
)

_log = structlog.get_logger()


@dataclass(frozen=True)
class Route:
    """Who answers what is asked of a name: its version, and a candidate's shares of the images beside it."""

    version: ModelVersion
    candidate: ModelVersion | None = None
    canary: float = 0.0
    shadow: float = 0.0

    def answering(self, data: bytes) -> Sequence[ModelVersion]:
        """Who answers an image file, and, if that one cannot, who else."""
        if self.candidate is not None and _chance(data) < self.canary:
            return [self.candidate, self.version]
        return [self.version]

    def shadowing(self, data: bytes) -> ModelVersion | None:
        """Who is asked, too, about an image file that the version itself answers."""
        if self.candidate is None:
            return None
        others = _chance(data) - self.canary
        return self.candidate if 0 <= others < self.shadow * (1 - self.canary) else None


def _chance(data: bytes) -> float:
    """A number in [0, 1) that an image's bytes decide."""
    return zlib.crc32(data) / 2**32


class Shadows:
    """Asks candidates, and compares what they say. For use in one event loop."""

    def __init__(self) -> None:
        self._asking: set[asyncio.Task[None]] = set()

    def compare(
        self, candidate: ModelVersion, version: ModelVersion, answer: Answer, ask: Callable[[], Awaitable[Answer]]
    ) -> None:
        """Has a candidate asked, and counts whether it says the same; nobody waits for it."""
        if len(self._asking) >= _MOST_SHADOWS:
            _count(candidate, "dropped")
            return
        task = asyncio.create_task(_compare(candidate, label_of(version, answer), ask))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)


async def _compare(candidate: ModelVersion, label: str, ask: Callable[[], Awaitable[Answer]]) -> None:
    try:
        async with asyncio.timeout(_SHADOW_SECONDS):
            answer = await ask()
    except (SynthoscopeError, TimeoutError) as error:
        _log.warning("a shadow could not answer", version=candidate.name, reason=type(error).__name__)
        _count(candidate, "failed")
        return
    _count(candidate, "agreed" if label_of(candidate, answer) == label else "disagreed")


def stood_in(candidate: ModelVersion, error: SynthoscopeError) -> None:
    """Counts an image that a candidate could not answer."""
    _log.warning("a canary could not answer", version=candidate.name, reason=error.message)
    ids = names.MODEL_VERSION.parse(candidate.name)
    STOOD_IN.labels(ids["tenant"], ids["model"], ids["version"]).inc()


def _count(candidate: ModelVersion, outcome: str) -> None:
    ids = names.MODEL_VERSION.parse(candidate.name)
    SHADOWED.labels(ids["tenant"], ids["model"], ids["version"], outcome).inc()
