import itertools

import numpy as np
import pytest

from synthoscope import packs
from synthoscope.api.classification.v1.classification_pb2 import Diagnosis
from synthoscope.diagnoses import Diagnoses, new_name, packed_name, time_of
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import InvalidInput, NotFound

TENANT = "tenants/default"


@pytest.fixture
def diagnoses():
    return Diagnoses(InMemoryObjectStore())


def packed(diagnoses, times):
    """The names of diagnoses of these times, in one pack."""
    pack_id = packs.new_id(min(times), max(times))
    names = [packed_name("default", time, pack_id, index) for index, time in enumerate(times)]
    records = [Diagnosis(name=name, label="a").SerializeToString() for name in names]
    packs.write(diagnoses.objects, "default", pack_id, records, {})
    return names


def test_a_diagnosis_of_a_pack_is_found_by_its_name(diagnoses):
    names = packed(diagnoses, [7, 5, 5])
    assert [diagnoses.get(name).name for name in names] == names
    assert [time_of(name) for name in names] == [7, 5, 5]
    for other in (names[0][:-1] + "3", names[0].replace("default", "other"), names[0].replace("7-", "6-", 1)):
        with pytest.raises(NotFound):
            diagnoses.get(other)
    with pytest.raises(InvalidInput):
        diagnoses.get("tenants/default/packs/1")


def test_one_by_itself_is_kept_once(diagnoses):
    name = new_name("default", 7)
    assert diagnoses.create(Diagnosis(name=name, label="a"))
    assert not diagnoses.create(Diagnosis(name=name, label="b"))
    assert diagnoses.get(name).label == "a"


def test_all_come_in_the_order_of_their_names_however_packs_overlap(diagnoses):
    chance = np.random.default_rng(3)
    names = []
    for _ in range(40):
        start = int(chance.integers(1_000, 2_000))
        names += packed(diagnoses, [start + int(late) for late in chance.integers(0, 300, 5)])
        single = new_name("default", start)
        diagnoses.create(Diagnosis(name=single))
        names.append(single)
    assert [diagnosis.name for diagnosis in diagnoses.after(TENANT, "")] == sorted(names)
    for name in names[::7]:
        later = [diagnosis.name for diagnosis in diagnoses.after(TENANT, name.rpartition("/")[2])]
        assert later == sorted(other for other in names if other > name)
    assert list(diagnoses.after("tenants/other", "")) == []


def test_no_more_packs_are_read_than_are_needed(diagnoses):
    for start in range(0, 1000, 100):
        packed(diagnoses, [start, start + 50])
    read = []
    head = diagnoses.objects.head
    diagnoses.objects.head = lambda key: read.append(key) or head(key)
    assert len(list(itertools.islice(diagnoses.after(TENANT, ""), 3))) == 3
    assert len(read) == 2
