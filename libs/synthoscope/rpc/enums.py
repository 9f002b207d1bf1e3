"""Numbers of requests' enums that the contract does not know: the caller's mistake.

proto3 keeps such a number, so that what stores and forwards messages loses nothing. A request is answered here, and
what is asked for by a number that nobody knows cannot be done.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor
from google.protobuf.message import Message

from synthoscope.rpc.errors import InvalidInput


def check_enums(message: Message) -> None:
    """Raises InvalidInput, naming the field, when an enum anywhere in the message has a number it does not know."""
    for field, number, enum in _unknown(message, ""):
        known = ", ".join(value.name for value in enum.values)
        raise InvalidInput(field, f"is {number}; it must be one of {known}")


@cache
def _has_enums(kind: Descriptor) -> bool:
    """Whether messages of a type can hold an enum, so that all others, which are most, cost nothing."""
    seen: set[str] = set()
    kinds = [kind]
    while kinds:
        one = kinds.pop()
        if any(field.enum_type is not None for field in one.fields):
            return True
        seen.add(one.full_name)
        kinds += [
            field.message_type
            for field in one.fields
            if field.message_type is not None and field.message_type.full_name not in seen
        ]
    return False


def _unknown(message: Message, prefix: str) -> Iterator[tuple[str, int, EnumDescriptor]]:
    if not _has_enums(message.DESCRIPTOR):
        return
    for field, value in message.ListFields():
        path = f"{prefix}{field.name}"
        if field.enum_type is not None:
            numbers: Iterable[int] = value if field.is_repeated else (value,)
            known = field.enum_type.values_by_number
            yield from ((path, number, field.enum_type) for number in numbers if number not in known)
        elif field.message_type is not None:
            for part in _messages(value):
                yield from _unknown(part, f"{path}.")


def _messages(value: Any) -> Iterator[Message]:
    """The messages of a field: one, or those of a list or a map."""
    parts = (value,) if isinstance(value, Message) else value.values() if isinstance(value, Mapping) else value
    yield from (part for part in parts if isinstance(part, Message))
