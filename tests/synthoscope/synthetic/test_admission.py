"""Which sets count, and what keeps one from being trained on."""

import numpy as np
import pytest

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, DatasetVersion, Derivation, Split
from synthoscope.api.synthesis.v1.synthesis_pb2 import Admission, SyntheticImage, SyntheticSet, Verdict
from synthoscope.datasets.deriving import derive
from synthoscope.datasets.importing import import_version
from synthoscope.images.storage import store_pixels
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import FailedPrecondition
from synthoscope.synthetic import admission, sets
from synthoscope.synthetic.criteria import criterion

TENANT = "tenants/t"
ADMITTED, FOR_STUDY, REFUSED, GONE = (f"{TENANT}/syntheticSets/{name}" for name in ("a", "b", "c", "gone"))
VERDICTS = {
    ADMITTED: Verdict(admission=Admission.ADMISSION_ADMITTED, criteria=[criterion("coverage", 0.9)]),
    FOR_STUDY: Verdict(admission=Admission.ADMISSION_FOR_STUDY, criteria=[criterion("coverage", 0.7)]),
    REFUSED: Verdict(
        admission=Admission.ADMISSION_REFUSED, criteria=[criterion("coverage", 0.7), criterion("frechet", 9.0)]
    ),
}


def picture(objects: InMemoryObjectStore, seed: int) -> DatasetImage:
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8), np.uint8)
    return DatasetImage(
        path=f"{seed}.png", label="x", split=Split.SPLIT_TRAIN, image=store_pixels(objects, "t", pixels)
    )


@pytest.fixture
def objects() -> InMemoryObjectStore:
    objects = InMemoryObjectStore()
    for number, (name, verdict) in enumerate(VERDICTS.items()):
        images = [SyntheticImage(label="x", image=picture(objects, number).image)]
        sets.publish(objects, SyntheticSet(name=name, verdict=verdict), images)
    return objects


@pytest.fixture
def version(objects: InMemoryObjectStore) -> DatasetVersion:
    return import_version(objects, f"{TENANT}/datasets/d", [picture(objects, 10), picture(objects, 11)])


def derived(objects: InMemoryObjectStore, parent: DatasetVersion, **rule: object) -> DatasetVersion:
    return derive(objects, f"{TENANT}/datasets/e", parent.name, Derivation(**rule))


def used(objects: InMemoryObjectStore, version: DatasetVersion, *names: str) -> dict[str, Admission]:
    return {use.synthetic_set: use.admission for use in admission.uses(objects, version, names)}


def test_named_sets_count_with_their_verdicts(objects, version) -> None:
    assert used(objects, version) == {}
    assert used(objects, version, FOR_STUDY, ADMITTED) == {
        FOR_STUDY: Admission.ADMISSION_FOR_STUDY,
        ADMITTED: Admission.ADMISSION_ADMITTED,
    }


def test_a_merged_set_counts_however_the_version_was_derived_further(objects, version) -> None:
    merged = derived(objects, version, merge={"synthetic_sets": [REFUSED]})
    relabelled = derived(objects, merged, label_map={"labels": {"x": "y"}})
    for one in (merged, relabelled):
        assert used(objects, one, ADMITTED) == {
            ADMITTED: Admission.ADMISSION_ADMITTED,
            REFUSED: Admission.ADMISSION_REFUSED,
        }


def test_a_set_that_is_gone_was_never_measured(objects, version) -> None:
    uses = admission.uses(objects, version, [GONE])
    with pytest.raises(FailedPrecondition, match=f"{GONE} is refused: it was never measured"):
        admission.check(objects, uses, "")


def test_only_admitted_sets_pass_and_others_say_why(objects, version) -> None:
    admission.check(objects, admission.uses(objects, version, [ADMITTED]), "")
    with pytest.raises(FailedPrecondition, match=f"{FOR_STUDY} is admitted for study only: coverage .*: 0.7"):
        admission.check(objects, admission.uses(objects, version, [ADMITTED, FOR_STUDY]), "")
    with pytest.raises(FailedPrecondition) as refused:
        admission.check(objects, admission.uses(objects, version, [REFUSED]), "Do this.")
    fatal, lesser = refused.value.message.index("Fréchet"), refused.value.message.index("coverage")
    assert fatal < lesser
    assert refused.value.message.endswith("Do this.")
