"""Fixtures that tests of several places use."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Tests are imported by their path (two may have the same name), so what they share is found here.
sys.path.insert(0, str(Path(__file__).parent))

import servers

from synthoscope.images.decoders import Decoders
from synthoscope.jobs.redis import RedisSettings
from synthoscope.local import stack
from synthoscope.local.state import StackState
from synthoscope.objects import ObjectStoreSettings
from synthoscope.pseudonyms import Pseudonyms


@pytest.fixture(scope="session")
def object_store_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStoreSettings]:
    """A real S3 server, shared: use keys of your own."""
    with servers.seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as (settings, _):
        yield settings


@pytest.fixture(scope="session")
def redis_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisSettings]:
    """A real Valkey, shared: use names of your own."""
    with servers.valkey(tmp_path_factory.mktemp("valkey")) as (settings, _):
        yield settings


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackState]:
    """SeaweedFS, Valkey and a Ray head, shared: what jobs need. Use names of your own, and leave no job running."""
    with stack.running(tmp_path_factory.mktemp("platform"), only=("valkey", "seaweedfs", "ray")) as state:
        yield state


@pytest.fixture(scope="session")
def decoders() -> Iterator[Decoders]:
    """Processes that decode, shared: they start when a test first needs one."""
    with Decoders() as decoders:
        yield decoders


@pytest.fixture(scope="session")
def pseudonyms() -> Pseudonyms:
    return Pseudonyms(b"a secret of the tests, 32 bytes or more")


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """PyTorch on one thread: tiny steps are no faster on more, and wait for each other when the machine is busy.

    Also, another number of threads may change the last bits.
    """
    import torch  # which most tests do not need

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
