import pytest
import typer
from typer.testing import CliRunner

from synthoscope.api.training.v1.training_pb2 import (
    ClassifierTrainingConfig,
    GanConditioning,
    GanOptimizer,
    GanTrainingConfig,
)
from synthoscope.cli import gan
from synthoscope.cli.fields import set_fields


def test_fields_of_every_kind():
    config = GanTrainingConfig(preset="r3", epochs=50, start_from="x")
    texts = ["epochs=7", "r1=0", "learning_rate=1e-3", "optimizer=RMSProp", "horizontal_flip=true", "spectral_norm=off"]
    more = ["conditioning=per_class", "class_epochs.pneumonia=150", "start_from=a=b", "seed=-1"]
    set_fields(config, texts + more)
    assert config == GanTrainingConfig(
        preset="r3",
        epochs=7,
        r1=0.0,
        learning_rate=1e-3,
        optimizer=GanOptimizer.GAN_OPTIMIZER_RMSPROP,
        horizontal_flip=True,
        spectral_norm=False,
        conditioning=GanConditioning.GAN_CONDITIONING_PER_CLASS,
        class_epochs={"pneumonia": 150},
        start_from="a=b",
        seed=-1,
    )
    assert config.HasField("r1")


def test_fields_within_a_field():
    config = ClassifierTrainingConfig()
    set_fields(config, ["augmentation.zoom=0.1", "augmentation.vertical_flip=yes", "dropout=0"])
    assert (config.augmentation.zoom, config.augmentation.vertical_flip) == (0.1, True)
    assert config.HasField("dropout")


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("r1", "'r1' must be FIELD=VALUE"),
        ("=1", "there is no field ''; there are preset, conditioning"),
        ("learning-rate=1", "did you mean learning_rate"),
        ("r1=much", "r1 must be a number, not 'much'"),
        ("r1=nan", "r1 must be a number"),
        ("width=1.5", "width must be a whole number, not '1.5'"),
        ("width=3000000000", "width must be a whole number"),
        ("seed=9223372036854775808", "seed must be a whole number"),
        ("optimizer=sgd", "optimizer must be one of adam, rmsprop, not 'sgd'"),
        ("horizontal_flip=maybe", "horizontal_flip must be true or false"),
        ("class_epochs=3", r"class_epochs is by class: class_epochs\.CLASS=3"),
        ("r1.x=3", "r1 has no fields of its own"),
    ],
)
def test_a_text_that_is_no_field_says_what_would_be_right(text, right):
    with pytest.raises(typer.BadParameter, match=right):
        set_fields(GanTrainingConfig(), [text])


def test_a_field_that_has_fields():
    with pytest.raises(typer.BadParameter, match=r"has fields of its own: augmentation\.rotation_degrees"):
        set_fields(ClassifierTrainingConfig(), ["augmentation=1"])


def test_the_command_says_it_before_it_looks_for_a_server():
    done = CliRunner().invoke(gan.app, ["train", "brain", "--set", "learning-rate=1"])
    assert done.exit_code == 2
    assert "did you mean learning_rate" in " ".join(done.output.replace("│", " ").split())
