"""A process that decodes what strangers sent: `python -m synthoscope.images.decoder_process SOCKET BYTES SECONDS`.

It is given no credentials and can write no files; its user is the service's, so what that user may read, it may read.
A file may cost so much memory and so many seconds; more ends it, and the service starts another.
"""

import dataclasses
import os
import resource
import signal
import socket
import sys
import warnings
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthoscope.images.acceptance import Rules, accept
from synthoscope.images.decoder_messages import Channel, Closed
from synthoscope.images.decoding import LARGEST_FILE, ImageFacts, ImagingIdentity, decode
from synthoscope.images.preprocessing import Pipeline
from synthoscope.pseudonyms import TenantPseudonyms
from synthoscope.rpc.errors import InvalidInput, SynthoscopeError

_OPEN_FILES = 64
_NO_PIXELS = np.empty((0, 0, 3), np.uint8)


def main() -> None:
    """Answers until the service hangs up."""
    descriptor, memory, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    _limit(memory)
    warnings.simplefilter("ignore")
    channel = Channel(socket.socket(fileno=descriptor))
    channel.send({"ready": True})
    while True:
        try:
            request, (data,) = channel.receive(LARGEST_FILE)
        except Closed:
            return
        signal.setitimer(signal.ITIMER_REAL, seconds)  # SIGALRM ends it, also when nobody waits any more
        header, payloads = _answer(request, bytes(data))
        signal.setitimer(signal.ITIMER_REAL, 0)
        channel.send(header, *payloads)
        if header.get("error") == MemoryError.__name__:
            return


def _limit(memory: int) -> None:
    for what, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(what, (most, most))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    os.umask(0o077)


def _answer(request: dict[str, Any], data: bytes) -> tuple[dict[str, Any], list[Any]]:
    try:
        return _accepted(request, data) if request["action"] == "accept" else _decoded(request, data)
    except InvalidInput as error:
        violation = error.violations[0]
        return {"error": type(error).__name__, "field": violation.field, "message": violation.description}, []
    except SynthoscopeError as error:
        return {"error": type(error).__name__, "message": error.message}, []
    except MemoryError:
        return {"error": MemoryError.__name__}, []
    except Exception:  # the process's boundary: a file that nobody foresaw is a bad file, and its text stays here
        return {"error": Exception.__name__}, []


def _accepted(request: dict[str, Any], data: bytes) -> tuple[dict[str, Any], list[Any]]:
    pseudonyms = TenantPseudonyms(bytes.fromhex(request["pseudonyms"]))
    accepted = accept(data, request["field"], pseudonyms, Rules(**request["rules"]))
    changed = accepted.data if accepted.identity else b""
    pixels = _prepared(accepted.pixels, request["pipeline"]) if request["pipeline"] else _NO_PIXELS
    return _described(accepted.facts, pixels, accepted.identity), [changed, pixels if pixels.size else b""]


def _decoded(request: dict[str, Any], data: bytes) -> tuple[dict[str, Any], list[Any]]:
    decoded = decode(data, request["field"], request["frame"])
    pixels = _prepared(decoded.pixels, request["pipeline"])
    return _described(decoded.facts, pixels, None), [pixels]


def _prepared(pixels: NDArray[np.uint8], pipeline: str | None) -> NDArray[np.uint8]:
    return np.ascontiguousarray(_pipeline(pipeline).apply(pixels).pixels if pipeline else pixels)


@lru_cache(64)
def _pipeline(encoded: str) -> Pipeline:
    return Pipeline.decoded(encoded)


def _described(facts: ImageFacts, pixels: NDArray[np.uint8], identity: ImagingIdentity | None) -> dict[str, Any]:
    return {
        "facts": dataclasses.asdict(facts),
        "shape": pixels.shape,
        "identity": identity and dataclasses.asdict(identity),
    }


if __name__ == "__main__":
    main()
