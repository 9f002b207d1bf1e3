"""How running out of memory shows, and what a job's owner is told of it."""

from collections.abc import Mapping

from ray.exceptions import OutOfMemoryError

from synthoscope.jobs.job import JobKind
from synthoscope.rpc.errors import ResourceExhausted

_WORDS = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory", "bad_alloc")
"""What PyTorch says in its RuntimeErrors when the operating system or a GPU refuses it memory."""

_SMALLER: Mapping[JobKind | None, str] = {
    JobKind.GAN_TRAINING: "make config.batch_size, config.image_size or config.width smaller, or ",
    JobKind.CLASSIFIER_TRAINING: "make config.batch_size smaller, take a config.preset of smaller images, or ",
}
"""What the owner of a training can do alone. How much memory other work needs is not its owner's choice."""


def is_lack_of_memory(error: BaseException) -> bool:
    """Whether an error says that a process, its node or its GPU has no more memory."""
    if isinstance(error, MemoryError | OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in _WORDS)


def lack_of_memory(training: JobKind | None = None, tries: int = 1) -> ResourceExhausted:
    """What to tell after so many tries: `training` is the job's kind if it was its training that lacked memory."""
    often = f" It was tried {tries} times." if tries > 1 else ""
    smaller = _SMALLER.get(training, "")
    return ResourceExhausted(f"it needs more memory than there is: {smaller}give its workers more.{often}")
