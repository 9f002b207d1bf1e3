import asyncio

import pytest

from services.classification.recording import LARGEST_PACK, Made, Recorder
from synthoscope.api.classification.v1.classification_pb2 import ClassProbability, Diagnosis
from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.diagnoses import Diagnoses, new_name
from synthoscope.images.decoders import AcceptedImage
from synthoscope.images.decoding import PNG, ImageFacts, ImagingIdentity
from synthoscope.images.storage import image_identity, image_name, image_ref, kept_singly, load_image_bytes
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.auth import Caller, acting_as
from synthoscope.rpc.errors import Unavailable
from synthoscope.trail import Trail, entries

FACTS = ImageFacts(PNG, 4, 3, "L")
IDENTITY = ImagingIdentity("patient", "1.2", "1.2.3")


class Objects(InMemoryObjectStore):
    """Those whose packs cannot be stored while `away` is set."""

    away = False

    def put(self, key, data, *, metadata=None):
        if self.away and "/packs/" in key:
            raise Unavailable("the object store is away")
        super().put(key, data, metadata=metadata)

    def packs(self):
        return [info for info in self.list("tenants/") if "/packs/" in info.key]


@pytest.fixture
def objects():
    return Objects()


def made(data=b"an image", *, time=1_700_000_000_000_000, explained=False, identity=None):
    diagnosis = Diagnosis(label="a", probabilities=[ClassProbability(label="a", probability=1.0)], model_sha256="m")
    diagnosis.create_time.FromMicroseconds(time)
    return Made(diagnosis, AcceptedImage(data, FACTS, identity, None), explained)


def recorded(objects, *given, subject="doctor"):
    """What is recorded of several at the same time."""

    async def record():
        recorder = Recorder(objects, Trail(objects, "test"))
        with acting_as(Caller("default", subject, frozenset())):
            return await asyncio.gather(*(recorder.record("default", one) for one in given))

    return asyncio.run(record())


def test_what_is_made_together_is_stored_together_and_read_by_name(objects):
    given = [made(bytes([number]) * 9, time=1_700_000_000_000_000 + number) for number in range(40)]
    stored = recorded(objects, *given)
    assert len(objects.packs()) == 1
    for number, diagnosis in enumerate(stored):
        assert Diagnoses(objects).get(diagnosis.name) == diagnosis
        assert diagnosis.create_time == given[number].diagnosis.create_time
        assert load_image_bytes(objects, diagnosis.image.name) == bytes([number]) * 9
        assert image_ref(objects, diagnosis.image.name) == diagnosis.image
        assert (diagnosis.image.width, diagnosis.image.height, diagnosis.image.size_bytes) == (4, 3, 9)
    assert [diagnosis.name for diagnosis in Diagnoses(objects).after("tenants/default", "")] == sorted(
        diagnosis.name for diagnosis in stored
    )


def test_each_is_on_the_trail_in_the_name_of_who_asked(objects):
    async def record():
        recorder = Recorder(objects, Trail(objects, "test"))

        async def ask(subject):
            with acting_as(Caller("default", subject, frozenset())):
                return await recorder.record("default", made(subject.encode()))

        return await asyncio.gather(*(ask(f"doctor {number}") for number in range(5)))

    stored = asyncio.run(record())
    found = {entry.resource: entry for entry in entries(objects)}
    assert [found[diagnosis.name].subject for diagnosis in stored] == [f"doctor {number}" for number in range(5)]
    assert [found[diagnosis.name].image_sha256 for diagnosis in stored] == [item.image.sha256 for item in stored]


def test_an_image_of_a_pack_can_become_an_object_of_its_own(objects):
    [diagnosis] = recorded(objects, made(b"an image", identity=IDENTITY))
    assert image_identity(objects, diagnosis.image.name) == IDENTITY
    ref = kept_singly(objects, diagnosis.image)
    assert ref.name == image_name("default", diagnosis.image.sha256)
    assert load_image_bytes(objects, ref.name) == b"an image"
    assert image_identity(objects, ref.name) == IDENTITY
    assert kept_singly(objects, ref) == ref == image_ref(objects, ref.name)


def test_an_explanation_is_named_after_the_diagnosis(objects):
    first, second, plain = recorded(objects, made(explained=True), made(explained=True), made())
    assert first.explanation != second.explanation
    assert first.explanation.startswith("tenants/default/explanations/")
    assert not plain.explanation


def test_a_pack_is_bounded(objects):
    assert len(recorded(objects, *(made(bytes(LARGEST_PACK // 3 - 1)) for _ in range(7)))) == 7
    assert len(objects.packs()) == 3
    assert all(info.size < LARGEST_PACK + 10_000 for info in objects.packs())


def test_what_came_long_apart_does_not_share_a_pack(objects):
    hour = 3600 * 1_000_000
    stored = recorded(objects, made(), *(made(time=1_700_000_000_000_000 + number * hour) for number in range(3)))
    assert len(objects.packs()) == 3
    assert all(Diagnoses(objects).get(diagnosis.name) == diagnosis for diagnosis in stored)


def test_nobody_is_told_of_a_diagnosis_that_is_not_stored(objects):
    objects.away = True
    with pytest.raises(Unavailable, match="away"):
        recorded(objects, made(), made())
    objects.away = False
    assert list(Diagnoses(objects).after("tenants/default", "")) == []


def test_a_pack_that_cannot_be_stored_costs_the_others_nothing(objects):
    hour = 3600 * 1_000_000
    put = objects.put

    def put_some(key, data, *, metadata=None):
        if b"lost" in data:
            raise Unavailable("the object store is away")
        put(key, data, metadata=metadata)

    objects.put = put_some

    async def record():
        recorder = Recorder(objects, Trail(objects, "test"))
        given = [made(), made(b"kept"), made(b"lost", time=1_700_000_000_000_000 + hour)]
        with acting_as(Caller("default", "doctor", frozenset())):
            return await asyncio.gather(*(recorder.record("default", one) for one in given), return_exceptions=True)

    first, kept, lost = asyncio.run(record())
    assert isinstance(lost, Unavailable)
    assert [Diagnoses(objects).get(found.name) for found in (first, kept)] == [first, kept]


def test_under_a_name_the_first_one_counts(objects):
    name = new_name("default", 1_700_000_000_000_000)

    async def record(label):
        one = made(explained=True)
        one.diagnosis.label = label
        one.diagnosis.image.CopyFrom(ImageRef(name="tenants/default/images/1"))
        with acting_as(Caller("default", "doctor", frozenset())):
            return await Recorder(objects, Trail(objects, label)).record_as(name, Made(one.diagnosis, None, True))

    first, second = asyncio.run(record("a")), asyncio.run(record("b"))
    assert first == second == Diagnoses(objects).get(name)
    assert (first.label, first.image.name, bool(first.explanation)) == ("a", "tenants/default/images/1", True)
    assert len(list(entries(objects))) == 2
