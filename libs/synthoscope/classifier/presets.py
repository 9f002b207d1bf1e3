"""The named networks with the defaults of their training: what a configuration's fields are when they are left out."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from synthoscope.classifier.config import (
    ALL_EPOCHS,
    NO_AUGMENTATION,
    ClassifierConfig,
    Head,
    LearningRateSchedule,
    Optimizer,
)

_CONSTANT = LearningRateSchedule.CONSTANT


def _presets(*configs: ClassifierConfig) -> dict[str, ClassifierConfig]:
    return {config.preset: config for config in configs}


def _of_seed5(preset: str, **changes: Any) -> ClassifierConfig:
    """The fifth seed paper's transfer learning: frozen backbones, learning rate 1e-4, no changes of the images."""
    config = ClassifierConfig(
        preset,
        image_size=128,
        learning_rate=1e-4,
        schedule=_CONSTANT,
        dropout=0.2,
        augmentation=NO_AUGMENTATION,
        weights="imagenet",
        frozen_epochs=ALL_EPOCHS,
        head=Head.FLATTENED,
    )
    return replace(config, **changes)


_TRANSFER = _presets(
    ClassifierConfig(
        "efficientnet-lite0",
        image_size=128,
        optimizer=Optimizer.ADAMW,
        weight_decay=0.01,
        schedule=LearningRateSchedule.COSINE,
        dropout=0.2,
        weights="imagenet",
        backbone_rate=0.5,
    ),
    *(_of_seed5(preset) for preset in ("vgg16", "densenet201", "xception", "efficientnet-b0")),
    _of_seed5("resnet50", optimizer=Optimizer.SGD),
    _of_seed5("inceptionv3", optimizer=Optimizer.RMSPROP),
)

PRESETS: Mapping[str, ClassifierConfig] = _TRANSFER | _presets(
    ClassifierConfig("cnn-128", image_size=128),
    ClassifierConfig("cnn-64", image_size=64),
    ClassifierConfig("cnn-mri", image_size=256, dropout=0.0, augmentation=NO_AUGMENTATION, schedule=_CONSTANT),
    ClassifierConfig("cnn-mri-pooled", image_size=512, dropout=0.0, augmentation=NO_AUGMENTATION, schedule=_CONSTANT),
    ClassifierConfig(
        "vgg16-xray",
        image_size=64,
        batch_size=64,
        learning_rate=1e-5,
        dropout=0.4,
        early_stopping_patience=2,
        validation_fraction=0.2,
        augmentation=NO_AUGMENTATION,
        schedule=_CONSTANT,
    ),
    ClassifierConfig(
        "cnn-xray", image_size=128, learning_rate=1e-4, dropout=0.2, augmentation=NO_AUGMENTATION, schedule=_CONSTANT
    ),
)
"""Every preset with its defaults. "cnn-128" is the first seed paper's network, "cnn-64" the same layers on 64 px;
"cnn-mri" is the third's, "vgg16-xray" the fourth's, "cnn-xray" the fifth's."""
