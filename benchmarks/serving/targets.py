"""What the figures must reach."""

from collections.abc import Sequence

from benchmarks.reporting import Target
from benchmarks.serving.measuring import Row
from benchmarks.serving.peers.running import Peer

OURS, BARE, PROXY = "synthoscope", "bare", "ray serve"
TOO_MUCH = f"{OURS}, five times too much"
MEMORY = f"{OURS}, memory"


def most(rows: Sequence[Row]) -> float:
    """The most requests a second that ours answered."""
    return max(_figure(row, "requests_per_second") for row in rows if row["server"] == OURS)


def targets(rows: Sequence[Row], peers: Sequence[Peer]) -> list[Target]:
    """Those of one model's rows, as far as there are rows. A peer that could not be had has the ratio NaN: not met."""
    model = f"{rows[0]['model']}: "

    def ratio(servers: Sequence[str]) -> float:
        return round(_rate(rows, [OURS]) / _rate(rows, servers), 3)

    too_much = next(row for row in rows if row["server"] == TOO_MUCH)
    slower = _first(rows, OURS, 1, "p50_ms") - _first(rows, BARE, 1, "p50_ms")
    found = [
        Target(f"{model}requests a second / bare, 32 in flight", ratio([BARE]), ">=", 0.85),
        Target(f"{model}requests a second / Ray Serve's proxy, 32 in flight", ratio([PROXY]), ">=", 2.0),
        Target(
            f"{model}answered at 5 times the load / at most",
            round(_figure(too_much, "answered_per_second") / most(rows), 2),
            ">=",
            0.8,
        ),
        Target(f"{model}refused within, p99, ms", _figure(too_much, "refused_p99_ms"), "<=", 100.0),
        Target(f"{model}recovered after, s", _figure(too_much, "recovered_seconds"), "<=", 10.0),
        Target(f"{model}p50 - bare's, 1 in flight, ms", round(slower, 2), "<=", 5.0),
    ]
    found += [
        Target(f"{model}requests a second / {peer.name}, 32 in flight", ratio([peer.name]), ">=", 1.0)
        for peer in peers
        if peer.name in ("bentoml", "litserve")
    ]
    if speakers := [peer.name for peer in peers if peer.speaks_grpc]:
        name = f"{model}requests a second / the fastest peer that speaks gRPC, 32 in flight"
        found.append(Target(name, ratio(speakers), ">=", 1.0))
    for row in rows:
        if row["server"] == MEMORY:
            name = f"{model}memory's growth over {row['requests']} requests, MB"
            found.append(Target(name, _figure(row, "growth_mb"), "<", 20.0))
    return found


def _figure(row: Row, name: str) -> float:
    return float(str(row[name]))


def _first(rows: Sequence[Row], server: str, callers: int, figure: str) -> float:
    return next(_figure(row, figure) for row in rows if (row["server"], row.get("in_flight")) == (server, callers))


def _rate(rows: Sequence[Row], servers: Sequence[str]) -> float:
    """The most requests a second that the best of some servers answered at 32 in flight; NaN when none was measured."""
    found = [
        _figure(row, "requests_per_second") for row in rows if row["server"] in servers and row.get("in_flight") == 32
    ]
    return max(found, default=float("nan"))
