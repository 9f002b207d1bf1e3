"""Decoding of what strangers sent, in a few processes that may fail.

A decoder that crashes, runs out of memory or takes too long is the file's fault, not the service's: the caller gets a
status, the process is replaced, and nothing else notices. Processes are started when they are first needed and stay.
"""

import os
import queue
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from synthoscope.images.decoder_messages import Channel, Closed
from synthoscope.images.decoding import (
    LARGEST_FILE,
    MOST_PIXELS,
    DecodedImage,
    ImageFacts,
    ImagingIdentity,
    check_file,
)
from synthoscope.images.preprocessing import Pipeline
from synthoscope.pseudonyms import TenantPseudonyms
from synthoscope.rpc.errors import (
    FailedPrecondition,
    InvalidInput,
    ResourceExhausted,
    SynthoscopeError,
    Unavailable,
    Unimplemented,
)

_LARGEST_ANSWER = 3 * MOST_PIXELS + 2 * LARGEST_FILE
_ERRORS: dict[str, type[SynthoscopeError]] = {
    error.__name__: error for error in (FailedPrecondition, ResourceExhausted, Unimplemented)
}
_INHERITED = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR", "SYNTHOSCOPE_STACK")
_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP)


class DecodingSettings(BaseModel):
    """How many decoders there are, and what one image may take of one of them."""

    model_config = ConfigDict(frozen=True)

    processes: int = Field(default=2, ge=1)
    memory_mib: int = Field(default=1536, ge=256)
    """Address space of a process, its code included (about 200 MiB)."""
    seconds: float = Field(default=20, gt=0)
    wait_seconds: float = Field(default=30, gt=0)
    """How long an image waits for its turn."""
    start_seconds: float = Field(default=60, gt=0)


@dataclass(frozen=True)
class AcceptedImage:
    """What to store, and what is known of it; `pixels`, of the first frame as a pipeline makes them, if one was given.

    Empty otherwise.
    """

    data: bytes
    facts: ImageFacts
    identity: ImagingIdentity | None
    pixels: NDArray[np.uint8]


class Decoders:
    """The processes. Safe for use from several threads; `close` ends them, and so does the end of this process."""

    def __init__(self, settings: DecodingSettings | None = None) -> None:
        self._settings = settings or DecodingSettings()
        self._places: queue.LifoQueue[_Decoder | None] = queue.LifoQueue()
        for _ in range(self._settings.processes):
            self._places.put(None)

    def start(self) -> "Decoders":
        """Starts the processes now, without waiting for them: the first image then finds them ready. Returns self."""
        for _ in range(self._settings.processes):
            self._places.get()
        for _ in range(self._settings.processes):
            self._places.put(_Decoder(self._settings))
        return self

    def accept(
        self,
        data: bytes,
        field: str,
        pseudonyms: TenantPseudonyms,
        *,
        allow_burned_in_annotation: bool = False,
        refuse_identifiers: bool = False,
        pipeline: Pipeline | None = None,
    ) -> AcceptedImage:
        """`acceptance.accept` of a file. Raises what it raises, and what `decode` raises besides."""
        rules = {"allow_burned_in_annotation": allow_burned_in_annotation, "refuse_identifiers": refuse_identifiers}
        request = {
            "action": "accept",
            "field": field,
            "rules": rules,
            "pipeline": pipeline and pipeline.encoded,
            "pseudonyms": pseudonyms.key.hex(),
        }
        header, (changed, shown) = self._ask(request, data, field)
        identity = ImagingIdentity(**header["identity"]) if header["identity"] else None
        facts = ImageFacts(**header["facts"])
        return AcceptedImage(bytes(changed) if identity else data, facts, identity, _array(shown, header["shape"]))

    def decode(
        self, data: bytes, field: str = "image", frame: int = 0, pipeline: Pipeline | None = None
    ) -> DecodedImage:
        """`decoding.decode` of a file; the pixels are those that the pipeline makes, if one is given.

        Raises what it raises; InvalidInput for a file that breaks the decoder; ResourceExhausted for one that takes
        too much memory or time, or when all decoders are busy; Unavailable when decoders do not start or are killed.
        """
        header, (pixels,) = self._ask(
            {"action": "decode", "field": field, "frame": frame, "pipeline": pipeline and pipeline.encoded}, data, field
        )
        return DecodedImage(ImageFacts(**header["facts"]), _array(pixels, header["shape"]))

    def close(self) -> None:
        """Ends the processes that are idle; those at work end when they are done."""
        for _ in range(self._settings.processes):
            with suppress(queue.Empty):
                if decoder := self._places.get_nowait():
                    decoder.stop()

    def __enter__(self) -> "Decoders":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, request: dict[str, Any], data: bytes, field: str) -> tuple[dict[str, Any], list[memoryview]]:
        check_file(data, field)
        try:
            decoder = self._places.get(timeout=self._settings.wait_seconds)
        except queue.Empty:
            raise ResourceExhausted(f"{field}: all decoders are busy; try again later", retry_after=1) from None
        usable = None
        try:
            decoder = decoder or _Decoder(self._settings)
            answer = decoder.ask(request, data, field)
            usable = decoder
        finally:
            if usable is None and decoder is not None:
                decoder.stop()
            self._places.put(usable)
        return _checked(answer, field)


class _Decoder:
    """One process."""

    def __init__(self, settings: DecodingSettings) -> None:
        self._seconds = settings.seconds
        mine, its = socket.socketpair()
        with its:
            arguments = [str(its.fileno()), str(settings.memory_mib << 20), str(settings.seconds)]
            self._process = subprocess.Popen(  # noqa: S603 (its arguments are ours)
                [sys.executable, "-m", "synthoscope.images.decoder_process", *arguments],
                env={name: os.environ[name] for name in _INHERITED if name in os.environ} | _ONE_THREAD,
                pass_fds=[its.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # libraries quote there what they read
            )
        self._channel = Channel(mine)
        self._start_seconds = settings.start_seconds
        self._ready = False

    def ask(self, request: dict[str, Any], data: bytes, field: str) -> tuple[dict[str, Any], list[memoryview]]:
        """The answer to a request. Raises InvalidInput, ResourceExhausted or Unavailable when the process is lost.

        Waits for a process that has just been started.
        """
        self._get_ready()
        deadline = time.monotonic() + self._seconds
        try:
            self._channel.send(request, data, deadline=deadline)
            answer = self._channel.receive(_LARGEST_ANSWER, deadline)
        except TimeoutError:
            raise self._too_slow(field) from None
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidInput(field, "cannot be decoded: it breaks the decoder") from error
        except Closed:
            raise self._lost(field) from None
        if answer[0].get("error") == MemoryError.__name__:
            raise ResourceExhausted(f"{field}: takes too much memory to decode")
        return answer

    def _get_ready(self) -> None:
        if self._ready:
            return
        try:
            # Counted from the first question: it may come long after the start.
            self._channel.receive(0, time.monotonic() + self._start_seconds)
        except (Closed, TimeoutError) as error:
            raise Unavailable("the decoder of images does not start") from error
        self._ready = True

    def stop(self) -> None:
        """Ends it, whatever it does."""
        self._channel.close()
        self._process.kill()
        self._process.wait()

    def _lost(self, field: str) -> SynthoscopeError:
        status = self._process.wait(self._seconds)
        if -status == signal.SIGALRM:
            return self._too_slow(field)
        if -status in _CRASHES or status >= 0:
            return InvalidInput(field, "cannot be decoded: it breaks the decoder")
        return Unavailable(f"{field}: the decoder was killed; try again")

    def _too_slow(self, field: str) -> ResourceExhausted:
        return ResourceExhausted(f"{field}: takes more than {self._seconds:g} seconds to decode")


_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _checked(answer: tuple[dict[str, Any], list[memoryview]], field: str) -> tuple[dict[str, Any], list[memoryview]]:
    header = answer[0]
    name = header.get("error")
    if name is None:
        return answer
    if name == InvalidInput.__name__:
        raise InvalidInput(header["field"], header["message"])
    if name in _ERRORS:
        raise _ERRORS[name](header["message"])
    raise InvalidInput(field, "is damaged in a way that cannot be decoded")


def _array(data: memoryview, shape: list[int]) -> NDArray[np.uint8]:
    return np.frombuffer(data, np.uint8).reshape(shape)
