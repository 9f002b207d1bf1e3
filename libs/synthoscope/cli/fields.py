"""`--set FIELD=VALUE`: any field of a training configuration by its name in the contract, its value checked by kind."""

import difflib
import math
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer
from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Any field of the training configuration (proto/synthoscope/api/training/v1/training.proto has them), "
        "such as r1=2, optimizer=rmsprop, horizontal_flip=true, class_epochs.normal=100, augmentation.zoom=0.1; "
        "repeatable.",
    ),
]

_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_WHOLE = frozenset({FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64})


def set_fields(message: Message, texts: Sequence[str]) -> None:
    """Sets fields of a message as texts such as `r1=2` say. Raises BadParameter: what was wrong, and what is right."""
    for text in texts:
        path, equals, value = text.partition("=")
        if not equals:
            raise _wrong(f"{text!r} must be FIELD=VALUE")
        _set(message, path, path, value)


def enum_words(enum: EnumDescriptor) -> dict[str, str]:
    """The names of an enum's values by what people write, such as `per-class`; without the unspecified one."""
    prefix = enum.values[0].name.removesuffix("UNSPECIFIED")
    return {value.name.removeprefix(prefix).lower().replace("_", "-"): value.name for value in enum.values[1:]}


def _set(message: Message, path: str, rest: str, text: str) -> None:
    name, _, inner = rest.partition(".")
    field = message.DESCRIPTOR.fields_by_name.get(name)
    if field is None:
        known = message.DESCRIPTOR.fields_by_name
        near = difflib.get_close_matches(name, known, n=1)
        raise _wrong(
            f"there is no field {path!r}; " + (f"did you mean {near[0]}?" if near else f"there are {_list(known)}")
        )
    if field.message_type is None:
        if inner:
            raise _wrong(f"{name} has no fields of its own, so {path!r} is none")
        setattr(message, name, _value(field, path, text))
    elif field.message_type.GetOptions().map_entry:
        if not inner:
            raise _wrong(f"{name} is by class: {name}.CLASS={text}")
        getattr(message, name)[inner] = _value(field.message_type.fields_by_name["value"], path, text)
    else:
        if not inner:
            raise _wrong(f"{name} has fields of its own: {_list(field.message_type.fields_by_name, name)}")
        _set(getattr(message, name), path, inner, text)


def _value(field: Any, path: str, text: str) -> bool | float | str:
    if field.enum_type is not None:
        words = enum_words(field.enum_type)
        if text.lower().replace("_", "-") not in words:
            raise _wrong(f"{path} must be one of {_list(words)}, not {text!r}")
        return words[text.lower().replace("_", "-")]
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        if text.lower() not in _WORDS:
            raise _wrong(f"{path} must be true or false, not {text!r}")
        return _WORDS[text.lower()]
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return text
    whole = field.cpp_type in _WHOLE
    try:
        number = int(text) if whole else float(text)
    except ValueError:
        number = math.nan
    bound = 2**63 if field.cpp_type == FieldDescriptor.CPPTYPE_INT64 else 2**31
    if not math.isfinite(number) or (whole and not -bound <= number < bound):
        raise _wrong(f"{path} must be a {'whole ' if whole else ''}number, not {text!r}")
    return number


def _list(names: Iterable[str], owner: str = "") -> str:
    return ", ".join(f"{owner}.{name}" if owner else name for name in names)


def _wrong(text: str) -> typer.BadParameter:
    return typer.BadParameter(text, param_hint="--set")
