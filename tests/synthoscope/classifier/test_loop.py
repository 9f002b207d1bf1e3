import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from spots import spots
from workers import run_workers

from synthoscope.api.training.v1 import training_pb2
from synthoscope.classifier.config import Balance, ClassifierConfig, LearningRateSchedule, Optimizer, Output
from synthoscope.classifier.data import LabelledPixels, TrainingData, hold_out
from synthoscope.classifier.loop import Surroundings, train
from synthoscope.classifier.networks import build_network, to_input
from synthoscope.classifier.objectives import Objective, OneOf, objective_of
from synthoscope.classifier.parsing import from_message
from synthoscope.classifier.presets import PRESETS
from synthoscope.classifier.state import best_weights, curves_of
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import Cancelled, DataLoss, FailedPrecondition
from synthoscope.training.callbacks import Checkpoint, NoCallbacks
from synthoscope.training.checkpoints import CheckpointStore

pytestmark = pytest.mark.usefixtures("one_thread")


class Recorder(NoCallbacks):
    def __init__(self, stop_after_steps: int | None = None):
        self.reports, self.checkpoints, self.asked, self.stop_after = [], [], 0, stop_after_steps

    def on_report(self, report):
        self.reports.append(report)

    def on_checkpoint(self, checkpoint):
        self.checkpoints.append(checkpoint)

    def should_stop(self):
        self.asked += 1
        return self.stop_after is not None and self.asked > self.stop_after


def config(**fields) -> ClassifierConfig:
    defaults = {"preset": "cnn-64", "epochs": 3, "batch_size": 8, "validation_fraction": 0.2, "seed": 11}
    return from_message(training_pb2.ClassifierTrainingConfig(**defaults | fields))


def data() -> TrainingData:
    return hold_out(spots(), None, np.arange(len(spots())), 0.2, seed=11)


def same(first, second) -> bool:
    return first.tensors.keys() == second.tensors.keys() and all(
        torch.equal(first.tensors[name], second.tensors[name]) for name in first.tensors
    )


def test_it_learns_and_reports_every_epoch():
    recorder = Recorder()
    final = train(config(epochs=8), data(), OneOf(tuple("abc")), Surroundings(callbacks=recorder))
    curves = curves_of(final)
    assert {name: len(values) for name, values in curves.items()} == dict.fromkeys(
        (
            "training_loss",
            "training_accuracy",
            "validation_loss",
            "validation_accuracy",
            "validation_macro_f1",
            "learning_rate",
        ),
        8,
    )
    assert curves["validation_accuracy"][-1] > 0.9
    steps = len(data().training) // 8
    assert sorted({report.step for report in recorder.reports}) == list(range(1, 8 * steps + 1))
    with_metrics = [report.step for report in recorder.reports if report.metrics]
    assert with_metrics == [steps * epoch for epoch in range(1, 9)]
    assert recorder.reports[-1].total_steps == recorder.reports[-1].step
    assert recorder.reports[-1].images_seen == 8 * steps * 8
    assert recorder.reports[-1].metrics["validation_loss"] == curves["validation_loss"][-1]
    assert same(recorder.checkpoints[-1], final)


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    first, again = (train(config(epochs=1), data(), OneOf(tuple("abc")), Surroundings()) for _ in range(2))
    other = train(config(epochs=1, seed=12), data(), OneOf(tuple("abc")), Surroundings())
    assert same(first, again)
    assert not same(first, other)


def test_the_best_weights_are_those_of_the_lowest_validation_loss():
    recorder = Recorder()
    final = train(config(epochs=4, learning_rate=0.02), data(), OneOf(tuple("abc")), Surroundings(callbacks=recorder))
    losses = curves_of(final)["validation_loss"]
    best = recorder.checkpoints[int(np.argmin(losses))]
    network = build_network("cnn-64", 3)
    network.load_state_dict(best_weights(final))
    assert all(torch.equal(best_weights(final)[name], best.tensors[f"network.{name}"]) for name in network.state_dict())
    held = data().validation
    logits = network(to_input(torch.from_numpy(held.images)))
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(held.labels))
    assert loss.item() == pytest.approx(min(losses), rel=1e-4)


def test_it_stops_early():
    # So small a rate that the loss hardly moves; constant inputs make it stand still.
    blank = LabelledPixels(np.zeros((12, 64, 64, 3), np.uint8), np.arange(12) % 2)
    still = config(epochs=50, learning_rate=1e-30, early_stopping_patience=2, batch_size=4)
    final = train(still, hold_out(blank, None, np.arange(12), 0.2, 0), OneOf(tuple("ab")), Surroundings())
    assert final.state["epoch"] == 3


def resumed(settings: ClassifierConfig, objective: Objective) -> tuple[Checkpoint, Checkpoint]:
    """The ends of an undisturbed run and of one that was stopped in its second epoch and went on from the first."""
    undisturbed = train(settings, data(), objective)
    broken = Recorder(stop_after_steps=undisturbed.step // settings.epochs + 4)
    with pytest.raises(Cancelled):
        train(settings, data(), objective, Surroundings(callbacks=broken))
    return undisturbed, train(settings, data(), objective, Surroundings(), broken.checkpoints[-1])


@pytest.mark.parametrize("changes", [
    {"optimizer": Optimizer.ADAMW, "schedule": LearningRateSchedule.COSINE, "weight_decay": 0.05, "ema_decay": 0.9},
    {"optimizer": Optimizer.SGD, "mixup": 0.4, "label_smoothing": 0.1},
    {"optimizer": Optimizer.RMSPROP, "class_balance": Balance.SAMPLING},
    {"class_balance": Balance.WEIGHTED_LOSS, "steps_per_epoch": 7},
    {"mixed_precision": True},
], ids=str)  # fmt: skip
def test_every_way_to_train_resumes_in_the_same_bits(changes):
    settings = replace(config(epochs=2), **changes)
    counts = np.bincount(data().training.labels)
    assert same(*resumed(settings, objective_of(settings, tuple("abc"), counts)))


@pytest.mark.parametrize("changes", [{}, {"frozen_epochs": 1}, {"frozen_epochs": -1}], ids=str)
def test_transfer_networks_resume_in_the_same_bits(changes):
    lite = replace(PRESETS["efficientnet-lite0"], image_size=64, epochs=2, batch_size=8, seed=2, ema_decay=0.9)
    assert same(*resumed(replace(lite, **changes), OneOf(tuple("abc"))))


def test_it_starts_from_the_weights_it_is_given():
    def ones(network):
        torch.nn.init.ones_(network.dense.bias)

    still = config(epochs=1, learning_rate=1e-30)
    first = train(still, data(), OneOf(tuple("abc")), initialise=ones)
    assert best_weights(first)["dense.bias"].eq(1).all()
    again = train(replace(still, epochs=2), data(), OneOf(tuple("abc")), Surroundings(), first, initialise=pytest.fail)
    assert best_weights(again)["dense.bias"].eq(1).all()


def test_averaged_weights_are_what_is_validated_and_published():
    final = train(config(epochs=1, ema_decay=0.9), data(), OneOf(tuple("abc")))
    assert all(torch.equal(value, final.tensors[f"average.{name}"]) for name, value in best_weights(final).items())
    assert not torch.equal(final.tensors["network.dense.weight"], final.tensors["average.dense.weight"])


@pytest.mark.training
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch.*")  # PyTorch's own, of its own parts
def test_a_compiled_network_learns_the_same():
    plain, compiled = (
        curves_of(train(config(epochs=2, compile=compile_), data(), OneOf(tuple("abc")))) for compile_ in (False, True)
    )
    for name, values in plain.items():
        assert compiled[name] == pytest.approx(values, rel=1e-2, abs=2e-3), name


def test_findings_are_learned():
    settings = replace(config(epochs=8), output=Output.FINDINGS, no_finding="none")
    objective = objective_of(settings, ("none", "above", "below"), np.ones(3))
    final = train(settings, data(), objective)
    assert objective.outputs == ("above", "below")
    assert curves_of(final)["validation_accuracy"][-1] > 0.9
    assert curves_of(final)["validation_macro_f1"][-1] > 0.9


@pytest.mark.parametrize("through_the_store", [False, True])
def test_a_resumed_run_ends_in_the_same_bits(through_the_store):
    undisturbed = train(config(epochs=3), data(), OneOf(tuple("abc")), Surroundings())
    broken = Recorder(stop_after_steps=12)
    with pytest.raises(Cancelled):
        train(config(epochs=3), data(), OneOf(tuple("abc")), Surroundings(callbacks=broken))
    checkpoint = broken.checkpoints[-1]
    assert 0 < checkpoint.state["epoch"] < 3
    if through_the_store:
        store = CheckpointStore(InMemoryObjectStore(), "run")
        store.save(checkpoint)
        checkpoint = store.load_latest()
    resumed = train(config(epochs=3), data(), OneOf(tuple("abc")), Surroundings(), checkpoint)
    assert same(resumed, undisturbed)
    assert resumed.state == undisturbed.state


def test_a_run_that_had_ended_is_only_returned():
    final = train(config(epochs=1), data(), OneOf(tuple("abc")), Surroundings())
    recorder = Recorder()
    assert same(train(config(epochs=1), data(), OneOf(tuple("abc")), Surroundings(callbacks=recorder), final), final)
    assert recorder.asked == 0


def test_a_checkpoint_of_another_network_is_refused():
    final = train(config(epochs=1), data(), OneOf(tuple("abc")), Surroundings())
    with pytest.raises(DataLoss, match="does not fit"):
        train(config(epochs=2), data(), OneOf(tuple("abcd")), Surroundings(), final)
    with pytest.raises(DataLoss, match="does not fit"):
        train(config(epochs=2), data(), OneOf(tuple("abc")), Surroundings(), replace(final, state={}))


def test_cancelling_takes_at_most_one_step():
    recorder = Recorder(stop_after_steps=2)
    with pytest.raises(Cancelled):
        train(config(), data(), OneOf(tuple("abc")), Surroundings(callbacks=recorder))
    assert recorder.asked == 3
    assert [report.step for report in recorder.reports] == [1, 2]


def test_a_loss_that_is_not_a_number_ends_the_run():
    with pytest.raises(FailedPrecondition, match="smaller learning_rate"):
        train(replace(config(epochs=20), learning_rate=1e30), data(), OneOf(tuple("abc")), Surroundings())


def test_fewer_images_than_a_batch_are_refused():
    with pytest.raises(FailedPrecondition, match="smaller batch_size"):
        train(config(batch_size=512), data(), OneOf(tuple("abc")), Surroundings())


def curves_as(world):
    final = train(config(epochs=2, workers=world.size), data(), OneOf(tuple("abc")), Surroundings(world))
    return {name: list(values) for name, values in final.state["curves"].items()}


@pytest.mark.training
def test_two_workers_give_the_losses_of_one():
    two = run_workers(curves_as, 2)
    one = curves_of(train(config(epochs=2), data(), OneOf(tuple("abc")), Surroundings()))
    for name, values in one.items():
        assert all(math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-5) for a, b in zip(values, two[name], strict=True)), name
