"""Digests; what a network does to a download is tested with what is downloaded: datasets and weights."""

import pytest

from synthoscope.fetching import check, fetch
from synthoscope.rpc.errors import DataLoss
from tests.file_server import file_server

# RFC 1321, A.5, and RFC 3174, 7.3 (FIPS 180-1): of the three bytes "abc".
MD5, SHA1 = "900150983cd24fb0d6963f7d28e17f72", "a9993e364706816aba3e25717850c26c9cd0d89d"


@pytest.mark.parametrize("digest", [f"md5:{MD5}", f"sha1:{SHA1}", ""])
def test_a_file_that_has_the_digest_stays(tmp_path, digest):
    file = tmp_path / "file"
    file.write_bytes(b"abc")
    check(file, digest)
    assert file.read_bytes() == b"abc"


@pytest.mark.parametrize(("digest", "name"), [(f"md5:{MD5}", "MD5"), (f"sha1:{SHA1}", "SHA1")])
def test_a_file_of_another_digest_is_removed(tmp_path, digest, name):
    file = tmp_path / "file"
    file.write_bytes(b"abd")
    with pytest.raises(DataLoss, match=f"file has {name} .* instead of {digest.partition(':')[2]}"):
        check(file, digest)
    assert not file.exists()


def test_what_the_progress_raises_ends_a_download(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    def refuse(done, total):
        raise DataLoss(f"{done} of {total} bytes are too many")

    with file_server(b"abc") as server, pytest.raises(DataLoss, match="3 of 3 bytes are too many"):
        fetch(server.url, tmp_path / "file", "", refuse)
    assert not (tmp_path / "file").exists()
    assert len(server.asked) == 1
