"""Downloading weights, from a local server; nothing here leaves this machine."""

import hashlib
import io
import zipfile

import pytest
import torch

from synthoscope.classifier.pretrained import catalogue, imagenet
from synthoscope.classifier.pretrained.catalogue import PublishedWeights
from synthoscope.classifier.pretrained.imagenet import imagenet_weights
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import DataLoss, FailedPrecondition
from tests.file_server import file_server

NOWHERE = "http://127.0.0.1:9"
STATE = {
    "features.conv.weight": torch.randn(8, 3, 3, 3),
    "features.bn.num_batches_tracked": torch.tensor(5),
    "output.fc.weight": torch.randn(10, 8),
    "output.bias": torch.zeros(10),
}


def pickled(state):
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


def zipped(*members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


@pytest.fixture
def pth():
    return pickled(STATE)


@pytest.fixture(autouse=True)
def published(pth, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr("synthoscope.fetching.LONGEST_PAUSE", 0.01)
    small = PublishedWeights("small", "v0.0.1", hashlib.sha1(pth).hexdigest(), len(pth) // 4, 30.0, 9.5)
    monkeypatch.setattr(imagenet, "IMAGENET", {"small": small})
    return small


@pytest.fixture
def server(pth, published):
    with file_server(zipped((published.file, pth))) as server:
        yield server


@pytest.fixture
def objects():
    return InMemoryObjectStore()


def are_the_published_ones(weights):
    expected = {name: tensor for name, tensor in STATE.items() if name.startswith("features.")}
    return weights.keys() == expected.keys() and all(torch.equal(weights[name], expected[name]) for name in expected)


def test_weights_are_downloaded_once_and_come_without_the_output_layer(server, objects, published):
    first = imagenet_weights(objects, "small", server.url)
    assert are_the_published_ones(first)
    assert server.asked == [(f"/v0.0.1/small-0950-{published.sha1[:8]}.pth.zip", 0)]
    assert are_the_published_ones(imagenet_weights(objects, "small", server.url))
    assert are_the_published_ones(imagenet_weights(objects, "small", NOWHERE))
    assert len(server.asked) == 1


def test_a_mirror_s_address_may_end_in_a_slash(server, objects):
    imagenet_weights(objects, "small", f"{server.url}/mirror/")
    assert server.asked[0][0].startswith("/mirror/v0.0.1/small")


def test_a_download_that_breaks_off_goes_on_where_it_stopped(server, objects):
    server.most = len(server.data) // 3
    assert are_the_published_ones(imagenet_weights(objects, "small", server.url))
    starts = [start for _, start in server.asked]
    assert len(starts) > 2
    assert starts == list(range(0, len(server.data), server.most))


def test_damage_in_the_cache_is_noticed_and_mended(server, objects):
    imagenet_weights(objects, "small", server.url)
    (info,) = objects.list("caches/weights/")
    data, metadata = objects.get(info.key), objects.head(info.key).metadata
    for damaged in (data[:-1] + bytes([data[-1] ^ 1]), data[:-1], b""):
        objects.put(info.key, damaged, metadata=metadata)
        with pytest.raises(FailedPrecondition):
            imagenet_weights(objects, "small", NOWHERE)
        assert are_the_published_ones(imagenet_weights(objects, "small", server.url))
        assert objects.get(info.key) == data
        assert are_the_published_ones(imagenet_weights(objects, "small", NOWHERE))
    objects.put(info.key, data)
    with pytest.raises(FailedPrecondition):
        imagenet_weights(objects, "small", NOWHERE)


def test_without_network_and_cache_the_error_says_what_to_do(objects, published):
    with pytest.raises(FailedPrecondition) as error:
        imagenet_weights(objects, "small", NOWHERE)
    text = error.value.message
    url = f"{NOWHERE}/{published.path}"
    assert text.startswith(
        f"the ImageNet weights of small are not in the store's cache and {url} cannot be downloaded from here: "
    )
    for way_out in (
        "SYNTHOSCOPE_WEIGHTS_URL",
        f"synthoscope classifier weights convert {published.file}.zip small.safetensors",
        "synthoscope classifier weights upload small.safetensors",
        "efficientnet-lite0",
        "weights=none",
    ):
        assert way_out in text
    assert "\n" not in text
    assert not list(objects.list(""))


def test_another_file_than_the_published_one_is_refused(server, objects, pth, published):
    other = pickled({**STATE, "output.bias": torch.ones(10)})
    for data, problem in [
        (zipped((published.file, other)), "has SHA1 .* instead of"),
        (zipped(("../../evil.pth", other)), "has SHA1 .* instead of"),
        (zipped((published.file, pth), ("more.pth", pth)), "holds 2 files of weights"),
        (zipped(("README.md", b"moved")), "holds 0 files of weights"),
        (zipped((published.file, bytes(10_000_000))), "unpacks to 10000000 bytes; at most"),
        (b"<html>Please sign in</html>", "is not a zip"),
        (pth, "holds 0 files of weights"),
    ]:
        server.data = data
        with pytest.raises(DataLoss, match=problem):
            imagenet_weights(objects, "small", server.url)
        assert not list(objects.list(""))


def test_a_server_that_sends_without_end_is_left(server, objects, published):
    server.data = bytes(published.most_bytes + (8 << 20))
    with pytest.raises(DataLoss, match=f"sends more than the {published.most_bytes} bytes"):
        imagenet_weights(objects, "small", server.url)


def test_code_in_a_file_of_the_right_digest_is_not_run(server, objects, monkeypatch, published, tmp_path):
    class RunsCode:
        def __reduce__(self):
            return (tmp_path / "ran").touch, ()

    evil = pickled({"features.weight": torch.ones(1), "x": RunsCode()})
    changed = {**vars(published), "sha1": hashlib.sha1(evil).hexdigest(), "parameters": len(evil)}
    monkeypatch.setattr(imagenet, "IMAGENET", {"small": PublishedWeights(**changed)})
    server.data = zipped((published.file, evil))
    with pytest.raises(DataLoss, match="does not hold a network's state"):
        imagenet_weights(objects, "small", server.url)
    assert not (tmp_path / "ran").exists()
    assert not list(objects.list(""))


def test_lite0_s_weights_need_neither_network_nor_cache(objects):
    weights = imagenet_weights(objects, catalogue.IN_A_WHEEL, NOWHERE)
    assert weights["network._conv_stem.weight"].shape == (32, 3, 3, 3)
    assert not any("_fc" in name for name in weights)
    assert not list(objects.list(""))


def test_another_network_is_unknown(objects):
    with pytest.raises(KeyError):
        imagenet_weights(objects, "cnn-128", NOWHERE)
