import pytest

from services.tuning.draws import draw
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig
from synthoscope.api.tuning.v1.tuning_pb2 import DoubleRange, NumberChoice, Parameter, StudySpecification

RATE = Parameter(name="learning_rate", range=DoubleRange(minimum=1e-4, maximum=1e-2, log=True))
BATCH = Parameter(name="batch_size", range=DoubleRange(minimum=8, maximum=10))
PATIENCE = Parameter(name="plateau_patience", choice=NumberChoice(values=[3, 5]))


def study(*parameters, trials=8, seed=0):
    return StudySpecification(
        classifier=ClassifierTrainingConfig(preset="cnn-64", epochs=1),
        parameters=parameters,
        max_trials=trials,
        seed=seed,
    )


def test_depends_on_the_specification_alone():
    assert draw(study(RATE, PATIENCE)) == draw(study(RATE, PATIENCE))
    assert draw(study(RATE, PATIENCE)) != draw(study(RATE, PATIENCE, seed=1))


def test_a_longer_study_begins_like_a_shorter_one():
    assert draw(study(RATE, PATIENCE, trials=9))[:4] == draw(study(RATE, PATIENCE, trials=4))


def test_values_lie_in_their_spaces_and_spread_over_them():
    trials = draw(study(RATE, BATCH, PATIENCE, trials=16))
    rates = sorted(trial["learning_rate"] for trial in trials)
    assert 1e-4 <= rates[0] < 5e-4
    assert 5e-3 < rates[-1] <= 1e-2
    assert sum(rate < 1e-3 for rate in rates) == pytest.approx(8, abs=2)
    assert {trial["batch_size"] for trial in trials} == {8.0, 9.0, 10.0}
    assert {trial["plateau_patience"] for trial in trials} == {3.0, 5.0}


def test_no_configuration_is_tried_twice():
    trials = draw(study(BATCH, PATIENCE, trials=50))
    assert len(trials) == 6
    assert len({tuple(trial.items()) for trial in trials}) == 6


def test_a_thousand_trials():
    assert len(draw(study(RATE, trials=1000))) == 1000
