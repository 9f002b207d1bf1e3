"""Diagnoses as they are kept: most in packs, each with its image; one that was asked for by a request id, by itself.

The name of a diagnosis says when it was asked for, so that names sort by time, and in which pack it is:
`tenants/{tenant}/diagnoses/{time}-{pack}-{index}`, or `…/{time}-{random}`. The time is in µs since 1970.
"""

import heapq
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from synthoscope import names, packs
from synthoscope.api.classification.v1.classification_pb2 import Diagnosis
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import DataLoss, NotFound

_PACKED = re.compile(rf"(?P<time>[0-9a-f]{{14}})-(?P<pack>{packs.ID.pattern})-(?P<index>[0-9a-f]{{3}})")
MOST_IN_A_PACK = 16**3


def time_prefix(microseconds: int) -> str:
    """How the ids of diagnoses of a time, in µs since 1970, begin."""
    return f"{microseconds:014x}"


def time_of(name: str) -> int:
    """When a diagnosis was asked for, in µs since 1970, by its name."""
    return int(names.DIAGNOSIS.parse(name)["diagnosis"][:14], 16)


def new_name(tenant: str, microseconds: int) -> str:
    """A name for a diagnosis that is kept by itself."""
    return names.DIAGNOSIS.format(tenant=tenant, diagnosis=f"{time_prefix(microseconds)}-{secrets.token_hex(6)}")


def packed_name(tenant: str, microseconds: int, pack_id: str, index: int) -> str:
    """The name of a diagnosis that is a pack's record of this index."""
    return names.DIAGNOSIS.format(tenant=tenant, diagnosis=f"{time_prefix(microseconds)}-{pack_id}-{index:03x}")


@dataclass(frozen=True)
class Diagnoses:
    """The diagnoses in an object store."""

    objects: ObjectStore

    def create(self, diagnosis: Diagnosis) -> bool:
        """Keeps a diagnosis by itself, unless there is one of its name; returns whether it was kept."""
        return self._single.create(diagnosis.name, diagnosis)

    def get(self, name: str, field: str = "name") -> Diagnosis:
        """A diagnosis. Raises InvalidInput for what is no name of one, NotFound, DataLoss."""
        ids = names.DIAGNOSIS.parse(name, field)
        packed = _PACKED.fullmatch(ids["diagnosis"])
        if packed is None:
            return self._single.get(name)
        try:
            records = packs.records(self.objects, ids["tenant"], packed["pack"])
        except NotFound:
            raise NotFound(f"{name} does not exist") from None
        index = int(packed["index"], 16)
        found = _parse(records[index], packed["pack"]) if index < len(records) else None
        if found is None or found.name != name:
            raise NotFound(f"{name} does not exist")
        return found

    def after(self, parent: str, start: str) -> Iterator[Diagnosis]:
        """A tenant's diagnoses whose id comes after `start`, "" or what begins with a time, by id."""
        name = f"{parent}/diagnoses/{start}"
        found = heapq.merge(self._packed(parent, start), self._kept_singly(name), key=lambda diagnosis: diagnosis.name)
        return (diagnosis for diagnosis in found if diagnosis.name > name)

    def _kept_singly(self, start: str) -> Iterator[Diagnosis]:
        prefix = start.rpartition("/")[0]
        for info in self.objects.list(f"{prefix}/", start_after=start):
            yield self._single.get(info.key.rpartition("/")[0])

    def _packed(self, parent: str, start: str) -> Iterator[Diagnosis]:
        """Packs overlap in time: a diagnosis comes when no pack that is left can have one before it."""
        tenant = names.TENANT.parse(parent)["tenant"]
        waiting: list[tuple[str, Diagnosis]] = []
        for pack_id in packs.since(self.objects, tenant, int(start[:14] or "0", 16)):
            nothing_before = f"{parent}/diagnoses/{time_prefix(packs.first_of(pack_id))}"
            while waiting and waiting[0][0] < nothing_before:
                yield heapq.heappop(waiting)[1]
            for record in packs.records(self.objects, tenant, pack_id):
                diagnosis = _parse(record, pack_id)
                heapq.heappush(waiting, (diagnosis.name, diagnosis))
        while waiting:
            yield heapq.heappop(waiting)[1]

    @property
    def _single(self) -> Records[Diagnosis]:
        return Records(self.objects, Diagnosis)


def _parse(record: bytes, pack_id: str) -> Diagnosis:
    try:
        return Diagnosis.FromString(record)
    except DecodeError as error:
        raise DataLoss(f"a record of the pack {pack_id} cannot be read") from error
