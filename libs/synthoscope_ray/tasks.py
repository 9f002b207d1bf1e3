"""Functions that a job's process gives to Ray, to run elsewhere as tasks."""

import functools
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import ray
from ray.exceptions import NodeDiedError, OutOfMemoryError, RayTaskError, WorkerCrashedError

from synthoscope.rpc.errors import SynthoscopeError, Unavailable
from synthoscope_ray.memory import is_lack_of_memory, lack_of_memory

Result = TypeVar("Result")

MEMORY_RETRIES = "RAY_task_oom_retries"
"""How often Ray tries a task again that it killed because its node's memory was full; if it is not set, for ever.

Ray reads it when a driver connects.
"""


class RemoteTask(Generic[Result]):
    """A function as Ray tasks of so many CPUs, each of them tried again when it lacks memory or its process is lost.

    Needs MEMORY_RETRIES, too: `program.run_job` sets it.
    """

    def __init__(self, function: Callable[..., Result], cpus: float, retries: int) -> None:
        task: Any = ray.remote(_lacking_memory_plainly(function))
        self._task = task.options(num_cpus=cpus, max_retries=retries, retry_exceptions=[MemoryError])
        self._tries = retries + 1

    def start(self, *arguments: object) -> "ray.ObjectRef[Result]":
        """Starts a task; it gets these arguments."""
        reference: ray.ObjectRef[Result] = self._task.remote(*arguments)
        return reference

    def result(self, reference: "ray.ObjectRef[Result]") -> Result:
        """What a task returned. A SynthoscopeError of the task is raised as it was, another one as Ray's error.

        After the last try it raises ResourceExhausted when memory was lacking, Unavailable when the process was lost.
        """
        try:
            return ray.get(reference)
        except (RayTaskError, OutOfMemoryError) as error:
            cause = getattr(error, "cause", error)
            if isinstance(cause, SynthoscopeError):
                raise cause from error
            if is_lack_of_memory(cause):
                raise lack_of_memory(tries=self._tries) from error
            raise
        except (WorkerCrashedError, NodeDiedError) as error:
            raise Unavailable(f"a task was lost {self._tries} times; the cluster may lack memory") from error


def _lacking_memory_plainly(function: Callable[..., Result]) -> Callable[..., Result]:
    """The function, which raises MemoryError also where PyTorch says in other words that it lacks memory."""

    @functools.wraps(function)
    def plainly(*arguments: object) -> Result:
        try:
            return function(*arguments)
        except RuntimeError as error:
            if is_lack_of_memory(error):
                raise MemoryError(str(error)) from error
            raise

    return plainly
