"""Versions that are tried out beside the one that an alias stands for."""

from synthoscope import names
from synthoscope.api.models.v1.models_pb2 import ModelVersion, TrafficSplit
from synthoscope.models import versions
from synthoscope.models.aliases import check_alias, may_be_alias
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, NotFound


def set_split(objects: ObjectStore, split: TrafficSplit) -> TrafficSplit:
    """Keeps a split in place of the one before, and returns it as it was kept.

    Raises InvalidInput; NotFound for an unknown alias or candidate; FailedPrecondition for a candidate whose answers
    cannot stand in for those of the alias's version.
    """
    ids = names.TRAFFIC_SPLIT.parse(split.name, "traffic_split.name")
    check_alias(ids["alias"], "traffic_split.name")
    for field in ("canary", "shadow"):
        # Written as "is it within", so that NaN is refused as well.
        if not 0 <= getattr(split, field) <= 1:
            raise InvalidInput(f"traffic_split.{field}", "must be a share in [0, 1]")
    names.MODEL_VERSION.parse(split.candidate, "traffic_split.candidate")
    model = names.MODEL.format(tenant=ids["tenant"], model=ids["model"])
    if not split.candidate.startswith(f"{model}/"):
        raise InvalidInput("traffic_split.candidate", f"must be a version of {model}")
    current = versions.get(objects, f"{model}/versions/{ids['alias']}")
    candidate = versions.get(objects, split.candidate)
    if not same_meaning(candidate, current):
        raise FailedPrecondition(
            f"traffic_split.candidate: {candidate.name} answers other classes than {current.name}, beside which it "
            "is to be tried"
        )
    kept = TrafficSplit(name=split.name, candidate=candidate.name, canary=split.canary, shadow=split.shadow)
    kept.update_time.GetCurrentTime()
    _records(objects).put(kept.name, kept)
    return kept


def get_split(objects: ObjectStore, name: str) -> TrafficSplit:
    """A split. Raises InvalidInput, NotFound."""
    names.TRAFFIC_SPLIT.parse(name)
    return _records(objects).get(name)


def split_beside(objects: ObjectStore, version: str) -> TrafficSplit | None:
    """What is tried out among requests for a version's name; None unless it ends in an alias that has a split."""
    ids = names.MODEL_VERSION.parse(version)
    if not may_be_alias(ids["version"]):
        return None
    name = names.TRAFFIC_SPLIT.format(tenant=ids["tenant"], model=ids["model"], alias=ids["version"])
    try:
        split = get_split(objects, name)
    except NotFound:
        return None
    return split if split.canary or split.shadow else None


def same_meaning(one: ModelVersion, other: ModelVersion) -> bool:
    """Whether the answers of two versions can stand in for each other: they are of the same classes."""
    return (one.kind, one.output, list(one.classes)) == (other.kind, other.output, list(other.classes))


def _records(objects: ObjectStore) -> Records[TrafficSplit]:
    # Not `manifest.json`: what ends so below a model is one of its versions.
    return Records(objects, TrafficSplit, "traffic.json")
