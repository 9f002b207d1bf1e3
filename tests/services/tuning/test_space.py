import pytest

from services.tuning import space
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanTrainingConfig
from synthoscope.api.tuning.v1.tuning_pb2 import DoubleRange, NumberChoice, Parameter, StudySpecification
from synthoscope.rpc.errors import InvalidInput


def _range(name, low, high, log=False):
    return Parameter(name=name, range=DoubleRange(minimum=low, maximum=high, log=log))


def _choice(name, *values):
    return Parameter(name=name, choice=NumberChoice(values=values))


def classifier(*parameters, **base):
    return StudySpecification(
        classifier=ClassifierTrainingConfig(preset="cnn-64", **{"epochs": 2} | base),
        parameters=parameters,
        max_trials=3,
    )


def gan(*parameters, **base):
    return StudySpecification(
        gan=GanTrainingConfig(preset="dcgan-64", **{"epochs": 2} | base), parameters=parameters, max_trials=3
    )


@pytest.mark.parametrize(
    ("specification", "field", "words"),
    [
        (classifier(), "specification.parameters", "at least one"),
        (classifier(_range("learning_rate", 0.1, 0.01)), "specification.parameters[0].range", "below maximum"),
        (classifier(_range("dropout", 0.1, 0.1)), "specification.parameters[0].range", "below maximum"),
        (classifier(_range("dropout", float("nan"), 0.1)), "specification.parameters[0].range", "below maximum"),
        (gan(_range("beta1", 0, 0.9, log=True)), "specification.parameters[0].range.minimum", "above 0"),
        (
            classifier(_range("learning_rat", 1e-3, 1e-2)),
            "specification.parameters[0].name",
            "did you mean learning_rate",
        ),
        (classifier(_range("xyz", 1e-3, 1e-2)), "specification.parameters[0].name", "one of learning_rate, batch_size"),
        (gan(_range("dropout", 0.1, 0.2)), "specification.parameters[0].name", "no hyperparameter 'dropout'"),
        (classifier(_choice("preset", 1)), "specification.parameters[0].name", "not a number"),
        (gan(_choice("seed", 1, 2)), "specification.parameters[0].name", "lucky seed"),
        (classifier(_choice("epochs", 1, 2)), "specification.parameters[0].name", "cannot be searched"),
        (classifier(_choice("batch_size")), "specification.parameters[0].choice.values", "not be empty"),
        (classifier(_choice("batch_size", 8, 8)), "specification.parameters[0].choice.values", "twice"),
        (classifier(_choice("batch_size", 8, 8.5)), "specification.parameters[0].choice.values[1]", "whole number"),
        (classifier(_choice("batch_size", 8, 0)), "specification.parameters[0].choice.values[1]", "above 0"),
        (classifier(_choice("batch_size", 8, 1e12)), "specification.parameters[0].choice.values[1]", "too large"),
        (classifier(_choice("batch_size", 4096)), "specification.parameters[0].choice.values[0]", "[1, 1024]"),
        (classifier(_choice("learning_rate", -1)), "specification.parameters[0].choice.values[0]", "(0, 1]"),
        (classifier(_range("dropout", 0, 1)), "specification.parameters[0].range.maximum", "[0, 1)"),
        (gan(_range("beta1", 0, 1.5)), "specification.parameters[0].range.maximum", "[0, 1)"),
        (gan(_choice("beta1", 0.1), _choice("beta1", 0.2)), "specification.parameters[1].name", "already"),
        (classifier(Parameter(name="dropout")), "specification.parameters[0]", "range or a choice"),
        (
            classifier(_range("augmentation.brightnes", 0, 1)),
            "specification.parameters[0].name",
            "augmentation.brightness",
        ),
    ],
)
def test_a_space_that_makes_no_sense_is_refused_by_field(specification, field, words):
    with pytest.raises(InvalidInput) as caught:
        space.check_parameters(specification)
    assert caught.value.violations[0].field == field
    assert words in caught.value.violations[0].description


@pytest.mark.parametrize(
    "specification",
    [
        classifier(
            _range("learning_rate", 1e-4, 1e-2, log=True), _range("dropout", 0, 0.6), _choice("batch_size", 8, 16)
        ),
        classifier(_range("augmentation.rotation_degrees", 0, 20)),
        gan(_choice("beta1", 0.0, 0.5), _range("learning_rate", 1e-4, 1e-3, log=True)),
    ],
)
def test_a_sensible_space_passes(specification):
    space.check_parameters(specification)


@pytest.mark.parametrize(
    ("specification", "field"),
    [
        (StudySpecification(max_trials=1), "specification.base"),
        (classifier(epochs=-1), "specification.classifier.epochs"),
        (gan(epochs=0), "specification.gan.epochs"),
        (gan(workers=2), "specification.gan.workers"),
        (gan(start_from="tenants/t/models/m/versions/0123456789abcdef"), "specification.gan.start_from"),
        (gan(beta1=-0.5), "specification.gan.beta1"),
    ],
)
def test_a_wrong_base_is_refused_by_field(specification, field):
    with pytest.raises(InvalidInput) as caught:
        space.base_config(specification)
    assert caught.value.violations[0].field == field


def test_a_trials_values_replace_the_bases_even_when_they_are_zero():
    config = space.with_parameters(space.base_config(gan()), {"beta1": 0.0, "batch_size": 16.0})
    assert (config.beta1, config.batch_size) == (0.0, 16)
    assert isinstance(config.batch_size, int)


def test_a_nested_value_leaves_its_neighbours():
    base = space.base_config(classifier())
    config = space.with_parameters(base, {"augmentation.brightness": 0.0, "dropout": 0.1})
    assert config.augmentation.brightness == 0.0
    assert config.augmentation.rotation_degrees == base.augmentation.rotation_degrees > 0
    assert config.dropout == 0.1


def test_every_field_of_a_gans_configuration_can_be_searched_or_says_why_not():
    names = {field.name for field in GanTrainingConfig.DESCRIPTOR.fields}
    assert names <= set(space._GAN) | set(space._FIXED)
    assert set(space._GAN) <= names


def test_what_the_preset_does_not_heed_cannot_be_searched():
    parameter = Parameter(name="gradient_penalty", range=DoubleRange(minimum=1, maximum=20))
    specification = StudySpecification(
        gan=GanTrainingConfig(preset="lsgan", epochs=2), parameters=[parameter], max_trials=3
    )
    with pytest.raises(InvalidInput, match="no option of preset lsgan"):
        space.check_parameters(specification)
    specification.gan.preset = "wgan-gp"
    space.check_parameters(specification)
