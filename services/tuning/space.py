"""Which hyperparameters can be searched, and whether a search space makes sense."""

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanTrainingConfig
from synthoscope.api.tuning.v1.tuning_pb2 import Parameter, StudySpecification
from synthoscope.classifier.config import ClassifierConfig
from synthoscope.classifier.parsing import from_message
from synthoscope.gan import config as gan_config
from synthoscope.gan.config import GanConfig
from synthoscope.rpc.errors import InvalidInput, ResourceExhausted, SynthoscopeError

MOST_CHOICES = 100
"""Values to choose from for one hyperparameter."""


@dataclass(frozen=True)
class Hyperparameter:
    """A numeric field of a training configuration; `whole` when it only takes integers."""

    whole: bool = False
    may_be_zero: bool = False


_CLASSIFIER: Mapping[str, Hyperparameter] = {
    "learning_rate": Hyperparameter(),
    "batch_size": Hyperparameter(whole=True),
    "dropout": Hyperparameter(may_be_zero=True),
    "early_stopping_patience": Hyperparameter(whole=True),
    "plateau_patience": Hyperparameter(whole=True),
    "weight_decay": Hyperparameter(may_be_zero=True),
    "label_smoothing": Hyperparameter(may_be_zero=True),
    "mixup": Hyperparameter(may_be_zero=True),
    "ema_decay": Hyperparameter(may_be_zero=True),
    "frozen_epochs": Hyperparameter(whole=True, may_be_zero=True),
    "backbone_rate": Hyperparameter(),
    "augmentation.rotation_degrees": Hyperparameter(may_be_zero=True),
    "augmentation.brightness": Hyperparameter(may_be_zero=True),
    "augmentation.width_shift": Hyperparameter(may_be_zero=True),
    "augmentation.height_shift": Hyperparameter(may_be_zero=True),
    "augmentation.shear_degrees": Hyperparameter(may_be_zero=True),
    "augmentation.zoom": Hyperparameter(may_be_zero=True),
    "augmentation.contrast": Hyperparameter(may_be_zero=True),
    "augmentation.crop": Hyperparameter(may_be_zero=True),
}

_GAN: Mapping[str, Hyperparameter] = {
    "learning_rate": Hyperparameter(),
    "batch_size": Hyperparameter(whole=True),
    "beta1": Hyperparameter(may_be_zero=True),
    "beta2": Hyperparameter(may_be_zero=True),
    "generator_rate": Hyperparameter(),
    "final_rate": Hyperparameter(),
    "critic_steps": Hyperparameter(whole=True),
    "width": Hyperparameter(whole=True),
    "gradient_penalty": Hyperparameter(may_be_zero=True),
    "r1": Hyperparameter(may_be_zero=True),
    "r2": Hyperparameter(may_be_zero=True),
    "final_penalty": Hyperparameter(),
    "weight_clip": Hyperparameter(may_be_zero=True),
    "weight_decay": Hyperparameter(may_be_zero=True),
    "class_weight": Hyperparameter(may_be_zero=True),
    "code_weight": Hyperparameter(may_be_zero=True),
    "ema_kimg": Hyperparameter(may_be_zero=True),
    "augment": Hyperparameter(may_be_zero=True),
    "augment_ramp": Hyperparameter(may_be_zero=True),
    "class_ramp": Hyperparameter(may_be_zero=True),
}

_FIXED: Mapping[str, str] = {
    "epochs": "is the same for every trial: ASHA compares trials by it",
    "validation_fraction": "is the same for every trial: it says on what they are compared",
    "seed": "is the same for every trial: a lucky seed is no setting",
    "workers": "is 1 for every trial",
    "min_workers": "is 1 for every trial",
    "checkpoint_every": "does not change what is learned",
    "sample_every": "does not change what is learned",
    "measure_kimg": "does not change what is learned",
    "robustness_images": "does not change what is learned",
    "preset": "is not a number",
    "conditioning": "is not a number",
    "optimizer": "is not a number",
    "schedule": "is not a number",
    "class_balance": "is not a number",
    "weights": "is not a number",
    "head": "is not a number",
    "output": "is not a number",
    "no_finding": "is not a number",
    "steps_per_epoch": "is the same for every trial: ASHA compares trials by it",
    "spectral_norm": "is not a number",
    "mixed_precision": "is not a number",
    "channels_last": "is not a number",
    "compile": "is not a number",
    "minibatch_discrimination": "is not a number",
    "horizontal_flip": "is not a number",
    "class_epochs": "is the same for every trial: ASHA compares trials by it",
    "start_from": "is not a number",
    "image_size": "is the same for every trial: results at other sizes cannot be compared",
    "channels": "is the same for every trial: distances of other channels cannot be compared",
    "penalty_every": "changes how often, not how much, is penalised",
    "augmentation": "is not a number; its fields are, such as augmentation.brightness",
    "augmentation.horizontal_flip": "is not a number",
    "augmentation.vertical_flip": "is not a number",
}

TrainingConfig = ClassifierConfig | GanConfig


def hyperparameters(specification: StudySpecification) -> Mapping[str, Hyperparameter]:
    """What can be searched, by name."""
    return _CLASSIFIER if specification.WhichOneof("base") == "classifier" else _GAN


def base_config(specification: StudySpecification) -> TrainingConfig:
    """The configuration that trials start from. Raises InvalidInput, naming the field."""
    kind = specification.WhichOneof("base")
    if kind is None:
        raise InvalidInput("specification.base", "must be classifier or gan")
    message = specification.classifier if kind == "classifier" else specification.gan
    if message.workers > 1:
        raise InvalidInput(f"specification.{kind}.workers", "must be 1: every trial trains on one worker")
    if kind == "gan" and specification.gan.start_from:
        raise InvalidInput("specification.gan.start_from", "must be empty: every trial trains from new weights")
    return _from_message(message, f"specification.{kind}")


def with_parameters(config: TrainingConfig, parameters: Mapping[str, float]) -> TrainingConfig:
    """The configuration with a trial's values, whole numbers as integers."""
    table: Mapping[str, Hyperparameter] = _CLASSIFIER if isinstance(config, ClassifierConfig) else _GAN
    values: dict[str, Any] = {
        name: round(value) if table[name].whole else float(value) for name, value in parameters.items()
    }
    nested = {name.partition(".")[2]: values.pop(name) for name in list(values) if name.startswith("augmentation.")}
    if nested and isinstance(config, ClassifierConfig):
        values["augmentation"] = replace(config.augmentation, **nested)
    return replace(config, **values)


def check_parameters(specification: StudySpecification) -> None:
    """Raises InvalidInput, naming the field, unless each parameter exists, once, and all it may become is legal.

    ResourceExhausted for more than MOST_CHOICES values to choose from.
    """
    if not specification.parameters:
        raise InvalidInput("specification.parameters", "must name at least one hyperparameter to search")
    seen: set[str] = set()
    for index, parameter in enumerate(specification.parameters):
        field = f"specification.parameters[{index}]"
        if parameter.name in seen:
            raise InvalidInput(f"{field}.name", f"{parameter.name} is already searched")
        seen.add(parameter.name)
        hyperparameter = _find(specification, parameter.name, f"{field}.name")
        for place, value in _extremes(parameter, field):
            _check_value(specification, parameter.name, hyperparameter, place, value)


def extreme_values(parameter: Parameter) -> list[float]:
    """The ends of a range, or all choices."""
    return [value for _, value in _extremes(parameter, "")]


def _find(specification: StudySpecification, name: str, field: str) -> Hyperparameter:
    known = hyperparameters(specification)
    if name in known:
        return known[name]
    message = specification.classifier if specification.WhichOneof("base") == "classifier" else specification.gan
    if name in _FIXED and name.partition(".")[0] in message.DESCRIPTOR.fields_by_name:
        raise InvalidInput(field, f"{name} cannot be searched: it {_FIXED[name]}")
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"it must be one of {', '.join(known)}"
    raise InvalidInput(field, f"there is no hyperparameter {name!r}; {hint}")


def _extremes(parameter: Parameter, field: str) -> list[tuple[str, float]]:
    """The values that bound a parameter, each with its place. Raises InvalidInput for a space that makes no sense."""
    if parameter.WhichOneof("space") == "choice":
        if len(parameter.choice.values) > MOST_CHOICES:
            raise ResourceExhausted(f"{field}.choice.values: must be at most {MOST_CHOICES}; take a range instead")
        if not parameter.choice.values:
            raise InvalidInput(f"{field}.choice.values", "must not be empty")
        if len(set(parameter.choice.values)) < len(parameter.choice.values):
            raise InvalidInput(f"{field}.choice.values", "must not hold a value twice")
        return [(f"{field}.choice.values[{index}]", value) for index, value in enumerate(parameter.choice.values)]
    if parameter.WhichOneof("space") != "range":
        raise InvalidInput(field, "must have a range or a choice")
    low, high = parameter.range.minimum, parameter.range.maximum
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InvalidInput(f"{field}.range", f"minimum, {low:g}, must be below maximum, {high:g}")
    if parameter.range.log and low <= 0:
        raise InvalidInput(f"{field}.range.minimum", f"must be above 0 for a logarithmic range, not {low:g}")
    return [(f"{field}.range.minimum", low), (f"{field}.range.maximum", high)]


def _check_value(
    specification: StudySpecification, name: str, hyperparameter: Hyperparameter, place: str, value: float
) -> None:
    if not math.isfinite(value):
        raise InvalidInput(place, "must be a finite number")
    if hyperparameter.whole and value != round(value):
        raise InvalidInput(place, f"{name} is a whole number: {value:g} is not")
    if value == 0 and hyperparameter.may_be_zero:
        return
    # A field of the message that is zero would mean the preset's value and pass.
    if value == 0:
        raise InvalidInput(place, f"{name} must be above 0")
    try:
        _from_message(_message_with(specification, name, hyperparameter, value), "specification")
    except SynthoscopeError as error:
        raise InvalidInput(place, f"{value:g} is no legal {name}: {error.message}") from error
    except ValueError as error:
        raise InvalidInput(place, f"{value:g} is too large for {name}") from error


def _message_with(
    specification: StudySpecification, name: str, hyperparameter: Hyperparameter, value: float
) -> ClassifierTrainingConfig | GanTrainingConfig:
    copy = StudySpecification()
    copy.CopyFrom(specification)
    message = copy.classifier if copy.WhichOneof("base") == "classifier" else copy.gan
    owner, _, leaf = name.rpartition(".")
    setattr(getattr(message, owner) if owner else message, leaf, int(value) if hyperparameter.whole else value)
    return message


def _from_message(message: ClassifierTrainingConfig | GanTrainingConfig, field: str) -> TrainingConfig:
    if isinstance(message, ClassifierTrainingConfig):
        return from_message(message, field)
    try:
        return gan_config.from_message(message)
    except InvalidInput as error:
        violation = error.violations[0]
        raise InvalidInput(violation.field.replace("config", field, 1), violation.description) from error
