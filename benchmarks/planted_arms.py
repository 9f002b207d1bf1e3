"""How often a whole experiment is wrong, and what it can see: planted worlds, real arms, the verdict as it is read.

A small problem stands for the images: two classes in 48 values, of which a fraction of 40 is known. The oracle has 400
more, and 1,000 test. The arms are composed, compared and judged as every experiment's are; only what learns is small, a
perceptron that takes as many steps in each arm, five seeds. Synthetic images are made three ways:

- copies: real images of the fraction again, so that they bring nothing. Help that is found is found by chance
- perfect: new images of the true classes. A gain, as large as a generator can bring
- wrong: images of the other class under each name. Harm

`--runs N` experiments of each kind instead of 500.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import SGDClassifier

from benchmarks.reporting import Target, publish
from synthoscope.api.experiments.v1.experiments_pb2 import ExperimentSpecification, Fraction
from synthoscope.classifier.data import LabelledPixels
from synthoscope.experiment.arms import Arm, Material, compose
from synthoscope.experiment.plan import Trial
from synthoscope.experiment.summary import Summary, summarise
from synthoscope.experiment.verdict import Finding
from synthoscope.metrics.predictions import Predictions

RUNS, SEEDS, STEPS = 500, 5, 4000
KNOWN, FURTHER, TESTED, MADE = 40, 400, 1000, 400
SHAPE, APART, SPREAD = (4, 4, 3), 4.0, 20.0
RATIO = 10.0
ARMS = ((Arm.REAL, 0.0), (Arm.AUGMENTED, 0.0), (Arm.DUPLICATED, 0.0), (Arm.SYNTHETIC, RATIO), (Arm.ORACLE, 0.0))

Random = np.random.Generator
Make = Callable[[Random, LabelledPixels], LabelledPixels]


def images(random: Random, count: int) -> LabelledPixels:
    """As many of each of two classes, whose pixels differ by a fifth of their spread."""
    labels = np.arange(count) % 2
    pixels = random.normal(128 + APART * (labels[:, None, None, None] - 0.5), SPREAD, (count, *SHAPE))
    return LabelledPixels(np.clip(pixels.round(), 0, 255).astype(np.uint8), labels)


def copies(random: Random, real: LabelledPixels) -> LabelledPixels:
    """Each real image as often as all others."""
    return real.take(np.tile(np.arange(len(real)), MADE // len(real)))


def perfect(random: Random, real: LabelledPixels) -> LabelledPixels:
    return images(random, MADE)


def wrong(random: Random, real: LabelledPixels) -> LabelledPixels:
    made = images(random, MADE)
    return LabelledPixels(made.images, 1 - made.labels)


WORLDS: Mapping[str, Make] = {"copies": copies, "perfect": perfect, "wrong": wrong}


def experiment(random: Random, make: Make) -> Summary:
    """One experiment: its fraction, its synthetic images and its test images are drawn anew."""
    real, further, tested = (images(random, count) for count in (KNOWN, FURTHER, TESTED))
    material = Material(real, further, make(random, real))
    said, synthetic = {}, {}
    for arm, ratio in ARMS:
        for seed in range(SEEDS):
            trial, composed = Trial(arm, ratio, 0, "", seed), compose(arm, ratio, material, seed)
            said[trial] = learned(random, arm, composed.images, tested)
            synthetic[trial] = len(composed.images) - composed.real
    return summarise(ExperimentSpecification(fractions=[Fraction(share=0.1)], seeds=SEEDS), "", said, synthetic)


def learned(random: Random, arm: Arm, known: LabelledPixels, tested: LabelledPixels) -> Predictions:
    """What a perceptron says of the test images after STEPS steps from a random start, one image each."""
    rows = np.concatenate([random.permutation(len(known)) for _ in range(-(-STEPS // len(known)))])[:STEPS]
    inputs = values(known)[rows]
    if arm is Arm.AUGMENTED:
        inputs += random.normal(0, 0.1, inputs.shape)
    network = SGDClassifier(loss="log_loss", penalty=None, learning_rate="constant", eta0=0.02, shuffle=False)
    network.coef_, network.intercept_ = random.normal(0, 0.1, (1, inputs.shape[1])), np.zeros(1)
    network.partial_fit(inputs, known.labels[rows], classes=[0, 1])
    probabilities = network.predict_proba(values(tested)).astype(np.float32)
    return Predictions(tested.labels, probabilities, np.full(len(tested), -1))


def values(part: LabelledPixels) -> NDArray[np.float64]:
    return (part.images.reshape(len(part), -1).astype(np.float64) - 128.0) / SPREAD


def row(runs: int, world: str) -> dict[str, Any]:
    """The shares of experiments that came to each verdict, and that saw the oracle's gain."""
    random = np.random.default_rng([3, list(WORLDS).index(world)])
    found = [experiment(random, WORLDS[world]) for _ in range(runs)]
    oracle = [next(item for item in summary.comparisons if item.arm == Arm.ORACLE) for summary in found]
    alone = [
        next(item for item in summary.comparisons if item.arm != Arm.ORACLE and item.reference == Arm.REAL)
        for summary in found
    ]
    return {
        "synthetic_images": world,
        "runs": runs,
        "seeds": SEEDS,
        "help": share("Synthetic images help" in summary.verdict[0] for summary in found),
        "do_not_help": share("Synthetic images do not help" in summary.verdict[0] for summary in found),
        "harm": share("Synthetic images harm" in summary.verdict[0] for summary in found),
        "better_than_real_alone": share(item.finding == Finding.HELPS for item in alone),
        "oracle_helps": share(item.finding == Finding.HELPS for item in oracle),
        "oracle_gain_points": round(100 * float(np.mean([item.difference for item in oracle])), 2),
    }


def share(found: Iterator[bool]) -> float:
    return round(float(np.mean(list(found))), 4)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--out")
    runs = parser.parse_args().runs
    rows = {}
    for world in WORLDS:
        rows[world] = row(runs, world)
        print(rows[world], file=sys.stderr, flush=True)
    targets = [
        Target("copies: said to help", rows["copies"]["help"], "<=", 0.05),
        Target("copies: better than real images alone", rows["copies"]["better_than_real_alone"], "<=", 0.05),
        Target("perfect: said to help", rows["perfect"]["help"], ">=", 0.8),
        Target("wrong: said to help", rows["wrong"]["help"], "<=", 0.05),
        *(
            Target(f"{world}: the oracle's gain is seen", found["oracle_helps"], ">=", 0.9)
            for world, found in rows.items()
        ),
    ]
    publish("planted_arms", list(rows.values()), targets, ("numpy", "scikit-learn"))


if __name__ == "__main__":
    main()
