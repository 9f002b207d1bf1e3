"""Whole experiments on a small planted problem: what is found by chance, and what must be found."""

import pytest

from benchmarks import planted_arms

pytestmark = pytest.mark.training


def test_copies_of_known_images_help_in_at_most_five_percent_of_200_experiments():
    found = planted_arms.row(200, "copies")
    assert found["help"] <= 0.05
    assert found["better_than_real_alone"] <= 0.05
    assert found["oracle_helps"] >= 0.9


@pytest.mark.parametrize(("world", "verdict"), [("perfect", "help"), ("wrong", "harm")])
def test_new_images_are_seen_to_help_and_wrong_ones_to_harm(world, verdict):
    found = planted_arms.row(30, world)
    assert found[verdict] >= 0.8
    assert found["oracle_helps"] >= 0.9
