"""What goes over the socket between a service and its decoders: a JSON header, and bytes behind it.

No pickle: a decoder that a hostile file has taken over must not be able to run code in the service.
"""

import json
import socket
import struct
import time
from typing import Any

LARGEST_HEADER = 64 * 1024

_LENGTHS = struct.Struct("<IQ")


class Closed(Exception):
    """The other side has gone."""


class Channel:
    """One end. A deadline, in `time.monotonic()`, bounds a message as a whole; None waits for ever."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    def send(self, header: dict[str, Any], *payloads: Any, deadline: float | None = None) -> None:
        """Sends a header and buffers one after the other. Raises Closed, TimeoutError."""
        views = [memoryview(payload).cast("B") for payload in payloads]
        text = json.dumps({**header, "sizes": [len(view) for view in views]}).encode()
        self._send(_LENGTHS.pack(len(text), sum(len(view) for view in views)) + text, deadline)
        for view in views:
            self._send(view, deadline)

    def receive(self, largest: int, deadline: float | None = None) -> tuple[dict[str, Any], list[memoryview]]:
        """The next message, of at most so many bytes. Raises Closed, TimeoutError, and ValueError for no message."""
        header_size, size = _LENGTHS.unpack(self._receive(_LENGTHS.size, deadline))
        if header_size > LARGEST_HEADER or size > largest:
            raise ValueError("the message is larger than any may be")
        header = json.loads(bytes(self._receive(header_size, deadline)))
        payloads = [self._receive(part, deadline) for part in _sizes(header, size)]
        return header, payloads

    def close(self) -> None:
        """Ends the conversation."""
        self._socket.close()

    def _send(self, data: Any, deadline: float | None) -> None:
        self._socket.settimeout(_left(deadline))
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionError) as error:
            raise Closed from error

    def _receive(self, size: int, deadline: float | None) -> memoryview:
        data = memoryview(bytearray(size))
        filled = 0
        while filled < size:
            self._socket.settimeout(_left(deadline))
            try:
                count = self._socket.recv_into(data[filled:])
            except ConnectionError as error:
                raise Closed from error
            if not count:
                raise Closed
            filled += count
        return data


def _sizes(header: Any, size: int) -> list[int]:
    sizes = header["sizes"]
    if any(not isinstance(part, int) or part < 0 for part in sizes) or sum(sizes) != size:
        raise ValueError("the message's sizes do not add up")
    return list(sizes)


def _left(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    if (left := deadline - time.monotonic()) <= 0:
        raise TimeoutError
    return left
