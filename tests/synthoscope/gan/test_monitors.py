"""Each monitor on a planted failure, and on a run that is well."""

import dataclasses
import json
import math

import pytest

from synthoscope.gan.monitors import DiscriminatorSaturation, ModeCollapse, NotFinite, VanishingGradients
from synthoscope.rpc.errors import FailedPrecondition


def test_a_generator_whose_diversity_falls_has_collapsed():
    monitor = ModeCollapse()
    shares = [0.02, 0.1, 0.5, 0.3, 0.19, 0.05, 0.4]
    assert [monitor.observe(share, 0.1) for share in shares] == [False, False, False, False, True, True, False]


def test_one_that_never_was_diverse_has_collapsed_after_a_quarter_of_the_run():
    monitor = ModeCollapse()
    assert [monitor.observe(0.05, progress) for progress in (0.1, 0.2, 0.25, 0.9)] == [False, False, True, True]


def test_a_diverse_generator_has_not_collapsed():
    monitor = ModeCollapse()
    assert not any(monitor.observe(0.2 + step / 100, step / 100) for step in range(100))


def test_gradients_that_fade_have_vanished():
    monitor = VanishingGradients()
    norms = [1.0] * 20 + [1e-5] * 25
    assert [monitor.observe(norm) for norm in norms].index(True) == 39
    assert not monitor.observe(0.01)


def test_gradients_that_are_small_from_the_start_have_not():
    monitor = VanishingGradients()
    assert not any(monitor.observe(1e-9 * (1 + step % 3)) for step in range(100))


def test_gradients_that_were_never_there_have_vanished():
    monitor = VanishingGradients()
    assert [monitor.observe(0.0) for _ in range(40)][-1]


def test_a_discriminator_that_is_always_sure_is_saturated():
    monitor = DiscriminatorSaturation()
    flags = [monitor.observe(certainty) for certainty in [0.6] * 5 + [0.999] * 60 + [0.9]]
    assert flags.index(True) == 5 + 49
    assert not flags[-1]
    assert not any(DiscriminatorSaturation().observe(0.98) for _ in range(200))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_ends_the_run(value):
    NotFinite().observe({"generator_loss": 1e30}, 3)
    with pytest.raises(FailedPrecondition, match=r"generator_loss is .* at step 3; a lower config\.learning_rate"):
        NotFinite().observe({"discriminator_loss": 1.0, "generator_loss": value}, 3)


def test_what_a_monitor_remembers_survives_json():
    monitor = VanishingGradients()
    for norm in [1.0] * 20 + [0.0] * 10:
        monitor.observe(norm)
    restored = VanishingGradients(**json.loads(json.dumps(dataclasses.asdict(monitor))))
    assert [restored.observe(0.0) for _ in range(10)] == [False] * 9 + [True]
