"""Running out of memory, for real: a process whose address space has a limit."""

import multiprocessing
import re
import resource
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ray.exceptions import ActorDiedError, OutOfMemoryError
from ray.train import WorkerGroupError

from synthoscope.gan import loop
from synthoscope.gan.config import GanConfig
from synthoscope.jobs.job import JobKind
from synthoscope.rpc.errors import FailedPrecondition, ResourceExhausted, Unavailable
from synthoscope_ray.memory import is_lack_of_memory, lack_of_memory
from synthoscope_ray.trainer import cause


def train():
    config = GanConfig("lsgan", epochs=1, batch_size=256, image_size=64, width=64, sample_every=100)
    images = np.zeros((256, 64, 64, 3), np.uint8)
    loop.train(config, images, np.arange(256) % 2, ("a", "b"))


def within_limit(answers):
    """Trains with 300 MB more than the process has by then; answers with the error."""
    torch.set_num_threads(1)
    torch.ones(8) @ torch.ones(8)
    with open("/proc/self/statm") as status:
        used = int(status.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 300 * 2**20, resource.RLIM_INFINITY))
    try:
        train()
    except Exception as error:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        answers.put((type(error).__name__, is_lack_of_memory(error), str(error)[:200]))
    else:
        answers.put(("nothing", False, ""))


def test_a_training_that_is_refused_memory_is_known_to_lack_it():
    context = multiprocessing.get_context("spawn")
    answers = context.SimpleQueue()
    process = context.Process(target=within_limit, args=(answers,))
    process.start()
    process.join(120)
    assert process.exitcode == 0
    name, known, text = answers.get()
    assert known, (name, text)


@pytest.mark.parametrize("error", [RuntimeError("shapes do not fit"), ValueError("out of memory"), ActorDiedError()])
def test_other_errors_do_not_lack_memory(error):
    assert not is_lack_of_memory(error)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (JobKind.GAN_TRAINING, ["config.batch_size", "config.image_size", "config.width"]),
        (JobKind.CLASSIFIER_TRAINING, ["config.batch_size", "config.preset"]),
        (JobKind.STUDY, []),
        (None, []),
    ],
)
def test_only_what_the_owner_could_make_smaller_is_named(kind, fields):
    told = lack_of_memory(kind, tries=2).message
    assert re.findall(r"config\.\w+", told) == fields
    assert told.endswith("give its workers more. It was tried 2 times.")
    assert "tried" not in lack_of_memory(kind).message


def failed(*errors):
    return WorkerGroupError("workers failed", dict(enumerate(errors)))


LOST = ConnectionError("Connection closed by peer [127.0.0.1]:4711")


@pytest.mark.parametrize(
    ("errors", "kind", "text"),
    [
        ([LOST, MemoryError()], ResourceExhausted, r"config\.batch_size.*tried 4 times"),
        ([torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 MiB")], ResourceExhausted, "more memory"),
        ([OutOfMemoryError("the node ran low on memory"), LOST], ResourceExhausted, "more memory"),
        ([ActorDiedError(), LOST], Unavailable, "lost 4 times"),
        ([LOST, FailedPrecondition("it diverged")], FailedPrecondition, "diverged"),
        ([LOST, SimpleNamespace(cause=Unavailable("the store is away"))], Unavailable, "away"),
        ([LOST], ConnectionError, "closed"),
    ],
)
def test_what_a_group_of_workers_failed_of(errors, kind, text):
    found = cause(failed(*errors), JobKind.GAN_TRAINING, tries=4)
    assert isinstance(found, kind)
    assert re.search(text, str(found))
