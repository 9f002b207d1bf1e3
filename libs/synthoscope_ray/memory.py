"""How running out of memory shows, and what a job's owner is told of it."""

from ray.exceptions import OutOfMemoryError

from synthoscope.rpc.errors import ResourceExhausted

_WORDS = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory", "bad_alloc")
"""What PyTorch says in its RuntimeErrors when the operating system or a GPU refuses it memory."""


def is_lack_of_memory(error: BaseException) -> bool:
    """Whether an error says that a process, its node or its GPU has no more memory."""
    if isinstance(error, MemoryError | OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in _WORDS)


def lack_of_memory(tries: int = 1) -> ResourceExhausted:
    """What to tell, after so many tries."""
    often = f" It was tried {tries} times." if tries > 1 else ""
    return ResourceExhausted(
        "it needs more memory than there is: make config.batch_size, config.image_size or config.width smaller, "
        f"or give its workers more.{often}"
    )
