import asyncio
import json

import pytest

from synthoscope import trail
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import Unavailable
from synthoscope.trail import Entry, Trail, entries, key_of, verify


class Store(InMemoryObjectStore):
    """Counts what is put, and can be away."""

    puts, away = 0, False

    def put(self, key, data, **options):
        if self.away:
            raise Unavailable("the object store cannot be reached")
        self.puts += 1
        return super().put(key, data, **options)


@pytest.fixture
def objects():
    return Store()


@pytest.fixture
def trail_of_edge(objects):
    return Trail(objects, "edge")


def entry(number):
    return Entry("Diagnose", "OK", "north", "ada", image_sha256=f"{number:064x}")


async def test_an_entry_is_stored_when_record_returns(trail_of_edge, objects):
    await trail_of_edge.record(entry(1))
    assert list(entries(objects)) == list(entries(objects, "edge"))
    (found,) = entries(objects)
    assert (found.subject, found.image_sha256, found.outcome) == ("ada", f"{1:064x}", "OK")
    assert found.time.endswith("+00:00")


async def test_entries_that_come_together_share_a_link_and_keep_their_order(trail_of_edge, objects):
    await asyncio.gather(*(trail_of_edge.record(entry(number)) for number in range(100)))
    assert objects.puts <= 3
    assert [found.image_sha256 for found in entries(objects)] == [f"{number:064x}" for number in range(100)]
    assert list(verify(objects)) == []


async def test_what_is_noted_is_stored_before_the_end(objects):
    chain = Trail(objects)
    for number in range(3):
        chain.note(entry(number))
    await chain.flush()
    assert len(list(entries(objects, chain.process))) == 3


async def test_too_many_noted_entries_are_dropped_and_counted(objects, monkeypatch):
    monkeypatch.setattr(trail, "_WAITING", 5)
    before = trail.DROPPED._value.get()
    chain = Trail(objects)
    for number in range(8):
        chain.note(entry(number))
    await chain.flush()
    assert len(list(entries(objects))) == 5
    assert trail.DROPPED._value.get() - before == 3


async def test_while_the_store_is_away_those_who_wait_are_told_and_notes_stay(trail_of_edge, objects):
    objects.away = True
    trail_of_edge.note(entry(0))
    with pytest.raises(Unavailable, match="audit trail"):
        await trail_of_edge.record(entry(1))
    objects.away = False
    await trail_of_edge.record(entry(2))
    assert [found.image_sha256[-1] for found in entries(objects)] == ["0", "2"]
    assert list(verify(objects)) == []


async def test_a_store_that_stays_away_does_not_keep_the_process_alive(objects):
    objects.away = True
    chain = Trail(objects)
    chain.note(entry(0))
    await asyncio.wait_for(chain.flush(), 5)


@pytest.fixture
async def chain(objects):
    """Two processes of four links each."""
    for process in ("east", "west"):
        made = Trail(objects, process)
        for number in range(4):
            await made.record(entry(number))
    return objects


def change(objects, key, **fields):
    link = json.loads(objects.get(key))
    objects.put(key, json.dumps(link | fields).encode())


def test_a_whole_trail_has_nothing_wrong(chain):
    assert list(verify(chain)) == []


def test_a_changed_link_is_seen_at_the_next_one(chain):
    change(chain, key_of("east", 1), entries=[])
    assert list(verify(chain)) == [f"{key_of('east', 2)} does not follow the link before, which was changed or removed"]


def test_a_removed_link_is_seen(chain):
    chain.delete(key_of("west", 2))
    assert next(verify(chain)) == f"{key_of('west', 2)} is missing"


def test_a_link_of_another_chain_is_seen(chain):
    chain.put(key_of("east", 2), chain.get(key_of("west", 2)))
    assert f"{key_of('east', 2)} is another link" in list(verify(chain))
    chain.put(key_of("east", 2), b"no link")
    assert f"{key_of('east', 2)} cannot be read" in list(verify(chain))


def test_the_end_and_a_rewritten_chain_are_seen_by_what_was_logged(chain):
    head = {"west": (3, "f" * 64)}
    assert list(verify(chain, head)) == [
        f"{key_of('west', 3)} is not the link that was logged: the chain was rewritten"
    ]
    chain.delete(key_of("west", 3))
    assert list(verify(chain)) == []
    assert list(verify(chain, head)) == [f"{key_of('west', 3)} was logged, and is not there"]
