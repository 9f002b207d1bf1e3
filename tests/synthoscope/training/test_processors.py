import subprocess
import sys

import pytest

PAGES = """
import resource
import torch
from synthoscope.training.processors import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(8, 1024, 1024)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

first = faults()
print(keep_freed_memory())
faults()
print(first, faults())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is glibc's")
def test_freed_memory_is_used_again():
    run = subprocess.run([sys.executable, "-c", PAGES], capture_output=True, text=True, check=True)
    told, first, then = run.stdout.split()
    assert told == "True"
    assert int(then) < int(first) / 10
