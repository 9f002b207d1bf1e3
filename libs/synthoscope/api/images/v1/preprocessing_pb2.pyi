from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Preprocessing(_message.Message):
    __slots__ = ("steps",)
    STEPS_FIELD_NUMBER: _ClassVar[int]
    steps: _containers.RepeatedCompositeFieldContainer[PreprocessingStep]
    def __init__(self, steps: _Optional[_Iterable[_Union[PreprocessingStep, _Mapping]]] = ...) -> None: ...

class PreprocessingStep(_message.Message):
    __slots__ = ("margin_removal", "denoising", "contrast", "color", "resizing", "normalization", "centre_crop")
    MARGIN_REMOVAL_FIELD_NUMBER: _ClassVar[int]
    DENOISING_FIELD_NUMBER: _ClassVar[int]
    CONTRAST_FIELD_NUMBER: _ClassVar[int]
    COLOR_FIELD_NUMBER: _ClassVar[int]
    RESIZING_FIELD_NUMBER: _ClassVar[int]
    NORMALIZATION_FIELD_NUMBER: _ClassVar[int]
    CENTRE_CROP_FIELD_NUMBER: _ClassVar[int]
    margin_removal: MarginRemoval
    denoising: Denoising
    contrast: ContrastAdjustment
    color: ColorConversion
    resizing: Resizing
    normalization: Normalization
    centre_crop: CentreCrop
    def __init__(self, margin_removal: _Optional[_Union[MarginRemoval, _Mapping]] = ..., denoising: _Optional[_Union[Denoising, _Mapping]] = ..., contrast: _Optional[_Union[ContrastAdjustment, _Mapping]] = ..., color: _Optional[_Union[ColorConversion, _Mapping]] = ..., resizing: _Optional[_Union[Resizing, _Mapping]] = ..., normalization: _Optional[_Union[Normalization, _Mapping]] = ..., centre_crop: _Optional[_Union[CentreCrop, _Mapping]] = ...) -> None: ...

class MarginRemoval(_message.Message):
    __slots__ = ("threshold", "smallest_region")
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    SMALLEST_REGION_FIELD_NUMBER: _ClassVar[int]
    threshold: int
    smallest_region: float
    def __init__(self, threshold: _Optional[int] = ..., smallest_region: _Optional[float] = ...) -> None: ...

class CentreCrop(_message.Message):
    __slots__ = ("share",)
    SHARE_FIELD_NUMBER: _ClassVar[int]
    share: float
    def __init__(self, share: _Optional[float] = ...) -> None: ...

class Denoising(_message.Message):
    __slots__ = ("method", "size", "noise")
    class Method(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        METHOD_UNSPECIFIED: _ClassVar[Denoising.Method]
        METHOD_MEDIAN: _ClassVar[Denoising.Method]
        METHOD_NON_LOCAL_MEANS: _ClassVar[Denoising.Method]
    METHOD_UNSPECIFIED: Denoising.Method
    METHOD_MEDIAN: Denoising.Method
    METHOD_NON_LOCAL_MEANS: Denoising.Method
    METHOD_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    NOISE_FIELD_NUMBER: _ClassVar[int]
    method: Denoising.Method
    size: int
    noise: float
    def __init__(self, method: _Optional[_Union[Denoising.Method, str]] = ..., size: _Optional[int] = ..., noise: _Optional[float] = ...) -> None: ...

class ContrastAdjustment(_message.Message):
    __slots__ = ("method", "low_percentile", "high_percentile", "clip_limit", "tiles")
    class Method(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        METHOD_UNSPECIFIED: _ClassVar[ContrastAdjustment.Method]
        METHOD_PERCENTILE_STRETCH: _ClassVar[ContrastAdjustment.Method]
        METHOD_CLAHE: _ClassVar[ContrastAdjustment.Method]
    METHOD_UNSPECIFIED: ContrastAdjustment.Method
    METHOD_PERCENTILE_STRETCH: ContrastAdjustment.Method
    METHOD_CLAHE: ContrastAdjustment.Method
    METHOD_FIELD_NUMBER: _ClassVar[int]
    LOW_PERCENTILE_FIELD_NUMBER: _ClassVar[int]
    HIGH_PERCENTILE_FIELD_NUMBER: _ClassVar[int]
    CLIP_LIMIT_FIELD_NUMBER: _ClassVar[int]
    TILES_FIELD_NUMBER: _ClassVar[int]
    method: ContrastAdjustment.Method
    low_percentile: float
    high_percentile: float
    clip_limit: float
    tiles: int
    def __init__(self, method: _Optional[_Union[ContrastAdjustment.Method, str]] = ..., low_percentile: _Optional[float] = ..., high_percentile: _Optional[float] = ..., clip_limit: _Optional[float] = ..., tiles: _Optional[int] = ...) -> None: ...

class ColorConversion(_message.Message):
    __slots__ = ("mode",)
    class Mode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        MODE_UNSPECIFIED: _ClassVar[ColorConversion.Mode]
        MODE_RGB: _ClassVar[ColorConversion.Mode]
        MODE_GREY: _ClassVar[ColorConversion.Mode]
    MODE_UNSPECIFIED: ColorConversion.Mode
    MODE_RGB: ColorConversion.Mode
    MODE_GREY: ColorConversion.Mode
    MODE_FIELD_NUMBER: _ClassVar[int]
    mode: ColorConversion.Mode
    def __init__(self, mode: _Optional[_Union[ColorConversion.Mode, str]] = ...) -> None: ...

class Resizing(_message.Message):
    __slots__ = ("mode", "size")
    class Mode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        MODE_UNSPECIFIED: _ClassVar[Resizing.Mode]
        MODE_SQUEEZE: _ClassVar[Resizing.Mode]
        MODE_PAD: _ClassVar[Resizing.Mode]
    MODE_UNSPECIFIED: Resizing.Mode
    MODE_SQUEEZE: Resizing.Mode
    MODE_PAD: Resizing.Mode
    MODE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    mode: Resizing.Mode
    size: int
    def __init__(self, mode: _Optional[_Union[Resizing.Mode, str]] = ..., size: _Optional[int] = ...) -> None: ...

class Normalization(_message.Message):
    __slots__ = ("mean", "deviation")
    MEAN_FIELD_NUMBER: _ClassVar[int]
    DEVIATION_FIELD_NUMBER: _ClassVar[int]
    mean: float
    deviation: float
    def __init__(self, mean: _Optional[float] = ..., deviation: _Optional[float] = ...) -> None: ...
