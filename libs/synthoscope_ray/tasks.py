"""What Ray tasks give back to the process that started them."""

from typing import TypeVar

import ray
from ray.exceptions import RayTaskError

from synthoscope.rpc.errors import SynthoscopeError

Result = TypeVar("Result")


def result(reference: "ray.ObjectRef[Result]") -> Result:
    """What a task returned. A SynthoscopeError of the task is raised as it was, anything else as Ray's error."""
    try:
        return ray.get(reference)
    except RayTaskError as error:
        if isinstance(error.cause, SynthoscopeError):
            raise error.cause from error
        raise
