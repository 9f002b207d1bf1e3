"""How often tests of an experiment's arms are wrong, and how often they find a gain: planted nulls and planted gains.

Two kinds of experiments, whose arms are trained with as many seeds and tested on the same images:

- drawn: right or wrong by chance, from how hard an image is, a run's effect, and an arm's effect on single images. Nine
  arms are as good as the reference, one is better by 2.5 to 3 points
- learned: two classes in thirty dimensions, of which 100 examples are known, drawn anew for each seed. Arms as good as
  the reference: as many other examples; the same ones with another start (a network); more of one class where the
  reference has more of the other. Better arms: twice and ten times the examples. And one that no test over seeds can
  judge: as many other examples, but the same for all seeds of an arm

Four tests: t over seeds; t over images; both crossed, with Satterthwaite's degrees of freedom; and `compare`. Of drawn
experiments, the share of nine equal arms that are found to differ, alone, and the share of experiments in which any is
after Holm's correction for all ten. `--runs N` experiments of each kind instead of 500; of the network at most 200.
"""

import argparse
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from benchmarks.reporting import Target, publish
from synthoscope.experiment.comparing import compare
from synthoscope.experiment.holm import holm

RUNS, NETWORK_RUNS, LEVEL = 500, 200, 0.05
SEEDS, IMAGES = 5, (300, 600, 1300)
DIMENSIONS, APART = 30, 0.2
KNOWN = 100

Values = NDArray[np.float64]
Random = np.random.Generator


def over_seeds(arm: Values, reference: Values) -> float:
    by_seed = (arm - reference).mean(axis=1)
    return p_value(by_seed.mean(), by_seed.var(ddof=1) / len(by_seed), len(by_seed) - 1)


def over_images(arm: Values, reference: Values) -> float:
    by_image = (arm - reference).mean(axis=0)
    return p_value(by_image.mean(), by_image.var(ddof=1) / len(by_image), len(by_image) - 1)


def crossed(arm: Values, reference: Values) -> float:
    """Mean squares of seeds and images less that of their interaction; an effect estimated below 0 is taken for 0."""
    differences = arm - reference
    seeds, images = differences.shape
    by_seed, by_image = differences.mean(axis=1), differences.mean(axis=0)
    rest = differences - by_seed[:, None] - by_image + differences.mean()
    freedom = np.array([seeds - 1, images - 1, (seeds - 1) * (images - 1)])
    squares = np.array([images * by_seed.var(ddof=1), seeds * by_image.var(ddof=1), (rest**2).sum() / freedom[2]])
    larger, total = int(squares[1] > squares[0]), squares[0] + squares[1] - squares[2]
    if total > squares[larger]:
        return p_value(differences.mean(), total / differences.size, total**2 / (squares**2 / freedom).sum())
    return p_value(differences.mean(), squares[larger] / differences.size, freedom[larger])


def p_value(mean: float, variance: float, freedom: float) -> float:
    if variance == 0:
        return float(mean == 0)
    return float(2 * stats.t.sf(abs(mean) / np.sqrt(variance), freedom))


def chosen(arm: Values, reference: Values) -> float:
    return compare(arm, reference, np.arange(arm.shape[1])).p_value


TESTS: Mapping[str, Callable[[Values, Values], float]] = {
    "over seeds": over_seeds,
    "over images": over_images,
    "crossed": crossed,
    "compare": chosen,
}


def drawn(random: Random, gains: Sequence[float], seeds: int, images: int, of_runs: float, of_images: float) -> Values:
    """Right or wrong by arm, seed and image; about 87 % are right."""
    arms = len(gains)
    hard = random.normal(2.2, 1.8, images)
    of_run = random.normal(0, of_runs, (arms, seeds, 1))
    of_arm = random.normal(0, of_images, (arms, 1, images)) + np.reshape(gains, (arms, 1, 1))
    return (hard + of_run + of_arm + random.normal(0, 0.5, (arms, seeds, images)) > 0).astype(np.float64)


def drawn_row(runs: int, seeds: int, images: int, of_runs: float, of_images: float) -> dict[str, Any]:
    random = np.random.default_rng([1, seeds, images])
    p_values = np.empty((runs, len(TESTS), 10))
    spreads, gained = [], []
    for run in range(runs):
        reference, *arms = drawn(random, [0.0] * 10 + [0.27], seeds, images, of_runs, of_images)
        p_values[run] = [[test(arm, reference) for arm in arms] for test in TESTS.values()]
        spreads.append((arms[0] - reference).mean(axis=1).std(ddof=1))
        gained.append((arms[-1] - reference).mean())
    adjusted = np.array([[holm(family) for family in of_run] for of_run in p_values.tolist()])
    return {
        "kind": "drawn",
        "effect_of_runs": of_runs,
        "effect_on_images": of_images,
        "seeds": seeds,
        "images": images,
        "runs": runs,
        "points_between_seeds": round(100 * float(np.mean(spreads)), 2),
        "gain_points": round(100 * float(np.mean(gained)), 2),
        "null": shares((p_values[:, :, :9] <= LEVEL).mean(axis=(0, 2))),
        "null_family": shares((adjusted[:, :, :9] <= LEVEL).any(axis=2).mean(axis=0)),
        "gain": shares((p_values[:, :, 9] <= LEVEL).mean(axis=0)),
        "gain_in_family": shares((adjusted[:, :, 9] <= LEVEL).mean(axis=0)),
    }


def shares(values: Values) -> dict[str, float]:
    """By test."""
    return {name: round(float(value), 4) for name, value in zip(TESTS, values, strict=True)}


Examples = tuple[Values, NDArray[np.int64]]
Learned = list[NDArray[np.int64]]
"""Classes that an arm's runs see in the test images: first the arm's, then the reference's."""
Learn = Callable[[Random, Values], Iterator[Learned]]


def examples(random: Random, count: int, share: float = 0.5) -> Examples:
    """So many of two classes, that share of them of the first."""
    labels = (np.arange(count) >= round(share * count)).astype(np.int64)
    return random.normal(size=(count, DIMENSIONS)) + APART * (2 * labels[:, None] - 1), labels


def logistic(known: Examples, images: Values) -> NDArray[np.int64]:
    return LogisticRegression().fit(*known).predict(images)


def network(known: Examples, images: Values, start: int) -> NDArray[np.int64]:
    with warnings.catch_warnings(category=ConvergenceWarning, action="ignore"):
        return MLPClassifier(8, max_iter=60, learning_rate_init=0.01, random_state=start).fit(*known).predict(images)


def from_others(random: Random, images: Values) -> Iterator[Learned]:
    for _ in range(2):
        yield [logistic(examples(random, KNOWN), images) for _ in range(SEEDS)]


def from_another_start(random: Random, images: Values) -> Iterator[Learned]:
    known = [examples(random, KNOWN) for _ in range(SEEDS)]
    for _ in range(2):
        yield [network(same, images, int(random.integers(1 << 31))) for same in known]


def from_another_balance(random: Random, images: Values) -> Iterator[Learned]:
    for share in (0.35, 0.65):
        yield [logistic(examples(random, KNOWN, share), images) for _ in range(SEEDS)]


def from_more(random: Random, images: Values, times: int) -> Iterator[Learned]:
    for count in (times * KNOWN, KNOWN):
        yield [logistic(examples(random, count), images) for _ in range(SEEDS)]


def from_the_same_others(random: Random, images: Values) -> Iterator[Learned]:
    """Each seed has a bootstrap sample of its arm's examples, so that seeds differ at all."""
    for _ in range(2):
        known, labels = examples(random, KNOWN)
        drawn = [random.integers(KNOWN, size=KNOWN) for _ in range(SEEDS)]
        yield [logistic((known[rows], labels[rows]), images) for rows in drawn]


NULLS: Mapping[str, Learn] = {
    "as many others": from_others,
    "another start": from_another_start,
    "another balance": from_another_balance,
}
TWICE, ORACLE = "twice as many", "ten times as many"
LEARNED: Mapping[str, Learn] = {
    **NULLS,
    TWICE: partial(from_more, times=2),
    ORACLE: partial(from_more, times=10),
    "others for all seeds": from_the_same_others,
}


def learned_rows(runs: int, name: str, sizes: Sequence[int] = IMAGES) -> list[dict[str, Any]]:
    """One for each number of test images; the fewer are among the more."""
    random = np.random.default_rng([2, list(LEARNED).index(name)])
    p_values, gained = np.empty((len(sizes), runs, len(TESTS))), np.empty((len(sizes), runs))
    for run in range(runs):
        images, labels = examples(random, max(sizes))
        order = random.permutation(len(labels))
        arm, reference = (
            (np.array(predicted) == labels)[:, order].astype(np.float64) for predicted in LEARNED[name](random, images)
        )
        for row, count in enumerate(sizes):
            p_values[row, run] = [test(arm[:, :count], reference[:, :count]) for test in TESTS.values()]
            gained[row, run] = (arm - reference)[:, :count].mean()
    return [
        {
            "kind": "learned",
            "arm": name,
            "seeds": SEEDS,
            "images": count,
            "runs": runs,
            "gain_points": round(100 * float(gained[row].mean()), 2),
            "found": shares((p_values[row] <= LEVEL).mean(axis=0)),
        }
        for row, count in enumerate(sizes)
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--out")
    runs = parser.parse_args().runs
    rows = []
    for row in measured(runs):
        rows.append(row)
        print(row, file=sys.stderr, flush=True)
    publish("planted_experiment", rows, list(targets(rows)), ("numpy", "scipy", "scikit-learn"))


def measured(runs: int) -> Iterator[dict[str, Any]]:
    for seeds, images in ((3, 600), (SEEDS, 600), (SEEDS, 1300), (10, 600)):
        for of_runs, of_images in product((0.05, 0.15), (0.0, 0.4, 0.7)):
            yield drawn_row(runs, seeds, images, of_runs, of_images)
    for name in LEARNED:
        yield from learned_rows(min(runs, NETWORK_RUNS) if name == "another start" else runs, name)


def targets(rows: Sequence[Mapping[str, Any]]) -> Iterator[Target]:
    """What the issue asks: nulls found in at most 5 % of runs, and the planted gain found."""
    for row in rows:
        if row["kind"] == "drawn":
            effects = f"effects {row['effect_of_runs']} and {row['effect_on_images']}"
            what = f"drawn, {row['seeds']} seeds, {row['images']} images, {effects}"
            yield Target(f"{what}: null", row["null"]["compare"], "<=", LEVEL)
            yield Target(f"{what}: any null of a family", row["null_family"]["compare"], "<=", LEVEL)
        elif row["arm"] in NULLS:
            yield Target(f"{row['arm']}, {row['images']} images: null", row["found"]["compare"], "<=", LEVEL)
        elif row["arm"] == ORACLE:
            yield Target(f"{row['arm']}, {row['images']} images: gain", row["found"]["compare"], ">=", 0.8)


if __name__ == "__main__":
    main()
