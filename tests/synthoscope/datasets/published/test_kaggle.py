"""Kaggle's sets through the real kagglehub, against a local server in Kaggle's place."""

import base64
import hashlib
import io
import re
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from synthoscope.datasets.published import PublishedSet, download
from synthoscope.datasets.published.catalogue import KaggleDataset
from synthoscope.datasets.sources import open_source
from synthoscope.rpc.errors import DataLoss, Unavailable

kaggle_env = pytest.importorskip("kagglesdk.kaggle_env")
ORIGIN = KaggleDataset("someone/set/versions/1", {"train": 2, "test": 1})
SET = PublishedSet("set", "A set", "CC0", "https://page", ORIGIN)


class Handler(BaseHTTPRequestHandler):
    """Sends every call on to one archive, and says what its MD5 is."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(302)
        self.send_header("Location", f"http://127.0.0.1:{self.server.server_address[1]}/archive.zip")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.server.downloads += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.data)))
        self.send_header("Content-Type", "application/zip")
        self.send_header("x-goog-hash", f"md5={base64.b64encode(hashlib.md5(self.server.promised).digest()).decode()}")
        self.end_headers()
        self.wfile.write(self.server.data)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def archive(*paths: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as members:
        for path in paths:
            members.writestr(path, path)
    return data.getvalue()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.data = server.promised = archive("all/train/a/1.png", "all/train/b/2.png", "all/test/a/3.png")
        server.downloads = 0
        endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "TEST")
        monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "nobody"))
        monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.TEST, endpoint)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_set_is_downloaded_and_can_be_imported(server, tmp_path: Path) -> None:
    folder = download(SET, tmp_path / "to", lambda *_: None)
    with open_source(folder) as found:
        assert [image.path for image in found.images] == ["all/test/a/3.png", "all/train/a/1.png", "all/train/b/2.png"]
    assert download(SET, tmp_path / "to", lambda *_: None) == folder
    assert server.downloads == 1


def test_what_is_not_what_was_promised_is_refused(server, tmp_path: Path) -> None:
    server.promised = b"something else"
    with pytest.raises(DataLoss, match="damaged"):
        download(SET, tmp_path, lambda *_: None)


def test_another_number_of_images_is_refused(server, tmp_path: Path) -> None:
    server.data = server.promised = archive("all/train/a/1.png", "all/test/a/3.png")
    with pytest.raises(DataLoss, match=re.escape("{'train': 2, 'test': 1}")):
        download(SET, tmp_path, lambda *_: None)


def test_without_a_network_the_error_says_what_to_do_by_hand(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "TEST")
    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.TEST, "http://127.0.0.1:9")
    with pytest.raises(Unavailable, match=r"Kaggle cannot be reached.*By hand: download .* and unpack it, then"):
        download(SET, tmp_path, lambda *_: None)
