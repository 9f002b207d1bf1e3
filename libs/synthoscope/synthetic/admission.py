"""Who may train on which synthetic set: what everything that trains asks before it begins. Needs no torch."""

from collections.abc import Sequence

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion, Split
from synthoscope.api.models.v1.models_pb2 import SyntheticUse
from synthoscope.api.synthesis.v1.synthesis_pb2 import Admission, SyntheticSet, Verdict
from synthoscope.datasets import manifest
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import FailedPrecondition, NotFound
from synthoscope.synthetic.preprocessing import is_synthetic
from synthoscope.synthetic.verdicts import described, reasons


def uses(objects: ObjectStore, version: DatasetVersion, synthetic_sets: Sequence[str] = ()) -> list[SyntheticUse]:
    """The sets that training on a dataset version, and on further sets, learns from, each once, with their verdicts.

    Sets count that were merged into the version's training split, or into one that it was derived from. One that is
    gone counts as never measured.
    """
    named = dict.fromkeys(synthetic_sets)
    if version.HasField("derivation"):
        merged = {image.origin for image in manifest.read(objects, version) if image.split == Split.SPLIT_TRAIN}
        named |= dict.fromkeys(sorted(filter(is_synthetic, merged)))
    return [SyntheticUse(synthetic_set=name, admission=verdict_of(objects, name).admission) for name in named]


def verdict_of(objects: ObjectStore, name: str) -> Verdict:
    """A set's verdict; an empty one for a set that is gone or was never measured."""
    try:
        return Records(objects, SyntheticSet).get(name).verdict
    except NotFound:
        return Verdict()


def check(objects: ObjectStore, learned: Sequence[SyntheticUse], remedy: str) -> None:
    """Raises FailedPrecondition, naming the set and the reasons, unless all are admitted.

    A set that is fit for studies is not admitted: nothing keeps what was trained on it from being served. `remedy`
    tells what to do to train on it all the same.
    """
    for use in learned:
        if use.admission != Admission.ADMISSION_ADMITTED:
            found = reasons(verdict_of(objects, use.synthetic_set))
            raise FailedPrecondition(f"{use.synthetic_set} is {described(use.admission)}: {'; '.join(found)}. {remedy}")
