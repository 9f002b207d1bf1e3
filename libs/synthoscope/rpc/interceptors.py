"""The one interceptor of every server. From the outside in, a call is

let in, or refused unread when its service has no room → observed (metrics, log line) → translated (errors to
statuses) → counted against the capacity → bounded by its deadline → authenticated → read, parsed and checked for
foreign tenants → answered.

Handlers get parsed messages and give messages, but gRPC sees bytes on both sides: what does not parse is the caller's
mistake, and grpc.aio would call it UNKNOWN. A unary request is read as a stream of one, so that the deadline covers a
caller that never sends it.
"""

import asyncio
import contextlib
import contextvars
import inspect
import itertools
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import grpc
import structlog
from google.protobuf.message import DecodeError, Message

from synthoscope.rpc import health, metrics, status
from synthoscope.rpc.auth import Authenticator, Caller, ForeignTenant, become, check_tenant, current_caller
from synthoscope.rpc.deadlines import Deadlines
from synthoscope.rpc.enums import check_enums
from synthoscope.rpc.errors import (
    InvalidInput,
    PermissionDenied,
    ResourceExhausted,
    SynthoscopeError,
    Unauthenticated,
    Unimplemented,
)
from synthoscope.rpc.rates import Rates
from synthoscope.rpc.roles import roles_of

_log = structlog.get_logger()
_END: Any = grpc.aio.EOF
_PROCESS, _CALLS = secrets.token_hex(4), itertools.count()
"""What the ids of calls are made of: chance for every call costs a system call."""


@dataclass
class Capacity:
    """How many calls may be in flight."""

    limit: int
    in_flight: int = 0

    @contextlib.contextmanager
    def slot(self) -> Iterator[None]:
        """Takes a place for the block. Raises ResourceExhausted when there is none."""
        if self.in_flight >= self.limit:
            raise ResourceExhausted(f"{self.limit} calls are in flight already; try again later", retry_after=1.0)
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1


@dataclass(frozen=True)
class Method:
    """A servicer's method and how its messages travel."""

    name: str
    handler: "grpc.RpcMethodHandler[Any, Any]"
    roles: frozenset[str]

    @property
    def open_to_all(self) -> bool:
        """Whether it needs no token and no free place: probes must work when nothing else does."""
        return self.name.startswith(f"/{health.NAME}/")

    @property
    def behaviour(self) -> Callable[..., Any]:
        """The servicer's function."""
        handler = self.handler
        function = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
        if function is None:
            raise TypeError(f"{self.name} has no behaviour")
        return function

    def parse(self, data: bytes, tenant: str | None) -> Message:
        """The request message.

        Raises InvalidInput when it is not one or has an enum's unknown number, NotFound when it names another tenant.
        """
        try:
            message: Message = self.handler.request_deserializer(data)  # type: ignore[misc]
        except DecodeError:
            raise InvalidInput("", "the request is not a well-formed message of its type") from None
        if tenant is not None:
            check_tenant(message, tenant)
        check_enums(message)
        return message


@dataclass(frozen=True)
class Denial:
    """A call that was denied: the full name of its method, who made it if that is known, and why."""

    method: str
    caller: Caller | None
    error: SynthoscopeError


OnDenied = Callable[[Denial], None]


@dataclass(frozen=True)
class CallInterceptor(grpc.aio.ServerInterceptor):
    """Puts everything that all calls share around every method of a server. `pool` runs plain (not async) methods."""

    authenticator: Authenticator
    deadlines: Deadlines
    capacity: Capacity
    rates: Rates
    pool: ThreadPoolExecutor
    on_denied: OnDenied
    doors: Mapping[str, Callable[[], None]]
    """By method: raises ResourceExhausted when a call is to be refused at once."""
    _wrapped: dict[str, Any] = field(default_factory=dict)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """The method's handler with everything around it; None (UNIMPLEMENTED) for a method that does not exist."""
        name = handler_call_details.method
        if name not in self._wrapped:
            handler = await continuation(handler_call_details)
            if handler is None:
                metrics.count_unknown()
                return None
            self._wrapped[name] = self._wrap(Method(name, handler, roles_of(name)))
        try:
            self.doors.get(name, _open)()
        except ResourceExhausted as error:
            return _refusing(name, error)
        return self._wrapped[name]

    def _wrap(self, method: Method) -> Any:
        async def answer(_: Any, context: Any) -> bytes:
            async with self._call(method, context) as request:
                return _serialized(method, await self._respond(method, request, context))

        async def answer_with_stream(_: Any, context: Any) -> None:
            async with (
                self._call(method, context) as request,
                contextlib.aclosing(method.behaviour(request, context)) as responses,
            ):
                async for response in responses:
                    await context.write(_serialized(method, response))

        if method.handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(answer_with_stream)
        return grpc.stream_unary_rpc_method_handler(answer)

    @contextlib.asynccontextmanager
    async def _call(self, method: Method, context: Any) -> AsyncIterator[Any]:
        handler, deadlines = method.handler, self.deadlines
        call = f"{_PROCESS}{next(_CALLS):08x}"
        structlog.contextvars.bind_contextvars(call=call)
        seconds = deadlines.seconds(context.time_remaining(), handler.request_streaming, handler.response_streaming)
        slot = contextlib.nullcontext() if method.open_to_all else self.capacity.slot()
        async with metrics.observed(method.name, context), _translated(context, call):
            with slot:
                async with deadlines.limit(seconds, watch=handler.response_streaming), self._noticed(method):
                    tenant = None if method.open_to_all else self._authenticate(method, context)
                    if handler.request_streaming:
                        yield _requests(method, context, tenant)
                    else:
                        yield await _request(method, context, tenant)

    @contextlib.asynccontextmanager
    async def _noticed(self, method: Method) -> AsyncIterator[None]:
        """Tells of calls that are denied."""
        try:
            yield
        except (Unauthenticated, PermissionDenied, ForeignTenant) as error:
            self.on_denied(Denial(method.name, current_caller(), error))
            raise

    def _authenticate(self, method: Method, context: Any) -> str:
        identity = self.authenticator.authenticate(context.invocation_metadata() or ())
        become(identity)
        self.rates.take((identity.tenant, identity.subject))
        identity.require(method.roles)
        structlog.contextvars.bind_contextvars(tenant=identity.tenant, subject=identity.subject)
        return identity.tenant

    async def _respond(self, method: Method, request: Any, context: Any) -> Message:
        behaviour = method.behaviour
        if inspect.iscoroutinefunction(behaviour):
            return await behaviour(request, context)
        run = contextvars.copy_context().run
        return await asyncio.get_running_loop().run_in_executor(self.pool, run, behaviour, request, context)


async def _request(method: Method, context: Any, tenant: str | None) -> Message:
    data = await context.read()
    if data is _END:
        raise InvalidInput("", "the call ended without a request message")
    return method.parse(data, tenant)


async def _requests(method: Method, context: Any, tenant: str | None) -> AsyncIterator[Message]:
    while (data := await context.read()) is not _END:
        yield method.parse(data, tenant)


def _serialized(method: Method, response: Message) -> bytes:
    return method.handler.response_serializer(response)  # type: ignore[misc]


def _open() -> None:
    """A door that refuses nobody."""


def _refusing(name: str, error: ResourceExhausted) -> Any:
    """A handler that refuses without reading: no token, no log line, only the count."""

    async def refuse(_: Any, context: Any) -> None:
        metrics.count_refused(name)
        await context.abort(error.status, error.message, _details(error.message, error.retry_after))

    return grpc.stream_unary_rpc_method_handler(refuse)


@lru_cache(64)
def _details(message: str, retry_after: float | None) -> tuple[tuple[str, str | bytes], ...]:
    return status.trailing_metadata(status.to_status(ResourceExhausted(message, retry_after)))


@contextlib.asynccontextmanager
async def _translated(context: Any, call: str) -> AsyncIterator[None]:
    """The process boundary: what a method raises becomes a status; what was not foreseen shows its id only."""
    try:
        yield
    except grpc.aio.BaseError:  # already answered, or nobody is there to be answered
        raise
    except SynthoscopeError as error:
        await _abort(context, error)
    except NotImplementedError:
        if context.code() is not grpc.StatusCode.UNIMPLEMENTED:  # generated servicers set it; others mean a mistake
            await _abort_unexpected(context, call)
        await _abort(context, Unimplemented("not offered here"))
    except Exception:
        await _abort_unexpected(context, call)


async def _abort(context: Any, error: SynthoscopeError) -> None:
    answer = status.to_status(error)
    await context.abort(error.status, answer.message, status.trailing_metadata(answer))


async def _abort_unexpected(context: Any, call: str) -> None:
    _log.error("unexpected error", error_id=call, exc_info=True)
    await context.abort(grpc.StatusCode.INTERNAL, f"internal error {call}")
