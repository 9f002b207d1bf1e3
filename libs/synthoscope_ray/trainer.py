"""Runs a training loop on Ray Train's workers, one process each, on behalf of a job.

The job stays QUEUED, with the reason, until the workers have their resources. A worker that dies is replaced, and the
loop goes on from the newest checkpoint in the object store that is whole and fits its networks; damaged ones are set
aside, and the job says so. A SynthoscopeError of the loop ends the run at once; only Unavailable is tried again like a
lost worker.
"""

import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial

import grpc
import ray
import ray.train
import structlog
from ray.exceptions import RayError
from ray.train import FailureConfig, RunConfig, ScalingConfig, WorkerGroupError
from ray.train.torch import TorchConfig, TorchTrainer

from synthoscope.jobs.job import JobKind
from synthoscope.jobs.worker import JobWorker
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import DataLoss, InvalidInput, SynthoscopeError, Unavailable
from synthoscope.training.callbacks import Checkpoint, LoopCallbacks
from synthoscope.training.checkpoints import CheckpointStore, DamagedCheckpoint
from synthoscope.training.parallel import World
from synthoscope.training.processors import compute_with
from synthoscope_ray.callbacks import JobCallbacks, checkpoints
from synthoscope_ray.elasticity import WorkerHistory
from synthoscope_ray.memory import is_lack_of_memory, lack_of_memory
from synthoscope_ray.program import Stores, open_stores
from synthoscope_ray.storage import ray_filesystem
from synthoscope_ray.waiting import QueueWatch

Loop = Callable[[World, LoopCallbacks, Checkpoint | None], None]
"""A training loop on one worker, its configuration bound: it must go through pickle, and load its data itself."""

END_RETRIES = 1
"""How often the end of a run is trained again because its last checkpoint was damaged."""

COLLECTIVE_SECONDS = 300
"""How long a worker waits for another one in a step before it gives up."""

_POLL_SECONDS = 0.5

_TRAIN_ENVIRONMENT = {
    "RAY_TRAIN_ENABLE_STATE_TRACKING": "1",  # Ray's dashboard lists the runs
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",  # spares a process per run; a lost node is a lost worker
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "1",
}

log = structlog.get_logger()


@dataclass(frozen=True)
class _Task:
    """What a worker process needs to know."""

    job: str
    attempt: int
    threads: int
    loop: Loop


def run(worker: JobWorker, stores: Stores, loop: Loop, workers: int = 1, min_workers: int = 0) -> Checkpoint:
    """Runs a loop on `workers` workers to its end and returns the last checkpoint that it gave to its callbacks.

    With `min_workers`, on as few as that while the cluster has no room for more (elasticity.py).

    Raises what the loop raises, if it is a SynthoscopeError; Cancelled when the job is cancelled, also before it has
    begun; Unavailable when workers were lost too often, ResourceExhausted when memory was lacking too often; DataLoss
    when the loop left no checkpoint or only damaged ones.
    """
    for name, value in _TRAIN_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if not ray.is_initialized():
        ray.init(address="auto")
    store = checkpoints(stores.objects, worker.name, worker.remark)
    least = min_workers or workers
    for number in range(END_RETRIES + 1):
        _fit(worker, stores, _trainer(worker, stores, loop, (least, workers), number), least)
        steps = store.steps()
        if not steps:
            raise DataLoss(f"{worker.name} ended without a checkpoint")
        try:
            return store.load(steps[-1])
        except DamagedCheckpoint as error:
            store.set_aside(steps[-1], error.message)
    raise DataLoss(
        f"the last checkpoint of {worker.name} was damaged {END_RETRIES + 1} times: the object store is not sound"
    )


def _fit(worker: JobWorker, stores: Stores, trainer: TorchTrainer, workers: int) -> None:
    """Ray Train's run, from its start to its end."""
    watch = QueueWatch(worker, stores.jobs, _demand(stores, workers))
    # Beside the watch; nobody waits for it when the watch raises: `program.run_job` ends the process.
    fit = ThreadPoolExecutor(1, "fit").submit(trainer.fit)
    while wait([fit], _POLL_SECONDS).not_done:
        watch.look()
    error = _recorded_error(stores.objects, worker.name, worker.attempt)
    if error is not None:
        raise error
    failure = fit.exception()
    if isinstance(failure, WorkerGroupError):
        kind = stores.jobs.get(worker.name).kind
        raise cause(failure, kind, stores.settings.ray.worker_retries + 1) from failure
    fit.result()


def _trainer(worker: JobWorker, stores: Stores, loop: Loop, workers: tuple[int, int], number: int) -> TorchTrainer:
    """The attempt's run number `number`, from 0, on at least and at most so many workers."""
    settings = stores.settings
    job_id = worker.name.rpartition("/")[2]
    gpus = settings.ray.worker_gpus
    return TorchTrainer(
        partial(_work, _Task(worker.name, worker.attempt, settings.ray.worker_threads, loop)),
        # Gradients may be on the GPU; flags and metrics are on the CPU.
        torch_config=TorchConfig(backend="cpu:gloo,cuda:nccl" if gpus else "gloo", timeout_s=COLLECTIVE_SECONDS),
        scaling_config=ScalingConfig(
            num_workers=workers if workers[0] < workers[1] else workers[1],  # type: ignore[arg-type]  # a pair: elastic
            use_gpu=gpus > 0,
            resources_per_worker={"CPU": settings.ray.worker_cpus} | ({"GPU": gpus} if gpus else {}),
        ),
        run_config=RunConfig(
            name=f"{job_id}-{worker.attempt}" + (f"-again-{number}" if number else ""),
            storage_path=f"{settings.ray.storage_bucket}/train",
            storage_filesystem=ray_filesystem(settings.ray_storage),
            failure_config=FailureConfig(max_failures=settings.ray.worker_retries),
        ),
    )


def _work(task: _Task) -> None:
    """What every worker process does."""
    compute_with(task.threads)
    context = ray.train.get_context()
    world = World(context.get_world_rank(), context.get_world_size())
    stores = open_stores()
    if _recorded_error(stores.objects, task.job, task.attempt) is not None:
        return
    job = JobWorker(stores.jobs, stores.objects, task.job, task.attempt)
    try:
        if world.is_first:
            job.running()
        say = job.remark if world.is_first else lambda _: None

        def loop(resume: Checkpoint | None) -> None:
            history = WorkerHistory.of(resume).continued(resume, world.size)
            if history != WorkerHistory.of(resume) and history.remark():
                say(history.remark())
            task.loop(world, JobCallbacks(job, stores.objects, world, _report_to_ray, workers=history), resume)

        go_on(loop, checkpoints(stores.objects, task.job, say))
    except Unavailable:
        raise
    except SynthoscopeError as error:
        _record_error(stores.objects, task.job, task.attempt, error)


def go_on(loop: Callable[[Checkpoint | None], None], store: CheckpointStore) -> None:
    """Runs a loop from the newest checkpoint that it can go on from; from the start when none was ever stored.

    One that does not fit the loop's networks is set aside like one whose bytes are damaged. All workers find the same.
    Raises DataLoss when only damaged ones are left.
    """
    while True:
        latest = store.load_latest()
        try:
            return loop(latest)
        except DamagedCheckpoint as error:
            if latest is None:
                raise
            store.set_aside(latest.step, error.message)


def _report_to_ray(metrics: Mapping[str, float]) -> None:
    ray.train.report(dict(metrics))


def _demand(stores: Stores, workers: int) -> dict[str, float]:
    settings = stores.settings.ray
    return {"CPU": workers * settings.worker_cpus, "GPU": workers * settings.worker_gpus}


def _error_key(job: str, attempt: int) -> str:
    return f"{job}/attempts/{attempt}/error.json"


def _record_error(objects: ObjectStore, job: str, attempt: int, error: SynthoscopeError) -> None:
    """Keeps the first error of an attempt where the driver, and workers started after it, find it."""
    values = {"status": error.status.name, "message": error.message}
    objects.put_if_absent(_error_key(job, attempt), json.dumps(values).encode())


def _recorded_error(objects: ObjectStore, job: str, attempt: int) -> SynthoscopeError | None:
    key = _error_key(job, attempt)
    if objects.head(key) is None:
        return None
    values = json.loads(objects.get(key))
    for kind in SynthoscopeError.__subclasses__():
        if kind.status is grpc.StatusCode[values["status"]]:
            return InvalidInput("", values["message"]) if kind is InvalidInput else kind(values["message"])
    return SynthoscopeError(values["message"])


def cause(error: WorkerGroupError, kind: JobKind, tries: int) -> Exception:
    """What a job's worker group failed of, once its tries were used up: an error to show to the owner, if it is known.

    Workers that lost another one in the middle of a step fail too, with errors that say little.
    """
    failures = [getattr(failure, "cause", failure) for failure in error.worker_failures.values()]
    for failure in failures:
        if isinstance(failure, SynthoscopeError):
            return failure
    if any(is_lack_of_memory(failure) for failure in failures):
        return lack_of_memory(kind, tries)
    if any(isinstance(failure, RayError) for failure in failures):
        return Unavailable(f"training workers were lost {tries} times; the cluster may lack memory")
    return failures[0] if failures else error
