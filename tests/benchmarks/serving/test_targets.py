"""Targets by made-up rows."""

import pytest

from benchmarks.serving.peers.running import PEERS
from benchmarks.serving.targets import MEMORY, TOO_MUCH, targets


def load(server, rate, **more):
    rows = [
        {"model": "m", "server": server, "in_flight": callers, "requests_per_second": rate, "p50_ms": 5.0, **more}
        for callers in (1, 32)
    ]
    return rows


@pytest.fixture
def rows():
    too_much = {"answered_per_second": 45.0, "refused_p99_ms": 20.0, "recovered_seconds": 1.0}
    return [
        *load("synthoscope", 50.0),
        {"model": "m", "server": TOO_MUCH, **too_much},
        *load("bare", 100.0),
        *load("ray serve", 20.0),
        *load("mlserver", 40.0, workers=1),
        *load("mlserver", 60.0, workers=2),
        *load("litserve", 25.0, workers=1),
        {"model": "m", "server": "bentoml", "reason": "cannot be installed"},
        {"model": "m", "server": MEMORY, "requests": 1000, "growth_mb": 21.0},
    ]


def by_name(rows, peers=PEERS):
    return {target.name.removeprefix("m: ").split(", 32")[0]: target for target in targets(rows, peers)}


def test_ratios_are_to_the_best_that_a_peer_did(rows):
    found = by_name(rows)
    assert found["requests a second / bare"].value == 0.5
    assert found["requests a second / litserve"].value == 2.0
    assert found["requests a second / the fastest peer that speaks gRPC"].value == pytest.approx(0.833)


def test_a_peer_that_could_not_be_had_is_no_target_met(rows):
    assert not by_name(rows)["requests a second / bentoml"].ok


def test_peers_that_were_not_asked_for_are_no_target(rows):
    assert not [name for name in by_name(rows, []) if "bentoml" in name or "gRPC" in name]


def test_memory_says_over_how_many_requests(rows):
    assert not by_name(rows)["memory's growth over 1000 requests, MB"].ok
