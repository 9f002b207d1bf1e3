"""The mutations that image files are fuzzed with."""

import random

import pytest
from fuzz import corpus, mutating

from synthoscope.images.decoding import decode
from synthoscope.rpc.errors import SynthoscopeError

SEEDS = corpus.image_files(corpus.phantom())


def some_bytes_changed(data: bytes, largest: int) -> bytes:
    """As libFuzzer does it, without coverage to guide it."""
    chance, changed = random.Random(len(data)), bytearray(data or b"x")
    for _ in range(4):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed[:largest])


def is_accepted(data: bytes) -> bool:
    try:
        return decode(data).pixels.size > 0
    except SynthoscopeError:
        return False


@pytest.mark.parametrize(("name", "least"), [("L.png", 0.4), ("RGBA.png", 0.4), ("P.png", 0.4), ("colour.jpg", 0.1)])
def test_many_mutated_files_are_images_and_none_is_the_seed(name: str, least: float) -> None:
    made = [mutating.mutated(SEEDS[name], 16384, seed, some_bytes_changed) for seed in range(60)]
    assert all(data != SEEDS[name] for data in made)
    assert sum(is_accepted(data) for data in made) / len(made) > least
    assert made == [mutating.mutated(SEEDS[name], 16384, seed, some_bytes_changed) for seed in range(60)]


def test_what_does_not_fit_is_mutated_as_it_stands() -> None:
    for name, data in SEEDS.items():
        assert all(len(mutating.mutated(data, 40, seed, some_bytes_changed)) <= 40 for seed in range(8)), name
