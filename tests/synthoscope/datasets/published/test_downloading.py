"""Published sets, against a local server that breaks off; nothing here leaves this machine."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from synthoscope.datasets.published import PUBLISHED, PublishedSet, download, published_set
from synthoscope.datasets.published.catalogue import KaggleDataset, ZenodoFile
from synthoscope.datasets.published.downloading import check_images
from synthoscope.datasets.sources import SourceOptions, open_source
from synthoscope.rpc.errors import DataLoss, InvalidInput, Unavailable
from tests.file_server import FileServer, file_server


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    np.savez(tmp_path / "served.npz", train_images=np.zeros((9, 8, 8), np.uint8), train_labels=np.arange(9) % 2)
    with file_server((tmp_path / "served.npz").read_bytes()) as server:
        yield server


def published(server: FileServer) -> PublishedSet:
    md5 = hashlib.md5(server.data).hexdigest()
    return PublishedSet("set", "A set", "CC0", "https://page", ZenodoFile("7", "set.npz", md5), ("sick", "well"))


def test_a_proxy_that_the_environment_names_is_used(server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    file = download(published(server), tmp_path, lambda *_: None, "http://zenodo.invalid")
    assert file.read_bytes() == server.data
    assert [path for path, _ in server.asked] == ["http://zenodo.invalid/records/7/files/set.npz?download=1"]
    monkeypatch.setattr("synthoscope.fetching.ATTEMPTS", 1)
    monkeypatch.setenv("no_proxy", "127.0.0.1,zenodo.invalid")
    with pytest.raises(Unavailable):
        download(published(server), tmp_path / "other", lambda *_: None, "http://zenodo.invalid")


def test_a_set_with_several_labels_an_image_says_so() -> None:
    with pytest.raises(InvalidInput, match="chestmnist gives an image several labels"):
        published_set("chestmnist")


def test_a_set_is_downloaded_verified_and_can_be_imported(server, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    file = download(published(server), tmp_path / "to", lambda *progress: seen.append(progress), server.url)
    assert file.read_bytes() == server.data
    assert seen[-1] == (len(server.data), len(server.data))
    assert server.asked == [("/records/7/files/set.npz?download=1", 0)]
    with open_source(file, SourceOptions(class_names=("sick", "well"))) as found:
        assert found.classes == ("sick", "well")
    assert download(published(server), tmp_path / "to", lambda *_: None, server.url) == file
    assert len(server.asked) == 1


def test_a_download_that_breaks_off_goes_on_where_it_stopped(server, tmp_path: Path) -> None:
    server.most = len(server.data) // 3
    file = download(published(server), tmp_path, lambda *_: None, server.url)
    assert file.read_bytes() == server.data
    starts = [start for _, start in server.asked]
    assert starts == list(range(0, len(server.data), server.most))
    assert len(starts) > 2


def test_what_arrived_in_an_earlier_run_is_not_asked_for_again(server, tmp_path: Path) -> None:
    (tmp_path / "set.npz.part").write_bytes(server.data[:100])
    assert download(published(server), tmp_path, lambda *_: None, server.url).read_bytes() == server.data
    assert [start for _, start in server.asked] == [100]


def test_a_wrong_byte_is_noticed_and_not_kept(server, tmp_path: Path) -> None:
    right = published(server)
    server.data = server.data[:-1] + b"x"
    with pytest.raises(DataLoss, match="MD5"):
        download(right, tmp_path, lambda *_: None, server.url)
    assert not list(tmp_path.glob("set.npz*"))


def test_without_a_network_the_error_says_what_to_do_by_hand(server, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("synthoscope.fetching.LONGEST_PAUSE", 0.01)
    with pytest.raises(
        Unavailable, match=r"By hand: download set.npz from https://page, then: synthoscope dataset import"
    ):
        download(published(server), tmp_path, lambda *_: None, "http://127.0.0.1:9")


def test_a_set_with_other_counts_is_not_the_published_one(tmp_path: Path) -> None:
    dataset = KaggleDataset("someone/set", {"train": 2, "test": 1})
    for path in ("train/a/1.png", "train/a/2.png"):
        (tmp_path / "chest" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "chest" / path).touch()
    with pytest.raises(DataLoss, match="holds"):
        check_images(dataset, tmp_path)
    (tmp_path / "chest" / "test" / "a").mkdir(parents=True)
    (tmp_path / "chest" / "test" / "a" / "3.png").touch()
    check_images(dataset, tmp_path)
    with pytest.raises(DataLoss, match="does not hold"):
        check_images(dataset, tmp_path / "nowhere")


def test_the_catalogue() -> None:
    assert {"brain-tumor-mri", "chest-xray-pneumonia", "pneumoniamnist"} <= set(PUBLISHED)
    for known in PUBLISHED.values():
        assert known.licence
        assert isinstance(known.origin, KaggleDataset) or len(known.origin.md5) == 32
        assert len(set(known.class_names)) == len(known.class_names)
    with pytest.raises(InvalidInput, match="choose from brain-tumor-mri"):
        published_set("nosuch")
