"""Keeping diagnoses: those made at the same time are stored together, and their audit records with them.

To the object store, one object of thirty diagnoses costs hardly more than one of a single diagnosis. While a pack
travels, the next one gathers; nobody is answered before it is stored.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.classification.batching import BatchingSettings, MicroBatcher
from services.classification.trailing import diagnosed
from synthoscope import packs
from synthoscope.api.classification.v1.classification_pb2 import Diagnosis
from synthoscope.api.explanation.v1.explanation_pb2 import ExplanationMethod
from synthoscope.diagnoses import Diagnoses, packed_name, time_of
from synthoscope.images.decoders import AcceptedImage
from synthoscope.images.storage import packed_image
from synthoscope.objects import ObjectStore
from synthoscope.rpc.auth import Caller, caller
from synthoscope.saliency.request import explained_label, explanation_name
from synthoscope.trail import Trail

LARGEST_PACK = 8 << 20
"""Bytes of images, beyond which a pack takes no further one."""

_GATHERING = BatchingSettings(max_batch=256, max_wait=0, calls_in_flight=1)


@dataclass(frozen=True)
class Made:
    """A diagnosis that has everything but its name, and those that follow from it.

    `image` is what was sent, None for an image that is stored already; `explained` says whether an explanation will be
    asked for.
    """

    diagnosis: Diagnosis
    image: AcceptedImage | None
    explained: bool


class Recorder:
    """Stores diagnoses and puts them on the audit trail. For use in one event loop."""

    def __init__(self, objects: ObjectStore, trail: Trail) -> None:
        self._objects = objects
        self._diagnoses = Diagnoses(objects)
        self._trail = trail
        self._packing: MicroBatcher[str, tuple[Made, Caller], Diagnosis] = MicroBatcher(
            "record", self._record_together, _GATHERING
        )

    async def record(self, tenant: str, made: Made) -> Diagnosis:
        """Stores a diagnosis and its image, and returns it as it was stored. Raises Unavailable."""
        return await self._packing.submit(tenant, (made, caller()))

    async def record_as(self, name: str, made: Made) -> Diagnosis:
        """Stores a diagnosis under a name, and returns what is stored: it may have been there. Raises Unavailable.

        Its image must be stored already.
        """
        diagnosis = _named(made, name)
        stored, _ = await asyncio.gather(
            asyncio.to_thread(self._create, diagnosis), self._trail.record(diagnosed(diagnosis, caller()))
        )
        return stored

    async def repeat(self, diagnosis: Diagnosis) -> None:
        """Puts a diagnosis that was made before on the trail once more. Raises Unavailable."""
        await self._trail.record(diagnosed(diagnosis, caller()))

    def _create(self, diagnosis: Diagnosis) -> Diagnosis:
        return diagnosis if self._diagnoses.create(diagnosis) else self._diagnoses.get(diagnosis.name)

    async def _record_together(
        self, tenant: str, items: Sequence[tuple[Made, Caller]]
    ) -> Sequence[Diagnosis | BaseException]:
        """Those of a pack that could not be stored get its error; the others are stored."""
        groups = list(_groups(items))
        stored = await asyncio.gather(*(self._store(tenant, group) for group in groups), return_exceptions=True)
        found: list[Diagnosis | BaseException] = []
        for group, outcome in zip(groups, stored, strict=True):
            found += [outcome] * len(group) if isinstance(outcome, BaseException) else outcome
        return found

    async def _store(self, tenant: str, items: Sequence[tuple[Made, Caller]]) -> Sequence[Diagnosis]:
        times = [made.diagnosis.create_time.ToMicroseconds() for made, _ in items]
        pack_id = packs.new_id(min(times), max(times))
        diagnoses: list[Diagnosis] = []
        images: dict[str, packs.PackedImage] = {}
        for index, (made, _) in enumerate(items):
            diagnosis = _named(made, packed_name(tenant, times[index], pack_id, index))
            if made.image is not None:
                ref, packed = packed_image(tenant, pack_id, made.image.data, made.image.facts, made.image.identity)
                diagnosis.image.CopyFrom(ref)
                images[ref.sha256] = packed
            diagnoses.append(diagnosis)
        entries = [diagnosed(diagnosis, who) for diagnosis, (_, who) in zip(diagnoses, items, strict=True)]
        records = [diagnosis.SerializeToString() for diagnosis in diagnoses]
        await asyncio.gather(
            asyncio.to_thread(packs.write, self._objects, tenant, pack_id, records, images),
            *(self._trail.record(entry) for entry in entries),
        )
        return diagnoses


def _named(made: Made, name: str) -> Diagnosis:
    diagnosis = Diagnosis()
    diagnosis.CopyFrom(made.diagnosis)
    diagnosis.name = name
    diagnosis.create_time.FromMicroseconds(time_of(name))
    if made.explained:
        method = ExplanationMethod.EXPLANATION_METHOD_GRAD_CAM
        diagnosis.explanation = explanation_name(name, explained_label(diagnosis), method)
    return diagnosis


def _groups(items: Sequence[tuple[Made, Caller]]) -> Iterator[Sequence[tuple[Made, Caller]]]:
    """Parts of items, in their order, that fit into a pack each."""
    group: list[tuple[Made, Caller]] = []
    size, first, last = 0, 0, 0
    for made, who in items:
        time = made.diagnosis.create_time.ToMicroseconds()
        taken = len(made.image.data) if made.image else 0
        if group and (size + taken > LARGEST_PACK or max(last, time) - min(first, time) > packs.LONGEST):
            yield group
            group, size = [], 0
        first, last = (min(first, time), max(last, time)) if group else (time, time)
        group.append((made, who))
        size += taken
    if group:
        yield group
