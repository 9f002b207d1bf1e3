from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReplicaRequest(_message.Message):
    __slots__ = ("model_version", "side", "pixels")
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    PIXELS_FIELD_NUMBER: _ClassVar[int]
    model_version: str
    side: int
    pixels: bytes
    def __init__(self, model_version: _Optional[str] = ..., side: _Optional[int] = ..., pixels: _Optional[bytes] = ...) -> None: ...

class ReplicaResponse(_message.Message):
    __slots__ = ("answers", "refusal")
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    answers: ReplicaAnswers
    refusal: ReplicaRefusal
    def __init__(self, answers: _Optional[_Union[ReplicaAnswers, _Mapping]] = ..., refusal: _Optional[_Union[ReplicaRefusal, _Mapping]] = ...) -> None: ...

class ReplicaAnswers(_message.Message):
    __slots__ = ("probabilities", "predicted", "strangeness", "refused", "sets", "inputs")
    PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    PREDICTED_FIELD_NUMBER: _ClassVar[int]
    STRANGENESS_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    SETS_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    probabilities: _containers.RepeatedScalarFieldContainer[float]
    predicted: _containers.RepeatedScalarFieldContainer[int]
    strangeness: _containers.RepeatedScalarFieldContainer[float]
    refused: _containers.RepeatedScalarFieldContainer[bool]
    sets: _containers.RepeatedScalarFieldContainer[bool]
    inputs: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, probabilities: _Optional[_Iterable[float]] = ..., predicted: _Optional[_Iterable[int]] = ..., strangeness: _Optional[_Iterable[float]] = ..., refused: _Optional[_Iterable[bool]] = ..., sets: _Optional[_Iterable[bool]] = ..., inputs: _Optional[_Iterable[float]] = ...) -> None: ...

class ReplicaRefusal(_message.Message):
    __slots__ = ("kind", "message")
    KIND_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    kind: str
    message: str
    def __init__(self, kind: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...
