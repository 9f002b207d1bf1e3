"""A study on Ray Tune: trials as function trainables under ASHA.

Li et al. 2020 ("A System for Massively Parallel Hyperparameter Tuning"): a trial that is not in the better half of
those that have reported as often is stopped. Which configurations are tried is fixed beforehand (`draws`), so Tune only
places and stops trials, and what an earlier attempt finished is left out instead of restoring Tune's own state.
"""

import contextlib
import logging
import os
import pickle
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ray import tune
from ray.exceptions import RayTaskError
from ray.tune.experiment import Trial
from ray.tune.schedulers import ASHAScheduler
from ray.tune.stopper import NoopStopper

from services.tuning.studies import PlannedTrial, StudyRecord
from synthoscope.api.tuning.v1.tuning_pb2 import Objective
from synthoscope.objects import ObjectStoreSettings
from synthoscope.rpc.errors import Cancelled
from synthoscope_ray.settings import RaySettings
from synthoscope_ray.storage import ray_filesystem

OBJECTIVE, SECONDS, IMAGES = "objective", "seconds", "images"
"""What a trainable reports: `tune.report({OBJECTIVE: …, SECONDS: …, IMAGES: …})`."""

REDUCTION_FACTOR = 2
"""Share of trials that ASHA lets go on is 1/2. Tune's 1/4 is for hundreds of trials; studies here have a handful."""

_LOOK_SECONDS = 0.5
"""Time between two looks at whether the job was cancelled, or why it waits."""

Trainable = Callable[[dict[str, Any]], None]
"""Trains with `config["trial"]["parameters"]`; raises TrialFailed, with a message that its owner may see."""


class TrialFailed(Exception):
    """Why a trial failed. Ray copies and pickles it, which not every exception survives."""


@dataclass(frozen=True)
class Surroundings:
    """What the search asks its job: whether it was cancelled, and to look what it waits for until it has begun."""

    cancelled: Callable[[], bool]
    look: Callable[[], None]


def search(
    trainable: Trainable,
    record: StudyRecord,
    surroundings: Surroundings,
    storage: ObjectStoreSettings,
    settings: RaySettings,
    name: str,
) -> None:
    """Runs the trials that the record still waits for, and follows them in it; returns when all have ended.

    A trial that fails does not end the search. When the job is cancelled the trials are stopped and it returns early.
    Raises what Ray raises when the cluster is lost.
    """
    planned = {trial.id: trial for trial in record.waiting}
    if not planned:
        return
    specification = record.study.specification
    mode = "max" if record.study.objective == Objective.OBJECTIVE_VALIDATION_MACRO_F1 else "min"
    tuner = tune.Tuner(
        tune.with_resources(trainable, demand(settings)),
        param_space={"trial": tune.grid_search([_config(trial) for trial in planned.values()])},
        tune_config=tune.TuneConfig(
            metric=OBJECTIVE,
            mode=mode,
            scheduler=ASHAScheduler(
                # One more than there are epochs: a trial's last report is followed by its own end.
                max_t=_epochs(record) + 1,
                grace_period=specification.grace_period or 1,
                reduction_factor=REDUCTION_FACTOR,
            ),
            max_concurrent_trials=specification.max_concurrent_trials or 1,
            # The next trial runs in the process of the last one: no new start of Python and torch.
            reuse_actors=True,
            trial_name_creator=_trial_name,
            trial_dirname_creator=_trial_name,
        ),
        run_config=tune.RunConfig(
            name=name,
            storage_path=f"{storage.bucket}/tune",
            storage_filesystem=ray_filesystem(storage),
            callbacks=[_Follower(record, planned, surroundings)],
            stop=_Cancellation(surroundings.cancelled),
            verbose=0,
        ),
    )
    tuner.fit()


def demand(settings: RaySettings) -> dict[str, float]:
    """What one trial takes of Ray's resources."""
    return {"CPU": settings.worker_cpus} | ({"GPU": settings.worker_gpus} if settings.worker_gpus else {})


def prepare_environment() -> None:
    """Tells Tune, before Ray starts, to keep out of the working directory and of the log. The record has it all."""
    os.environ["RAY_CHDIR_TO_TRIAL_DIR"] = "0"
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    os.environ["TUNE_FORCE_TRIAL_CLEANUP_S"] = "5"
    # It misses the files of the loggers that were just switched off.
    logging.getLogger("ray.tune.analysis.experiment_analysis").setLevel(logging.ERROR)


class _Cancellation(tune.Stopper):
    """Stops the search when its job was cancelled."""

    def __init__(self, cancelled: Callable[[], bool]) -> None:
        self._cancelled = cancelled
        self._looked = 0.0

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        """Asks the job now and then."""
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return False
        self._looked = time.monotonic()
        return self._cancelled()

    def __reduce__(self) -> tuple[Any, ...]:
        # Tune pickles its settings for a restore that is never done here; connections cannot go with them.
        return NoopStopper, ()


class _Follower(tune.Callback):
    """Writes what happens to trials into the record."""

    def __init__(
        self,
        record: StudyRecord,
        planned: Mapping[str, PlannedTrial],
        surroundings: Surroundings,
    ) -> None:
        self._record = record
        self._planned = planned
        self._surroundings = surroundings
        self._begun: set[str] = set()
        self._stopped_early: set[str] = set()
        self._looked = 0.0

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        # The stopper ends the search of a job that was cancelled.
        with contextlib.suppress(Cancelled):
            self._surroundings.look()

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._begin(trial)

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        seconds = result[SECONDS]
        self._record.measured(_id(trial), result[OBJECTIVE], seconds, result[IMAGES] / seconds if seconds else 0.0)
        # Tune marks a report as the last one only when it stops the trial itself.
        if result.get("done"):
            self._stopped_early.add(_id(trial))

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        if not self._surroundings.cancelled():
            self._record.succeeded(_id(trial), _id(trial) in self._stopped_early)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._begin(trial)
        if not self._surroundings.cancelled():
            self._record.failed(_id(trial), _error(trial))

    def __reduce__(self) -> tuple[Any, ...]:
        return tune.Callback, ()

    def _begin(self, trial: Trial) -> None:
        if _id(trial) not in self._begun:
            self._begun.add(_id(trial))
            self._record.started(self._planned[_id(trial)])


def _config(trial: PlannedTrial) -> dict[str, Any]:
    return {"id": trial.id, "parameters": dict(trial.parameters)}


def _id(trial: Trial) -> str:
    trial_id: str = trial.config["trial"]["id"]
    return trial_id


def _trial_name(trial: Trial) -> str:
    return f"trial-{_id(trial)}"


def _error(trial: Trial) -> str:
    """Why a trial failed; Ray keeps it in a file of this process."""
    if trial.pickled_error_file is None:
        return "failed for a reason that Ray does not tell"
    with open(trial.pickled_error_file, "rb") as file:
        error = pickle.load(file)  # noqa: S301  # written by this very process, on its own disk
    if isinstance(error, RayTaskError) and isinstance(error.cause, TrialFailed):
        return str(error.cause)
    return f"its process was lost ({type(error).__name__}); it may have run out of memory"


def _epochs(record: StudyRecord) -> int:
    specification = record.study.specification
    kind = specification.WhichOneof("base")
    epochs: int = getattr(specification, kind).epochs
    return epochs
