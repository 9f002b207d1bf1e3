import pytest

from synthoscope.api.training.v1 import training_pb2
from synthoscope.classifier.parsing import from_message
from synthoscope.classifier.schedule import SMALLEST_LEARNING_RATE, Schedule


def run(losses, plateau_patience=2):
    schedule = Schedule(1e-3)
    for epoch, loss in enumerate(losses, start=1):
        schedule = schedule.after(epoch, loss, config(plateau_patience=plateau_patience))
    return schedule


def config(epochs=100, patience=3, **fields):
    return from_message(
        training_pb2.ClassifierTrainingConfig(
            preset="cnn-64", epochs=epochs, early_stopping_patience=patience, **fields
        )
    )


def test_the_best_epoch_is_remembered():
    schedule = run([1.0, 0.5, 0.7])
    assert (schedule.best_epoch, schedule.best_loss, schedule.epochs_since_best) == (2, 0.5, 1)


def test_the_same_loss_again_is_not_better():
    assert run([0.5, 0.5]).best_epoch == 1


def test_the_rate_falls_on_every_plateau():
    assert run([1.0, 1.0, 1.0]).learning_rate == pytest.approx(3e-4)
    assert run([1.0, 1.0, 1.0, 1.0]).learning_rate == pytest.approx(3e-4)
    assert run([1.0, 1.0, 1.0, 1.0, 1.0]).learning_rate == pytest.approx(9e-5)
    assert run([1.0, 1.0, 0.9, 1.0]).learning_rate == 1e-3
    assert run([1.0] * 100).learning_rate == SMALLEST_LEARNING_RATE


def test_it_stops_after_the_patience_or_the_last_epoch():
    assert not run([1.0, 2.0, 2.0]).stops(config(), 3)
    assert run([1.0, 2.0, 2.0, 2.0]).stops(config(), 4)
    assert run([1.0, 0.9]).stops(config(epochs=2), 2)


def test_the_cosine_ends_at_a_hundredth():
    chosen = config(epochs=11, schedule="LEARNING_RATE_SCHEDULE_COSINE", learning_rate=0.1, patience=50)
    schedule, rates = Schedule(chosen.learning_rate), []
    for epoch in range(1, 12):
        rates.append(schedule.learning_rate)
        schedule = schedule.after(epoch, 1.0, chosen)
    assert rates[0] == 0.1
    assert rates[5] == pytest.approx(0.1 * (0.01 + 0.99 / 2))
    assert rates[-1] == pytest.approx(0.001)
    assert rates == sorted(rates, reverse=True)


def test_a_constant_rate_stays():
    chosen = config(schedule="LEARNING_RATE_SCHEDULE_CONSTANT", plateau_patience=1, patience=50)
    schedule = Schedule(1e-3)
    for epoch in range(1, 10):
        schedule = schedule.after(epoch, 1.0, chosen)
    assert schedule.learning_rate == 1e-3
