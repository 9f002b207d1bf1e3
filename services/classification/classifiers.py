"""The classifier versions that can be asked, and the way to ask them."""

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import structlog
from numpy.typing import NDArray

from services.classification.batching import BatchingSettings, MicroBatcher
from services.classification.caching import AnswerCache, CachingSettings
from services.classification.monitoring import Monitor
from services.classification.traffic import Route
from synthoscope import models, names
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.classifier.answering import Answer
from synthoscope.models import traffic
from synthoscope.models.preprocessing import pipeline_of
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import (
    DataLoss,
    FailedPrecondition,
    InvalidInput,
    NotFound,
    ResourceExhausted,
    SynthoscopeError,
)

Pixels = NDArray[np.uint8]

_KNOWN = 256
_FOLLOWED = 1024
_LONGEST_SWITCH = 3.0
"""Seconds that the version before answers while replicas load the new one."""

_log = structlog.get_logger()


class Model(Protocol):
    """The models, wherever they run. Every method raises SynthoscopeErrors."""

    @property
    def replicas(self) -> int:
        """How many answer side by side, 1 or more."""

    async def answer(self, model_version: str, images: Sequence[Pixels]) -> Sequence[Answer]:
        """The answer to each image, uint8 S×S×3."""

    async def load(self, model_version: str) -> None:
        """Has every replica load a version."""

    async def forget(self, model_version: str) -> None:
        """Has every replica forget a version, which is loaded again when it is asked."""


@dataclass
class _Followed:
    """What a name stands for, when that was looked up, and the version that is being loaded to take its place."""

    route: Route
    looked: float
    coming: frozenset[str] = frozenset()
    switch: "asyncio.Task[None] | None" = None


class Classifiers:
    """Classifier versions, asked in batches. For use in one event loop."""

    def __init__(
        self,
        objects: ObjectStore,
        model: Model,
        batching: BatchingSettings | None = None,
        follow_seconds: float = 1.0,
        caching: CachingSettings | None = None,
    ) -> None:
        """`follow_seconds` is how long what a name stands for is taken to be the same."""
        self.model = model
        self._objects = objects
        batching = batching or BatchingSettings()
        self._batcher = MicroBatcher("predict", model.answer, batching, lambda: model.replicas)
        self._most_waiting = batching.max_queue
        self.largest_batch = batching.max_batch
        """Images of one call to the model."""
        self._cache = AnswerCache(caching or CachingSettings())
        self._monitor = Monitor()
        self._follow_seconds = follow_seconds
        self._followed: OrderedDict[str, _Followed] = OrderedDict()
        # Versions never change, so those seen are remembered. What `latest` and aliases stand for is looked up.
        self._known = lru_cache(_KNOWN)(lambda name: models.get(objects, name))

    def get(self, name: str) -> ModelVersion:
        """A classifier version. Raises InvalidInput or NotFound for the name, FailedPrecondition for another kind."""
        names.MODEL_VERSION.parse(name, "model_version")
        record = self._known(models.resolve(self._objects, name))
        if record.kind != ModelKind.MODEL_KIND_CLASSIFIER:
            raise FailedPrecondition(f"{record.name} is not a classifier: it gives no class probabilities")
        return record

    async def follow(self, name: str) -> ModelVersion:
        """The version that a name stands for. Raises as `get`."""
        return (await self.route(name)).version

    async def route(self, name: str) -> Route:
        """Who is asked for a name. Raises as `get`.

        When `latest` or an alias comes to stand for another version, that one is loaded first, so that nobody waits for
        it; until then, for a few seconds at most, the one before answers.
        """
        followed = self._followed.get(name)
        if followed is None:
            followed = _Followed(await asyncio.to_thread(self._found, name), time.monotonic())
            self._followed[name] = followed
            if len(self._followed) > _FOLLOWED:
                self._followed.popitem(last=False)
        elif (ago := time.monotonic() - followed.looked) >= self._follow_seconds:
            followed.looked = time.monotonic()
            await self._look_again(name, followed)
            if followed.switch is not None and ago > self._follow_seconds + _LONGEST_SWITCH:
                # Nobody asked for long: it may have changed hours ago, and must not be answered by the one before.
                await asyncio.shield(followed.switch)
        return followed.route

    async def _look_again(self, name: str, followed: _Followed) -> None:
        try:
            found = await asyncio.to_thread(self._found, name)
        except SynthoscopeError:
            self._followed.pop(name, None)
            raise
        new = _versions(found) - _versions(followed.route)
        if not new:
            followed.route, followed.coming = found, frozenset()
        elif new != followed.coming:
            followed.coming = new
            followed.switch = asyncio.ensure_future(self._switch(followed, found, new))

    async def _switch(self, followed: _Followed, found: Route, new: frozenset[str]) -> None:
        for version in new:
            try:
                async with asyncio.timeout(_LONGEST_SWITCH):
                    await self.model.load(version)
            except (SynthoscopeError, TimeoutError) as error:  # whoever asks it is told what is wrong with it
                _log.warning("a version could not be loaded ahead", version=version, reason=type(error).__name__)
        if followed.coming == new:
            followed.route, followed.coming = found, frozenset()

    def _found(self, name: str) -> Route:
        version = self.get(name)
        try:
            split = traffic.split_beside(self._objects, name)
            candidate = self.get(split.candidate) if split else None
            if candidate is not None:
                pipeline_of(candidate)  # of a newer release, it may have steps that are not known here
        except (NotFound, FailedPrecondition, InvalidInput, DataLoss) as error:
            # What is tried out must not stop what works.
            _log.warning("what is tried out cannot be read", asked=name, reason=error.message)
            return Route(version)
        if split is None or candidate is None or candidate.name == version.name:
            return Route(version)
        if not traffic.same_meaning(candidate, version):
            _log.warning("what is tried out answers other classes by now", asked=name, version=candidate.name)
            return Route(version)
        return Route(version, candidate, split.canary, split.shadow)

    def check_room(self) -> None:
        """Raises ResourceExhausted, saying when to try again, while too many images wait."""
        self._batcher.check_room()

    def place(self) -> contextlib.AbstractContextManager[None]:
        """A place for an image, from before it is decoded until it is answered. Raises as `check_room`."""
        return self._batcher.place()

    def more_places(self, images: int) -> contextlib.AbstractContextManager[None]:
        """Places for further images of a call that has one."""
        return self._batcher.more_places(images)

    async def answer(self, version: ModelVersion, image: Pixels) -> Answer:
        """The answer to an image, uint8 S×S×3, as the version's preprocessing makes it. Raises as `Model.answer`."""
        key = self._cache.key(version.name, image)
        answer = self._cache.find(key)
        if answer is None:
            answer = await self._batcher.submit(version.name, image)
            self._cache.keep(key, answer)
        self._monitor.see(version, answer)
        return answer

    def check_idle(self) -> None:
        """Raises ResourceExhausted while so many images wait that nothing should be asked that nobody waits for."""
        if self._batcher.depth > self._most_waiting / 2:
            raise ResourceExhausted("the model has enough to do")

    async def answer_unseen(self, version: ModelVersion, image: Pixels) -> Answer:
        """As `answer`, but neither counted among the answers nor kept. Raises as `check_idle`, too."""
        self.check_idle()
        return await self._batcher.submit(version.name, image)


def _versions(route: Route) -> frozenset[str]:
    return frozenset(version.name for version in (route.version, route.candidate) if version is not None)
