"""Random bytes for a method: messages of its request type with odd values, and bytes that are changed afterwards."""

import random
from collections.abc import Mapping, Sequence

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

_DEEPEST = 3
_INTEGERS = (0, 1, -1, 2, 100, 1000, 1001, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63), 2**32 - 1, 2**64 - 1)
_FLOATS = (0.0, 1.0, -1.0, 0.5, float("nan"), float("inf"), float("-inf"), 1e308, -1e-308)
_TEXTS = (
    "", " ", "a", "../..", "tenants/", "tenants/default", "tenants/other", "tenants/default/models/cnn", "\x00", "\n",
    "\u202e", "é" * 100, "x" * 10_000, "tenants/default/diagnoses/..%2f", "NaN", "{}", "latest", "champion",
)  # fmt: skip

_BOUNDS: Mapping[int, tuple[int, int]] = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SINT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_SINT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
    FieldDescriptor.TYPE_ENUM: (-(2**31), 2**31 - 1),
}


def random_message(
    descriptor: Descriptor, chance: random.Random, texts: Sequence[str], data: Sequence[bytes], depth: int = 0
) -> Message:
    """A message of a type; its texts are odd ones or of `texts`, its bytes random or of `data`."""
    message = message_factory.GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if chance.random() < 0.4:
            continue
        kind = field.message_type
        if kind is not None and depth >= _DEEPEST:
            continue
        if kind is not None and kind.GetOptions().map_entry:
            _fill_map(getattr(message, field.name), kind, chance, texts, data, depth)
        elif field.is_repeated:
            _fill_list(getattr(message, field.name), field, chance, texts, data, depth)
        elif kind is not None:
            getattr(message, field.name).CopyFrom(random_message(kind, chance, texts, data, depth + 1))
        else:
            setattr(message, field.name, _scalar(field, chance, texts, data))
    return message


def varied(good: Message, chance: random.Random, texts: Sequence[str], data: Sequence[bytes]) -> Message:
    """A good message with a field or two as in a random one: what is behind the first checks is reached, too."""
    made, other = type(good)(), random_message(good.DESCRIPTOR, chance, texts, data)
    made.CopyFrom(good)
    for field in chance.sample(list(good.DESCRIPTOR.fields), min(len(good.DESCRIPTOR.fields), chance.randint(0, 2))):
        made.ClearField(field.name)
        part = type(good)()
        part.CopyFrom(other)
        for unwanted in good.DESCRIPTOR.fields:
            if unwanted.name != field.name:
                part.ClearField(unwanted.name)
        made.MergeFrom(part)
    return made


def changed(data: bytes, chance: random.Random) -> bytes:
    """The same bytes with a few of them changed, removed, added or repeated."""
    made = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(made) + 1)
        match chance.randrange(5):
            case 0 if made:
                made[at % len(made)] ^= 1 << chance.randrange(8)
            case 1:
                del made[at : at + chance.randint(1, 8)]
            case 2:
                made[at:at] = chance.randbytes(chance.randint(1, 8))
            case 3:
                del made[at:]
            case _:
                made += made[at : at + 16]
    return bytes(made)


def _fill_map(
    values: object,
    kind: Descriptor,
    chance: random.Random,
    texts: Sequence[str],
    data: Sequence[bytes],
    depth: int,
) -> None:
    key, value = kind.fields_by_name["key"], kind.fields_by_name["value"]
    for _ in range(chance.randint(0, 3)):
        name = _scalar(key, chance, texts, data)
        if value.message_type is not None:
            values[name].CopyFrom(random_message(value.message_type, chance, texts, data, depth + 1))
        else:
            values[name] = _scalar(value, chance, texts, data)


def _fill_list(
    values: object,
    field: FieldDescriptor,
    chance: random.Random,
    texts: Sequence[str],
    data: Sequence[bytes],
    depth: int,
) -> None:
    for _ in range(chance.choice((0, 1, 1, 2, 3))):
        if field.message_type is not None:
            values.add().CopyFrom(random_message(field.message_type, chance, texts, data, depth + 1))
        else:
            values.append(_scalar(field, chance, texts, data))


def _scalar(field: FieldDescriptor, chance: random.Random, texts: Sequence[str], data: Sequence[bytes]) -> object:
    if field.type == FieldDescriptor.TYPE_STRING:
        return chance.choice(texts if texts and chance.random() < 0.7 else _TEXTS)
    if field.type == FieldDescriptor.TYPE_BYTES:
        odd = chance.randbytes(chance.choice((0, 1, 9, 200)))
        return chance.choice(data) if data and chance.random() < 0.7 else odd
    if field.type == FieldDescriptor.TYPE_BOOL:
        return chance.random() < 0.5
    if field.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
        return chance.choice(_FLOATS)
    low, high = _BOUNDS[field.type]
    known = field.enum_type.values_by_number if field.enum_type is not None else ()
    if known and chance.random() < 0.7:
        return chance.choice(list(known))
    return min(max(chance.choice(_INTEGERS), low), high)
