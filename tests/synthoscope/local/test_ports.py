import socket

import pytest

from synthoscope.local import ports
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput


def test_ports_are_distinct_free_and_outside_the_ephemeral_range():
    names = [f"process-{number}" for number in range(50)]
    chosen = ports.assign(names, {})
    assert list(chosen) == names
    assert len(set(chosen.values())) == 50
    assert all(port in ports.RANGE for port in chosen.values())


def test_a_pinned_port_is_kept():
    free = ports.assign(["a"], {})["a"]
    assert ports.assign(["a", "b"], {"a": free})["a"] == free


def test_a_pinned_port_that_is_taken_is_named():
    with socket.create_server((ports.HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(FailedPrecondition, match=f"port {port}, asked for by training, is already taken"):
            ports.assign(["training"], {"training": port})


@pytest.mark.parametrize("pinned", [{"nobody": 20_000}, {"training": 80}, {"training": 70_000}])
def test_a_wrong_pin_is_refused(pinned):
    with pytest.raises(InvalidInput):
        ports.assign(["training"], pinned)
