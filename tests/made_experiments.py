"""Records of experiments that were never run, with real numbers: chance decides what is right, metrics the scores."""

from collections.abc import Mapping

import numpy as np

from synthoscope.api.experiments.v1.experiments_pb2 import (
    Experiment,
    ExperimentSpecification,
    ExperimentTrial,
    Fraction,
)
from synthoscope.api.jobs.v1.jobs_pb2 import JobState
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig
from synthoscope.experiment import plan, summary
from synthoscope.experiment.arms import Arm
from synthoscope.experiment.plan import Trial
from synthoscope.metrics.evaluating import evaluate
from synthoscope.metrics.predictions import Predictions

CLASSES = ("<glioma>", "none", "pituitary")
EPOCHS = 6
REAL = {0: 20, 1: 80}
"""Real training images by fraction."""

SKILL: Mapping[Arm, float] = {Arm.SYNTHETIC: 0.75, Arm.FILTERED: 0.75, Arm.SYNTHETIC_ONLY: 0.3}
"""How often an arm is right beyond chance; the others 0.5."""


def specification(**fields) -> ExperimentSpecification:
    parent = "tenants/default/datasets/brain/versions"
    fractions = [
        Fraction(
            share=share,
            dataset_version=f"{parent}/{index}",
            further_version=f"{parent}/further" if share < 1 else "",
            synthetic_sets=[f"tenants/default/syntheticSets/{index}"],
            filtered_sets=[f"tenants/default/syntheticSets/filtered-{index}"],
        )
        for index, share in enumerate((0.25, 1.0))
    ]
    return ExperimentSpecification(
        dataset_version=f"{parent}/whole",
        fractions=fractions,
        presets=["cnn-64", "cnn-128"],
        training=ClassifierTrainingConfig(epochs=EPOCHS),
        ratios=[0.5, 1.0],
        seeds=3,
        **fields,
    )


def experiment(skip=lambda trial: False, fails=lambda trial: False, **fields) -> Experiment:
    """An experiment that has ended, less the runs to skip, and with those that fail."""
    asked = specification(**fields)
    runs = [*plan.first_trials(asked), *plan.further_trials(asked, "cnn-64")]
    record = Experiment(
        name="tenants/default/experiments/e1",
        state=JobState.JOB_STATE_SUCCEEDED,
        specification=asked,
        chosen_preset="cnn-64",
    )
    tested = {}
    for trial in runs:
        if skip(trial):
            continue
        message = trial_of(trial, asked)
        if fails(trial):
            message.error = "there are 3 synthetic images of class <glioma>, and 9 are needed; generate more"
        else:
            tested[trial] = predictions(trial)
            message.test.CopyFrom(evaluate(tested[trial], CLASSES, "test"))
        record.trials.append(message)
    synthetic_images = {trial: synthetic_images_of(trial) for trial in tested}
    found = summary.summarise(asked, "cnn-64", tested, synthetic_images)
    record.comparisons.extend(found.comparisons)
    record.verdict.extend(found.verdict)
    return record


def trial_of(trial: Trial, asked: ExperimentSpecification) -> ExperimentTrial:
    real = REAL[trial.fraction]
    message = ExperimentTrial(
        id=trial.id,
        arm=trial.arm.message,
        ratio=trial.ratio,
        share=asked.fractions[trial.fraction].share,
        preset=trial.preset,
        seed=trial.seed,
        real_images=0 if trial.arm is Arm.SYNTHETIC_ONLY else real,
        synthetic_images=synthetic_images_of(trial),
        validation_macro_f1=[0.1 * epoch + 0.01 * trial.seed for epoch in range(1, EPOCHS + 1)],
        cached=trial.seed == 0,
    )
    if trial.arm is Arm.REAL:
        message.accuracy_on_synthetic = 0.6 + 0.1 * trial.seed
    return message


def synthetic_images_of(trial: Trial) -> int:
    share = {Arm.SYNTHETIC: trial.ratio, Arm.FILTERED: 1.0, Arm.BALANCED: 0.5, Arm.SYNTHETIC_ONLY: 1.0}
    return int(REAL[trial.fraction] * share.get(trial.arm, 0.0))


def predictions(trial: Trial) -> Predictions:
    generator = np.random.default_rng([trial.seed, list(Arm).index(trial.arm), trial.fraction, int(100 * trial.ratio)])
    labels = np.arange(90) % 3
    right = generator.random(90) < SKILL.get(trial.arm, 0.5)
    said = np.where(right, labels, generator.integers(0, 3, 90))
    probabilities = np.full((90, 3), 0.1, np.float32)
    probabilities[np.arange(90), said] = 0.8
    return Predictions(labels, probabilities, np.full(90, -1))
