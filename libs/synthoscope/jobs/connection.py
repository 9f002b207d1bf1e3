"""The connection to Redis or Valkey, and the one place where its errors become ours."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import redis
from pydantic import BaseModel, ConfigDict, SecretStr
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    NoPermissionError,
    OutOfMemoryError,
    RedisError,
    ResponseError,
)
from redis.retry import Retry

from synthoscope.rpc.errors import PermissionDenied, ResourceExhausted, SynthoscopeError, Unavailable


class RedisSettings(BaseModel):
    """Where Redis or Valkey is, and the password; `timeout` in seconds bounds connecting and every answer."""

    model_config = ConfigDict(frozen=True)

    host: str = "127.0.0.1"
    port: int = 6379
    password: SecretStr | None = None
    tls: bool = False
    timeout: float = 5.0
    retries: int = 2
    connections: int = 256


def connect(settings: RedisSettings) -> "redis.Redis":
    """A client that connects when it is first used. Safe for use from several threads."""
    return redis.Redis(
        host=settings.host,
        port=settings.port,
        password=settings.password.get_secret_value() if settings.password else None,
        ssl=settings.tls,
        socket_timeout=settings.timeout,
        socket_connect_timeout=settings.timeout,
        max_connections=settings.connections,
        health_check_interval=30,
        protocol=2,
        retry=Retry(ExponentialWithJitterBackoff(cap=0.5, base=0.05), settings.retries),
    )


def ping(settings: RedisSettings) -> None:
    """Asks for an answer, once and for a few seconds at most. Raises Unavailable or PermissionDenied."""
    impatient = settings.model_copy(update={"timeout": 2.0, "retries": 0})
    with translated(settings), closing(connect(impatient)) as client:
        client.ping()


@contextmanager
def translated(settings: RedisSettings) -> Iterator[None]:
    """Raises Unavailable, PermissionDenied or ResourceExhausted for what goes wrong with Redis inside."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise _ours(error, f"Redis at {settings.host}:{settings.port}") from error


def _ours(error: Exception, server: str) -> SynthoscopeError:
    if isinstance(error, AuthenticationError | AuthorizationError | NoPermissionError):
        return PermissionDenied(f"{server} refuses the credentials")
    if isinstance(error, OutOfMemoryError):
        return ResourceExhausted(f"{server} is full", retry_after=30.0)
    if isinstance(error, ResponseError):
        text = str(error)
        if text.startswith(("NOAUTH", "WRONGPASS", "NOPERM")):
            return PermissionDenied(f"{server} refuses the credentials")
        if text.startswith(("OOM", "MISCONF")) or "OOM" in text:
            return ResourceExhausted(f"{server} cannot store anything now", retry_after=30.0)
        return Unavailable(f"{server} refuses a command")
    return Unavailable(f"{server} cannot be reached")
