"""Direct lines from the edge to the replicas of the model: one gRPC call is one batch.

Ray Serve starts, watches, scales and replaces the replicas, and says where they are. The batches do not pass through
it: a call by a Serve handle takes the edge many times the processor time of a gRPC call. A replica listens at the
address of its node, and answers those who show the token that it has told through Serve, for which they need Ray's.
"""

import asyncio
import contextlib
import hmac
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
import structlog
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from synthoscope.api.classification.v1.replica_pb2 import (
    ReplicaAnswers,
    ReplicaRefusal,
    ReplicaRequest,
    ReplicaResponse,
)
from synthoscope.classifier.answering import INPUTS, Answers
from synthoscope.rpc.auth import AUTHORIZATION
from synthoscope.rpc.errors import ResourceExhausted, Unavailable

_SERVICE, _METHOD = "synthoscope.Replica", "Answer"
_OPTIONS = (
    ("grpc.max_receive_message_length", 1 << 30),  # a batch is as large as the model's images make it
    ("grpc.max_send_message_length", 1 << 30),
    ("grpc.keepalive_time_ms", 10_000),  # a host that has vanished says nothing
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.so_reuseport", 0),
)
_TRIES = 3
_GRACE = 5.0
_LONGEST_READ = 10.0
"""Seconds."""
_PAUSE = 0.2
"""Seconds between two looks for a replica while there is none."""
_MISTAKES = (grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.INVALID_ARGUMENT)

_log = structlog.get_logger()

AnswerBatch = Callable[[str, NDArray[np.uint8]], Awaitable["Answers | Refusal"]]
"""Answers images uint8 N×S×S×3 for a model version, or says why not."""


@dataclass(frozen=True)
class Refusal:
    """An error of ours as a value: an exception would lose its class on its way to the edge."""

    kind: str
    message: str


@dataclass(frozen=True)
class Place:
    """Where a replica listens, as host:port, and the token it wants."""

    address: str
    token: str


@dataclass(frozen=True)
class Places:
    """Where replicas were found; `complete` when there are no others."""

    found: frozenset[Place]
    complete: bool


class LineServer:
    """A replica's end of the lines. For use in one event loop."""

    def __init__(self, answer: AnswerBatch, most_calls: int) -> None:
        """`answer` answers images uint8 N×S×S×3 for a model version; beyond `most_calls` at once calls are refused."""
        self._answer = answer
        self._most_calls = most_calls
        self._token = secrets.token_urlsafe(24)
        self._opening: asyncio.Task[Place] | None = None
        self.calls = 0
        """That are being answered, or wait for it."""

    async def open(self, host: str, ports: Sequence[int] = (0,)) -> Place:
        """Listens on a free one of a host's ports, unless it does already, and says where; 0 is any free one.

        Raises Unavailable when none is free.
        """
        if self._opening is None:
            self._opening = asyncio.create_task(self._listen(f"[{host}]" if ":" in host else host, ports))
        try:
            return await asyncio.shield(self._opening)
        except Unavailable:
            self._opening = None  # the next one who asks may find a port
            raise

    async def _listen(self, host: str, ports: Sequence[int]) -> Place:
        server = grpc.aio.server(options=_OPTIONS, maximum_concurrent_rpcs=self._most_calls)
        # Read as a stream of one message: so nothing is read of those who do not show the token.
        handler: Any = grpc.stream_unary_rpc_method_handler(self._handle)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, {_METHOD: handler}),))
        port = _bound(server, host, ports)
        await server.start()
        self._server = server  # which stops when nothing holds it
        if not host.startswith(("127.", "[::1")):
            _log.warning("batches travel in clear text, and not on loopback", host=host)
        return Place(f"{host}:{port}", self._token)

    async def close(self) -> None:
        """Takes no more calls, and lets those that are being answered end, for some seconds at most."""
        if self._opening is not None:
            await self._opening
            await self._server.stop(_GRACE)

    async def _handle(self, _: Any, context: Any) -> bytes:
        shown = dict(context.invocation_metadata() or ()).get(AUTHORIZATION, "")
        if not hmac.compare_digest(str(shown), self._token):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "the token is not this replica's")
        try:
            async with asyncio.timeout(_LONGEST_READ):
                data = await context.read()
            request = ReplicaRequest.FromString(data if isinstance(data, bytes) else b"")
            images = np.frombuffer(request.pixels, np.uint8).reshape(-1, request.side, request.side, 3)
        except (DecodeError, ValueError, TimeoutError):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the request holds no images of one size")
        self.calls += 1
        try:
            return _response(await self._answer(request.model_version, images)).SerializeToString()
        finally:
            self.calls -= 1


def _bound(server: grpc.aio.Server, host: str, ports: Sequence[int]) -> int:
    # By chance, so that replicas that start together seldom try the same one.
    for port in random.sample(ports, len(ports)):
        with contextlib.suppress(RuntimeError):  # somebody has it
            return server.add_insecure_port(f"{host}:{port}")
    raise Unavailable(f"none of a replica's ports is free at {host}: {ports[0]} to {ports[-1]}")


class _Line:
    """The edge's end of the line to one replica."""

    def __init__(self, place: Place) -> None:
        self._channel = grpc.aio.insecure_channel(place.address, options=_OPTIONS)
        self._ask: Any = self._channel.unary_unary(f"/{_SERVICE}/{_METHOD}")
        self._metadata = ((AUTHORIZATION, place.token),)
        self.calls = 0
        self.last_asked = 0.0

    async def ask(self, request: bytes) -> bytes:
        self.calls += 1
        self.last_asked = time.monotonic()
        try:
            data: bytes = await self._ask(request, metadata=self._metadata)
            return data
        finally:
            self.calls -= 1

    async def close(self, grace: float) -> None:
        await self._channel.close(grace)


class Lines:
    """The edge's lines to all replicas. Each call takes the one with the fewest calls, equals by turns.

    For use in one event loop.
    """

    def __init__(self, find: Callable[[], Awaitable[Places]], call_seconds: float) -> None:
        """`find` looks for replicas; a line whose replica is to go is kept for `call_seconds` at most."""
        self._find = find
        self._call_seconds = call_seconds
        self._lines: dict[Place, _Line] = {}
        self._looking: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._lines)

    async def ask(self, model_version: str, images: NDArray[np.uint8]) -> Answers | Refusal:
        """The answers to images uint8 N×S×S×3, or why there are none.

        When a replica is gone another one is asked, as answering changes nothing; when there is none, one is waited
        for, without an end. Raises ResourceExhausted when the replica has too many calls, Unavailable when one after
        the other goes away.
        """
        message = ReplicaRequest(model_version=model_version, side=images.shape[1], pixels=images.tobytes())
        request = message.SerializeToString()
        for _ in range(_TRIES):
            place, line = await self._least_busy()
            try:
                return _outcome(ReplicaResponse.FromString(await line.ask(request)))
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
                    raise ResourceExhausted("the model's queue is full; try again later", retry_after=1.0) from None
                if error.code() in _MISTAKES:
                    raise RuntimeError("a replica failed to answer") from error
                _log.warning("a replica is gone; asking another one", reason=error.code().name)
                self._drop(place)
        raise Unavailable("the model cannot be reached")

    async def look(self) -> None:
        """Looks for replicas that have come or gone; several callers at once share one look."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        await asyncio.shield(self._looking)

    async def _look(self) -> None:
        places = await self._find()
        for place in places.found - self._lines.keys():
            self._lines[place] = _Line(place)
        if places.complete:
            for place in self._lines.keys() - places.found:
                self._drop(place)

    async def _least_busy(self) -> tuple[Place, _Line]:
        while not self._lines:
            await self.look()
            if not self._lines:
                await asyncio.sleep(_PAUSE)
        return min(self._lines.items(), key=lambda entry: (entry[1].calls, entry[1].last_asked))

    def _drop(self, place: Place) -> None:
        """Takes a replica off the list. Calls to it that are under way may end."""
        if line := self._lines.pop(place, None):
            closing = asyncio.create_task(line.close(self._call_seconds))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)


def _response(outcome: Answers | Refusal) -> ReplicaResponse:
    if isinstance(outcome, Refusal):
        return ReplicaResponse(refusal=ReplicaRefusal(kind=outcome.kind, message=outcome.message))
    return ReplicaResponse(
        answers=ReplicaAnswers(
            probabilities=_flat(outcome.probabilities),
            predicted=_flat(outcome.predicted),
            strangeness=_flat(outcome.strangeness),
            refused=_flat(outcome.refused),
            sets=() if outcome.sets is None else _flat(outcome.sets),
            inputs=_flat(outcome.inputs),
        )
    )


def _flat(table: NDArray[Any]) -> Sequence[Any]:
    values: Sequence[Any] = table.ravel().tolist()
    return values


def _outcome(response: ReplicaResponse) -> Answers | Refusal:
    if response.HasField("refusal"):
        return Refusal(response.refusal.kind, response.refusal.message)
    answers = response.answers
    images = len(answers.predicted)
    return Answers(
        np.array(answers.probabilities, np.float32).reshape(images, -1),
        np.array(answers.predicted, np.int64),
        np.array(answers.strangeness, np.float32),
        np.array(answers.refused, np.bool_),
        np.array(answers.sets, np.bool_).reshape(images, -1) if answers.sets else None,
        np.array(answers.inputs, np.float32).reshape(images, len(INPUTS)),
    )
