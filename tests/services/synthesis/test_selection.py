import random

import numpy as np
import pytest

from services.synthesis.selection import SYNTHETIC_COPY, TASK_IMAGES, TRIES, Judged, Judgement, Selection, Share
from synthoscope.api.synthesis.v1.synthesis_pb2 import GenerationFilters, GenerationOptions


def refusal(label: str, candidate: int) -> str:
    """What becomes of a candidate: a third of them is refused."""
    return random.Random(f"{label}{candidate}").choice(["", "", "classifier"])


def picture(candidate: int) -> np.ndarray:
    return np.full((96, 96), candidate % 40, np.uint8)


def judgement(share: Share, refuse=refusal) -> Judgement:
    judged = [
        Judged(candidate, refuse(share.label, candidate), f"{share.label}{candidate}")
        for candidate in range(share.first, share.first + share.count)
    ]
    return Judgement(judged, np.stack([picture(each.candidate) for each in judged if not each.refused] or [picture(0)]))


def play(selection: Selection, seed: int, at_a_time: int, refuse=refusal) -> Selection:
    """Tasks that finish in an order drawn from a seed."""
    order, running = random.Random(seed), []
    while not selection.done:
        while len(running) < at_a_time and (share := selection.next_share()):
            running.append(share)
        share = running.pop(order.randrange(len(running)))
        selection.take(share, judgement(share, refuse))
    assert not running
    return selection


class Repeats:
    """Pictures that were there before."""

    def __init__(self):
        self.seen = set()

    def __call__(self, thumbnails):
        found = set()
        for place, value in enumerate(thumbnails[:, 0, 0].tolist()):
            if value in self.seen:
                found.add(place)
            self.seen.add(value)
        return found


@pytest.mark.parametrize("distinct", [False, True])
def test_what_is_kept_does_not_depend_on_the_order_of_completion_or_the_number_of_tasks(distinct):
    counts = {"b": 15, "a": 14} if distinct else {"b": 300, "a": 5}
    found = []
    for seed, at_a_time in [(0, 1), (1, 2), (2, 9), (3, 9)]:
        selection = play(Selection(counts, GenerationOptions(), Repeats() if distinct else None), seed, at_a_time)
        found.append((list(selection.images()), selection.tallies()))
    assert all(each == found[0] for each in found)
    images, tallies = found[0]
    assert [label for label, _ in images] == ["a"] * counts["a"] + ["b"] * counts["b"]
    assert [judged.candidate for _, judged in images] == sorted(
        [judged.candidate for label, judged in images if label == "a"]
    ) + sorted([judged.candidate for label, judged in images if label == "b"])
    for label, tally in tallies.items():
        assert (tally.asked, tally.kept) == (counts[label], counts[label])
        assert tally.made == tally.kept + sum(tally.refused.values())
        assert tally.refused["classifier"] > 0 or label == "a"
    if distinct:
        kept = [judged.candidate % 40 for _, judged in images]
        assert len(set(kept)) == len(kept)
        assert sum(tally.refused[SYNTHETIC_COPY] for tally in tallies.values()) > 0


def test_nothing_is_made_that_is_not_needed():
    selection = Selection({"a": TASK_IMAGES + 7}, GenerationOptions())
    assert selection.next_share() == Share("a", 0, TASK_IMAGES)
    last = Share("a", TASK_IMAGES, 7)
    assert selection.next_share() == last
    assert selection.next_share() is None
    selection.take(last, judgement(last, lambda label, candidate: "classifier" if candidate % 2 else ""))
    assert selection.next_share() is None  # the first ones are to be looked at first
    first = Share("a", 0, TASK_IMAGES)
    assert len(selection.take(first, judgement(first, lambda *_: ""))) == TASK_IMAGES + 4
    assert selection.next_share() == Share("a", TASK_IMAGES + 7, 3)


def test_after_four_candidates_an_image_the_set_stays_smaller():
    selection = play(Selection({"a": 100}, GenerationOptions()), 0, 3, lambda label, number: "x" if number % 10 else "")
    tally = selection.tallies()["a"]
    assert (tally.made, tally.kept, dict(tally.refused)) == (100 * TRIES, 40, {"x": 360})


def test_a_share_of_the_discriminator_has_more_candidates():
    options = GenerationOptions(filters=GenerationFilters(discriminator_share=0.25))
    selection = play(Selection({"a": 100}, options), 0, 3, lambda label, number: "x" if number % 10 else "")
    assert (selection.tallies()["a"].made, selection.kept) == (991, 100)


def test_the_last_share_of_what_was_generated_is_kept():
    selection = play(Selection({"a": 105}, GenerationOptions(keep_last=0.07)), 0, 3, lambda *_: "")
    assert selection.tallies()["a"].passed_over == 1395  # 105 are 7 % of 1,500, as in the fifth seed paper
    assert [judged.candidate for _, judged in selection.images()] == list(range(1395, 1500))


def test_nothing_may_be_kept():
    selection = play(Selection({"a": 1}, GenerationOptions(), Repeats()), 0, 2, lambda *_: "training_copy")
    assert (selection.kept, selection.refused["training_copy"]) == (0, TASK_IMAGES)
