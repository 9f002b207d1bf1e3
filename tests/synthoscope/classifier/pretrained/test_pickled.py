import zipfile
from pathlib import Path

import pytest
import torch

from synthoscope.classifier.pretrained.pickled import read_tensors, unzip
from synthoscope.rpc.errors import DataLoss

STATE = {"features.weight": torch.arange(6.0).reshape(2, 3), "output.bias": torch.ones(2, dtype=torch.float64)}


class RunsCode:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def archive(tmp_path):
    def make(*members: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
        with zipfile.ZipFile(tmp_path / "weights.zip", "w", compression) as content:
            for name, data in members:
                content.writestr(name, data)
        return tmp_path / "weights.zip"

    return make


@pytest.mark.parametrize("zipped", [True, False], ids=["as PyTorch 1.6 and later write", "as before"])
def test_tensors_come_back_as_they_were_saved(tmp_path, zipped):
    torch.save(STATE, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    read = read_tensors(tmp_path / "w.pth")
    assert read.keys() == STATE.keys()
    assert all(torch.equal(read[name], tensor) and read[name].dtype == tensor.dtype for name, tensor in STATE.items())


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_pickle_is_not_run(tmp_path, zipped):
    ran = tmp_path / "ran"
    torch.save({"w": torch.ones(1), "x": RunsCode(ran)}, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(DataLoss, match=r"w\.pth does not hold a network's state"):
        read_tensors(tmp_path / "w.pth")
    assert not ran.exists()
    torch.load(tmp_path / "w.pth", weights_only=False)
    assert ran.exists()  # it would have been


@pytest.mark.parametrize(
    "content", [{}, torch.ones(2), [torch.ones(2)], {"epoch": 3, "w": torch.ones(2)}, {3: torch.ones(2)}]
)
def test_what_is_not_tensors_by_name_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(DataLoss, match="tensors by name"):
        read_tensors(tmp_path / "w.pth")


@pytest.mark.parametrize("data", [b"", b"<html>Sign in</html>", b"\x80\x02", b"PK\x03\x04" + bytes(60)])
def test_what_is_no_pickle_is_refused(tmp_path, data):
    (tmp_path / "w.pth").write_bytes(data)
    with pytest.raises(DataLoss, match="tensors by name"):
        read_tensors(tmp_path / "w.pth")


def test_half_a_file_is_refused(tmp_path):
    for zipped in (True, False):
        torch.save(STATE, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
        data = (tmp_path / "w.pth").read_bytes()
        (tmp_path / "w.pth").write_bytes(data[: len(data) // 2])
        with pytest.raises(DataLoss):
            read_tensors(tmp_path / "w.pth")


def test_the_only_file_of_weights_is_unpacked(archive, tmp_path):
    unzip(archive(("README.txt", b"read me"), ("w.pth", b"12345")), tmp_path / "to", 5)
    assert (tmp_path / "to").read_bytes() == b"12345"


@pytest.mark.parametrize("name", ["../../evil.pth", "/evil.pth", "a/../../../evil.pth", "C:\\evil.pth"])
def test_a_path_in_the_zip_has_no_say(archive, tmp_path, name):
    folder = tmp_path / "deep" / "deeper" / "deepest"
    folder.mkdir(parents=True)
    unzip(archive((name, b"12345")), folder / "w.pth", 5)
    assert (folder / "w.pth").read_bytes() == b"12345"
    found = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"weights.zip", "w.pth"}


@pytest.mark.parametrize("names", [(), ("notes.txt",), ("a.pth", "b.pth"), ("a.pth", "b.pt")])
def test_none_or_several_are_refused(archive, tmp_path, names):
    with pytest.raises(DataLoss, match="instead of one"):
        unzip(archive(*((name, b"1") for name in names)), tmp_path / "to", 5)
    assert not (tmp_path / "to").exists()


def test_a_zip_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(archive, tmp_path):
    bomb = archive(("w.pth", bytes(10_000_000)))
    assert bomb.stat().st_size < 100_000
    with pytest.raises(DataLoss, match="unpacks to 10000000 bytes; at most 1000000"):
        unzip(bomb, tmp_path / "to", 1_000_000)
    assert not (tmp_path / "to").exists()


def test_a_zip_that_lies_of_its_size_gives_no_more(archive, tmp_path):
    file = archive(("w.pth", bytes(10_000_000)))
    file.write_bytes(file.read_bytes().replace((10_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    with pytest.raises(DataLoss, match="not a zip that can be read"):
        unzip(file, tmp_path / "to", 1_000_000)
    assert (tmp_path / "to").stat().st_size <= 1000


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_damaged_zip_is_refused(archive, tmp_path, compression):
    file = archive(("w.pth", bytes(range(256)) * 100), compression=compression)
    data = bytearray(file.read_bytes())
    data[60] ^= 0xFF
    for damaged in (bytes(data), bytes(data[:-30]), b"<html></html>", b""):
        file.write_bytes(damaged)
        with pytest.raises(DataLoss, match="not a zip that can be read"):
            unzip(file, tmp_path / "to", 1_000_000)
