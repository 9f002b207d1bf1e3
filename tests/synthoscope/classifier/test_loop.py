import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from workers import run_workers

from synthoscope.api.training.v1 import training_pb2
from synthoscope.classifier.config import ClassifierConfig
from synthoscope.classifier.data import LabelledPixels, TrainingData, hold_out
from synthoscope.classifier.loop import Surroundings, train
from synthoscope.classifier.networks import build_network, to_input
from synthoscope.classifier.objectives import OneOf
from synthoscope.classifier.parsing import from_message
from synthoscope.classifier.state import best_weights, curves_of
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import Cancelled, DataLoss, FailedPrecondition
from synthoscope.training.callbacks import NoCallbacks
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


def spots(count: int = 60, seed: int = 0) -> LabelledPixels:
    """Three classes: no spot, a bright spot above, a bright spot below."""
    generator = np.random.default_rng(seed)
    images = generator.integers(40, 90, (count, 64, 64, 3)).astype(np.uint8)
    labels = np.arange(count) % 3
    for image, label in zip(images, labels, strict=True):
        top, left = (12 if label == 1 else 40) + generator.integers(0, 6), generator.integers(10, 40)
        if label:
            image[top : top + 10, left : left + 10] = 230
    return LabelledPixels(images, labels.astype(np.int64))


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
    assert [report.step for report in recorder.reports] == [steps * epoch for epoch in range(1, 9)]
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
    assert recorder.reports == []


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
