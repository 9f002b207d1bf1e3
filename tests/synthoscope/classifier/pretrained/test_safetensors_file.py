import json
import struct
import subprocess
import sys

import numpy as np
import pytest
import safetensors.torch
import torch

from synthoscope.classifier.pretrained.safetensors_file import LARGEST_HEADER, check_beginning, check_file
from synthoscope.rpc.errors import InvalidInput


def tensor(start, end, dtype="F32", shape=None):
    return {"dtype": dtype, "shape": [(end - start) // 4] if shape is None else shape, "data_offsets": [start, end]}


def file_of(header, data):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.fixture
def check(tmp_path):
    def check(data: bytes) -> int:
        (tmp_path / "w.safetensors").write_bytes(data)
        return check_file(tmp_path / "w.safetensors", "chunk")

    return check


def test_what_safetensors_writes_is_taken(check):
    dtypes = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
    weights = {str(dtype): torch.randn(3, 5).to(dtype) for dtype in dtypes}
    weights |= {"counter": torch.tensor(7), "none": torch.empty(0, 3), "odd": torch.ones(3, dtype=torch.float16)}
    data = safetensors.torch.save(weights, metadata={"format": "pt"})
    check_beginning(data[:8], "chunk")
    assert check(data) == len(weights)


def test_values_in_places_that_are_not_aligned_are_looked_at(check):
    header = {"a": tensor(0, 6, "F16", [3]), "b": tensor(6, 14, "F64", [1])}
    for padding in range(8):
        text = json.dumps(header).encode() + b" " * padding
        assert check(file_of(text, struct.pack("<eeed", 1, 2, 3, 4))) == 2
        with pytest.raises(InvalidInput, match="'b' has values that are not finite"):
            check(file_of(text, struct.pack("<eeed", 1, 2, 3, float("nan"))))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_one_value_that_is_not_finite_is_found(check, dtype, value):
    weights = {"a": torch.full((1000,), torch.finfo(dtype).max, dtype=dtype), "b.weight": torch.ones(1000, dtype=dtype)}
    check(safetensors.torch.save(weights))
    weights["b.weight"][999] = value
    with pytest.raises(InvalidInput, match=r"chunk: tensor 'b\.weight' has values that are not finite"):
        check(safetensors.torch.save(weights))


def test_the_last_of_many_values_is_looked_at(check, monkeypatch):
    monkeypatch.setattr("synthoscope.classifier.pretrained.safetensors_file._VALUES_AT_A_TIME", 7)
    weights = {"a": torch.ones(15)}
    check(safetensors.torch.save(weights))
    for index in range(15):
        bad = torch.ones(15)
        bad[index] = torch.nan
        with pytest.raises(InvalidInput, match="not finite"):
            check(safetensors.torch.save({"a": bad}))


@pytest.mark.parametrize(
    "data",
    [
        file_of({"w": tensor(0, 800)}, bytes(8)),
        file_of({"v": tensor(0, 8), "w": tensor(4, 12)}, bytes(12)),
        file_of({"v": tensor(0, 4), "w": tensor(8, 12)}, bytes(12)),
        file_of({"w": tensor(8, 0)}, bytes(8)),
        file_of({"w": tensor(0, 8)}, bytes(8) + b"PK\3\4"),
        file_of({"w": tensor(0, 8, shape=[2**40, 2**40])}, bytes(8)),
        file_of({"w": tensor(0, 8, shape=[-2])}, bytes(8)),
        file_of({"w": tensor(0, 8, "F99")}, bytes(8)),
        file_of({"w": {"dtype": "F32"}}, b""),
        file_of(b"[]", b""),
        file_of(b"{", b""),
        file_of(b'{"a":' * 100_000, b""),
        file_of(b"[" * 100_000, b""),
        file_of(b"\xff\xfe", b""),
        struct.pack("<Q", 100) + b"{}",
    ],
    ids=[
        "offsets past the end", "overlap", "a gap", "turned round", "trailing bytes", "shape overflows",
        "negative shape", "unknown dtype", "no offsets", "a list", "half a header", "deep objects", "deep lists",
        "no UTF-8", "shorter than its header",
    ],
)  # fmt: skip
def test_a_broken_file_is_refused(check, data):
    with pytest.raises(InvalidInput, match="chunk: is not a whole safetensors file") as error:
        check(data)
    assert len(error.value.message) < 300


@pytest.mark.parametrize("dtype", ["I8", "BOOL", "F8_E4M3"])
def test_other_dtypes_are_refused_by_name(check, dtype):
    with pytest.raises(InvalidInput, match=f"'w' has dtype {dtype}; F64, F32, F16, BF16, I64 are taken"):
        check(file_of({"w": tensor(0, 8, dtype, [8])}, bytes(8)))


def test_a_file_without_tensors_is_refused(check):
    for header in ({}, {"__metadata__": {"format": "pt"}}):
        with pytest.raises(InvalidInput, match="has no tensors"):
            check(file_of(header, b""))


@pytest.mark.parametrize(
    "data", [b"", b"{}", bytes(7), struct.pack("<Q", LARGEST_HEADER + 1), struct.pack("<Q", 2**63)]
)
def test_what_cannot_be_the_beginning_of_one(check, data):
    with pytest.raises(InvalidInput, match="not a safetensors file with a header of at most 4194304 bytes"):
        check_beginning(data, "chunk")
    with pytest.raises(InvalidInput, match="not a safetensors file"):
        check(data)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_is_refused_with_the_way_out(tmp_path, zipped):
    torch.save({"w": torch.ones(2)}, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(InvalidInput, match=r"pickle \(.pt, .pth\).*synthoscope classifier weights convert"):
        check_beginning((tmp_path / "w.pth").read_bytes()[:8], "chunk")


def test_a_header_of_640_bytes_is_not_taken_for_a_pickle():
    check_beginning(struct.pack("<Q", 0x0280), "chunk")


def test_a_large_file_takes_little_memory(tmp_path):
    path = tmp_path / "w.safetensors"
    with path.open("wb") as file:
        file.write(file_of({"w": tensor(0, 4 << 26)}, b""))
        file.truncate(file.tell() + (4 << 26))
    code = (
        "import resource, sys, pathlib\n"
        "from synthoscope.classifier.pretrained.safetensors_file import check_file\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (256 << 20, 256 << 20))\n"
        "print(check_file(pathlib.Path(sys.argv[1]), 'chunk'), 'torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["1", "False"], done.stderr


def test_the_numbers_of_bfloat16_are_those_of_torch(check):
    bits = np.arange(1 << 16, dtype=np.uint16)
    values = torch.from_numpy(bits.view(np.int16)).view(torch.bfloat16)
    finite = torch.isfinite(values)
    assert check(safetensors.torch.save({"w": values[finite]})) == 1
    for number in (0x7F80, 0xFF80, 0x7FC0, 0xFFFF):
        assert not finite[number]
        with pytest.raises(InvalidInput, match="not finite"):
            check(safetensors.torch.save({"w": values[number : number + 1]}))
