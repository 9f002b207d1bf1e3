"""Lines to replicas, by real gRPC on loopback."""

import asyncio
import socket

import grpc
import numpy as np
import pytest

from services.classification.lines import Lines, LineServer, Place, Places, Refusal
from services.classification.settings import ServeSettings
from synthoscope.api.classification.v1.replica_pb2 import ReplicaRequest
from synthoscope.classifier.answering import Answers
from synthoscope.rpc.errors import ResourceExhausted, Unavailable

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 3), np.uint8)
ANSWERS = Answers(
    np.array([[0.1, 0.9], [0.25, 0.75], [1 / 3, 2 / 3]], np.float32),
    np.array([1, 1, 0]),
    np.array([0.5, 1.5, 1e-9], np.float32),
    np.array([False, True, False]),
    np.array([[True, False], [True, True], [False, False]]),
    np.arange(9, dtype=np.float32).reshape(3, 3),
)


class Replica:
    """Answers, when it may, and notes what it was asked."""

    def __init__(self, outcome=ANSWERS, most_calls=8):
        self.outcome, self.asked = outcome, []
        self.go = asyncio.Event()
        self.go.set()
        self.server = LineServer(self.answer, most_calls)

    async def answer(self, model_version, images):
        self.asked.append((model_version, images.copy()))
        await self.go.wait()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@pytest.fixture
async def replicas():
    """Makes replicas that listen, as many as are asked for."""
    made = []

    async def make(count, **options):
        made.extend(Replica(**options) for _ in range(count))
        return made[-count:], [await replica.server.open("127.0.0.1") for replica in made[-count:]]

    yield make
    for replica in made:
        replica.go.set()
        await replica.server.close()


def lines_to(places, complete=True):
    async def find():
        return Places(frozenset(places), complete)

    return Lines(find, 1.0)


async def test_answers_arrive_as_they_were(replicas):
    (replica,), places = await replicas(1)
    found = await lines_to(places).ask("m", IMAGES)
    for name in ("probabilities", "predicted", "strangeness", "refused", "sets", "inputs"):
        expected, got = getattr(ANSWERS, name), getattr(found, name)
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected)
    [(name, images)] = replica.asked
    assert name == "m"
    np.testing.assert_array_equal(images, IMAGES)


async def test_a_model_without_sets_has_none(replicas):
    bare = Answers(*(getattr(ANSWERS, name) for name in ("probabilities", "predicted", "strangeness", "refused")), None,
                   ANSWERS.inputs)  # fmt: skip
    _, places = await replicas(1, outcome=bare)
    assert (await lines_to(places).ask("m", IMAGES)).sets is None


async def test_refusals_keep_their_kind(replicas):
    _, places = await replicas(1, outcome=Refusal("DataLoss", "the weights are damaged"))
    assert await lines_to(places).ask("m", IMAGES) == Refusal("DataLoss", "the weights are damaged")


async def test_a_batch_may_be_large(replicas):
    (replica,), places = await replicas(1)
    await lines_to(places).ask("m", np.zeros((8, 512, 512, 3), np.uint8))
    assert replica.asked[0][1].shape == (8, 512, 512, 3)


async def test_the_replica_with_the_fewest_calls_is_asked(replicas):
    pair, places = await replicas(2)
    for replica in pair:
        replica.go.clear()
    lines = lines_to(places)
    calls = [asyncio.create_task(lines.ask("m", IMAGES)) for _ in range(6)]
    await asyncio.sleep(0.3)
    assert [len(replica.asked) for replica in pair] == [3, 3]
    assert [replica.server.calls for replica in pair] == [3, 3]
    for replica in pair:
        replica.go.set()
    await asyncio.gather(*calls)
    assert [replica.server.calls for replica in pair] == [0, 0]


async def test_a_replica_that_has_gone_costs_no_answer_and_is_forgotten(replicas):
    pair, places = await replicas(2)
    lines = lines_to(places, complete=False)
    await lines.look()
    await pair[0].server.close()
    for _ in range(4):
        await lines.ask("m", IMAGES)
    assert len(pair[1].asked) == 4
    assert len(lines) == 1


async def test_one_that_dies_on_whatever_asks_it_is_given_up_after_three(replicas):
    pair, places = await replicas(4)
    for replica in pair:
        await replica.server.close()
    lines = lines_to(places)
    with pytest.raises(Unavailable):
        await lines.ask("m", IMAGES)
    assert len(lines) == 1


async def test_a_replica_is_waited_for(replicas):
    _, places = await replicas(1)
    known = set()

    async def find():
        return Places(frozenset(known), complete=True)

    lines = Lines(find, 1.0)
    call = asyncio.create_task(lines.ask("m", IMAGES))
    await asyncio.sleep(0.3)
    assert not call.done()
    known.update(places)
    assert len((await asyncio.wait_for(call, 5)).predicted) == 3


async def test_replicas_come_and_go_with_what_is_found(replicas):
    _, places = await replicas(2)
    known, complete = set(places), True

    async def find():
        return Places(frozenset(known), complete)

    lines = Lines(find, 1.0)
    await asyncio.gather(lines.look(), lines.look())
    assert len(lines) == 2
    known.pop()
    complete = False
    await lines.look()
    assert len(lines) == 2  # the other one may be too busy to say where it is
    complete = True
    await lines.look()
    assert len(lines) == 1


async def test_a_replica_with_too_many_calls_is_resource_exhausted(replicas):
    (replica,), places = await replicas(1, most_calls=2)
    replica.go.clear()
    lines = lines_to(places)
    calls = [asyncio.create_task(lines.ask("m", IMAGES)) for _ in range(2)]
    await asyncio.sleep(0.2)
    with pytest.raises(ResourceExhausted) as error:
        await lines.ask("m", IMAGES)
    assert error.value.retry_after == 1.0
    replica.go.set()
    await asyncio.gather(*calls)


async def test_a_call_that_nobody_waits_for_ends_at_the_replica(replicas):
    (replica,), places = await replicas(1)
    replica.go.clear()
    call = asyncio.create_task(lines_to(places).ask("m", IMAGES))
    await asyncio.sleep(0.2)
    assert replica.server.calls == 1
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.sleep(0.2)
    assert replica.server.calls == 0


async def test_what_was_not_foreseen_is_not_dressed_up(replicas):
    _, places = await replicas(1, outcome=ValueError("x"))
    with pytest.raises(RuntimeError, match="failed to answer"):
        await lines_to(places).ask("m", IMAGES)


@pytest.mark.parametrize(
    ("token", "data", "code"),
    [
        (None, ReplicaRequest(side=1, pixels=b"123"), grpc.StatusCode.UNAUTHENTICATED),
        ("other", ReplicaRequest(side=1, pixels=b"123"), grpc.StatusCode.UNAUTHENTICATED),
        ("own", ReplicaRequest(side=2, pixels=b"123"), grpc.StatusCode.INVALID_ARGUMENT),
        ("own", ReplicaRequest(side=0, pixels=b"123"), grpc.StatusCode.INVALID_ARGUMENT),
        ("own", b"\xff\xff", grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_strangers_and_nonsense_are_refused(replicas, token, data, code):
    (replica,), [place] = await replicas(1)
    metadata = [("authorization", place.token if token == "own" else token)] if token else []
    async with grpc.aio.insecure_channel(place.address) as channel:
        ask = channel.unary_unary("/synthoscope.Replica/Answer")
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await ask(data if isinstance(data, bytes) else data.SerializeToString(), metadata=metadata)
    assert error.value.code() is code
    assert replica.asked == []


async def test_a_port_that_belongs_to_another_replica_by_now_is_forgotten(replicas):
    (replica,), [place] = await replicas(1)
    lines = lines_to([Place(place.address, "of one that died"), place], complete=False)
    for _ in range(3):
        await lines.ask("m", IMAGES)
    assert len(replica.asked) == 3
    assert len(lines) == 1


async def test_a_replica_listens_within_its_ports_or_says_that_none_is_free():
    with socket.socket() as taken, socket.socket() as free:
        for probe in (taken, free):
            probe.bind(("127.0.0.1", 0))
        taken.listen()
        ports = [probe.getsockname()[1] for probe in (taken, free)]
        free.close()
        server = LineServer(Replica().answer, 1)
        assert (await server.open("127.0.0.1", ports)).address == f"127.0.0.1:{ports[1]}"
        with pytest.raises(Unavailable, match=f"{ports[0]} to {ports[0]}"):
            await LineServer(Replica().answer, 1).open("127.0.0.1", ports[:1])
        await server.close()


async def test_a_port_that_becomes_free_is_taken_when_the_replica_is_asked_again():
    server = LineServer(Replica().answer, 1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = [taken.getsockname()[1]]
        with pytest.raises(Unavailable):
            await server.open("127.0.0.1", ports)
    assert (await server.open("127.0.0.1", ports)).address == f"127.0.0.1:{ports[0]}"
    await server.close()


def test_ports_are_a_range_or_any():
    assert list(ServeSettings().line_ports) == [0]
    assert list(ServeSettings(first_line_port=7000).line_ports) == [7000]
    assert list(ServeSettings(first_line_port=7000, last_line_port=7002).line_ports) == [7000, 7001, 7002]
    for first, last in ((0, 7000), (7001, 7000)):
        with pytest.raises(ValueError, match="first_line_port"):
            ServeSettings(first_line_port=first, last_line_port=last)
