import pytest

from synthoscope.api.datasets.v1.audits_pb2 import (
    DatasetAudit,
    DuplicateCluster,
    DuplicatePair,
    LabelConflict,
    OddFile,
    SplitAudit,
    TwinCount,
)
from synthoscope.datasets.audit import storage
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import DataLoss, NotFound

VERSION = "tenants/default/datasets/d/versions/0123456789abcdef"


def report(pairs: int = 2_500) -> DatasetAudit:
    return DatasetAudit(
        image_count=9,
        pairs=[DuplicatePair(a=f"a{number}", b=f"b{number}", kind="exact") for number in range(pairs)],
        clusters=[DuplicateCluster(paths=["x" * 400_000, "y" * 400_000]), DuplicateCluster(paths=["z" * 400_000])],
        label_conflicts=[LabelConflict(paths=["a", "b"], labels=["l", "m"])],
        odd_files=[OddFile(path="a", problem="broken")],
        splits=SplitAudit(test_with_twin_in_train={"all": TwinCount(count=1, of=2)}),
    )


def test_an_audit_is_read_as_it_was_stored_and_every_message_is_small() -> None:
    objects = InMemoryObjectStore()
    stored = storage.put(objects, VERSION, report())
    assert stored.name == f"{VERSION}/audit"
    assert stored.code_version == storage.CODE_VERSION
    assert stored.HasField("create_time")
    assert storage.find(objects, VERSION) == stored
    head, *parts = storage.read(objects, stored.name)
    assert head.image_count == 9
    assert not any(getattr(head, field) for field in storage.LISTS)
    assert len(parts) == 4
    assert all(part.ByteSize() <= storage.MOST_BYTES for part in parts)
    assert all(len(part.pairs) <= storage.MOST_ITEMS for part in parts)


def test_a_new_audit_replaces_the_old_one_and_its_parts() -> None:
    objects = InMemoryObjectStore()
    storage.put(objects, VERSION, report())
    newer = storage.put(objects, VERSION, report(pairs=3))
    assert storage.find(objects, VERSION) == newer
    assert len(list(objects.list(f"{VERSION}/audit/parts/"))) == 2


def test_an_audit_by_other_code_is_not_current(monkeypatch: pytest.MonkeyPatch) -> None:
    objects = InMemoryObjectStore()
    assert not storage.is_current(objects, VERSION)
    storage.put(objects, VERSION, report(pairs=0))
    assert storage.is_current(objects, VERSION)
    monkeypatch.setattr(storage, "CODE_VERSION", "newer")
    assert not storage.is_current(objects, VERSION)


def test_what_is_missing_or_damaged_says_so() -> None:
    objects = InMemoryObjectStore()
    assert storage.find(objects, VERSION) is None
    with pytest.raises(NotFound, match="submit an audit"):
        list(storage.read(objects, f"{VERSION}/audit"))
    storage.put(objects, VERSION, report())
    part = next(iter(objects.list(f"{VERSION}/audit/parts/"))).key
    objects.put(part, b"{}")
    with pytest.raises(DataLoss, match="not the one"):
        storage.find(objects, VERSION)
    objects.delete(part)
    with pytest.raises(DataLoss, match="gone"):
        storage.find(objects, VERSION)
    objects.put(f"{VERSION}/audit/audit.json", b"{")
    with pytest.raises(DataLoss, match="cannot be read"):
        storage.find(objects, VERSION)
