import hashlib
import io
import zipfile
from contextlib import closing
from importlib import import_module

import numpy as np
import pytest
import torch
from torch import nn

from synthoscope import models
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.classifier.networks.backbones import BACKBONES
from synthoscope.classifier.networks.building import build_network
from synthoscope.classifier.pretrained import imagenet
from synthoscope.classifier.pretrained.catalogue import IMAGENET, PublishedWeights
from synthoscope.classifier.pretrained.imagenet import without_output
from synthoscope.classifier.pretrained.sources import initial_weights, load_into
from synthoscope.classifier.pretrained.uploads import Upload
from synthoscope.metrics import efficientnet_lite0
from synthoscope.models.weights import WEIGHTS, dump_weights
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import DataLoss, FailedPrecondition, InvalidInput, NotFound
from tests.file_server import file_server

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def objects():
    return InMemoryObjectStore()


@pytest.fixture
def module():
    return nn.ModuleDict({"features": nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 5, 1))})


def uploaded(objects, weights):
    with closing(Upload()) as upload:
        upload.write(dump_weights(weights))
        return upload.store(objects, "t").name


def published(objects, weights, preset="resnet50"):
    record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, preset=preset)
    return models.publish(objects, "tenants/t/models/m", record, {WEIGHTS: dump_weights(weights)}).name


def random_state(module):
    generator = torch.Generator().manual_seed(1)
    return {
        name: torch.rand(tensor.shape, generator=generator) if tensor.is_floating_point() else torch.tensor(3)
        for name, tensor in module.state_dict().items()
    }


def same(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


@pytest.mark.parametrize("source", ["", "none"])
def test_none_is_none(objects, source):
    assert initial_weights(objects, source, "resnet50", NOWHERE) is None


def test_of_a_version_the_backbone_is_taken(objects):
    weights = {"backbone.features.weight": torch.rand(3), "backbone.b": torch.rand(2), "output.weight": torch.rand(2)}
    name = published(objects, weights)
    found = initial_weights(objects, name, "resnet50", NOWHERE)
    assert same(found, {"features.weight": weights["backbone.features.weight"], "b": weights["backbone.b"]})
    assert same(initial_weights(objects, "tenants/t/models/m/versions/latest", "resnet50", NOWHERE), found)


def test_of_an_upload_the_backbone_is_taken_whatever_it_is_called(objects):
    backbone = {"features.a.weight": torch.rand(3), "features.b": torch.rand(2)}
    for more in ({}, {"output.weight": torch.rand(2)}):
        assert same(initial_weights(objects, uploaded(objects, backbone | more), "resnet50"), backbone)
        prefixed = {f"backbone.{name}": tensor for name, tensor in backbone.items()}
        assert same(initial_weights(objects, uploaded(objects, prefixed | more), "resnet50"), backbone)


def test_sources_that_cannot_be(objects):
    with pytest.raises(FailedPrecondition, match=r"\(cnn-128\) has no backbone"):
        initial_weights(objects, published(objects, {"dense.weight": torch.ones(2)}, "cnn-128"), "resnet50")
    with pytest.raises(NotFound):
        initial_weights(objects, f"tenants/t/weights/{'0' * 64}", "resnet50")
    with pytest.raises(InvalidInput):
        initial_weights(objects, "imagenet21k", "resnet50")
    name = uploaded(objects, {"features": torch.ones(1)})
    objects.put(f"{name}/weights.safetensors", b"x")
    with pytest.raises(DataLoss):
        initial_weights(objects, name, "resnet50")


@pytest.mark.parametrize(
    ("network", "family"),
    [
        ("vgg16", "vgg"),
        ("resnet50", "resnet"),
        ("densenet201", "densenet"),
        ("inceptionv3", "inceptionv3"),
        ("xception", "xception"),
        ("efficientnet-b0", "efficientnet"),
    ],
)
def test_published_names_are_those_of_the_backbone(network, family):
    with torch.device("meta"):  # where nothing is computed, so that all six are quick
        whole = getattr(import_module(f"pytorchcv.models.{family}"), IMAGENET[network].constructor)().state_dict()
        backbone = BACKBONES[network].build(128).state_dict()
    shapes = {name: tensor.shape for name, tensor in without_output(whole).items()}
    assert shapes == {name: tensor.shape for name, tensor in backbone.items()}


def test_a_download_gives_the_backbone_what_the_network_computes(objects, monkeypatch):
    from pytorchcv.models.efficientnet import efficientnet_b0

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    torch.manual_seed(0)
    whole = efficientnet_b0().eval()
    state = {name: tensor for name, tensor in whole.state_dict().items() if "num_batches_tracked" not in name}
    pickled, archive = io.BytesIO(), io.BytesIO()
    torch.save(state | {"an.extra": torch.ones(1)}, pickled)
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("b0.pth", pickled.getvalue())
    sha1 = hashlib.sha1(pickled.getvalue()).hexdigest()
    entry = PublishedWeights(**{**vars(IMAGENET["efficientnet-b0"]), "sha1": sha1})
    monkeypatch.setattr(imagenet, "IMAGENET", {"efficientnet-b0": entry})
    backbone = BACKBONES["efficientnet-b0"].build(64).eval()
    with file_server(archive.getvalue()) as server:
        load_into(backbone, initial_weights(objects, "imagenet", "efficientnet-b0", server.url), "imagenet")
    images = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        normalised = (images - backbone.mean) / backbone.scale
        expected = whole.features[:-1](normalised)
        assert torch.equal(backbone(images), expected)


def test_lite0_s_backbone_gives_the_features_that_images_are_measured_with(objects):
    backbone = BACKBONES["efficientnet-lite0"].build(128).eval()
    load_into(backbone, initial_weights(objects, "imagenet", "efficientnet-lite0", NOWHERE), "imagenet")
    pixels = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), dtype=np.uint8)
    with torch.inference_mode():
        maps = backbone(torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255)
    np.testing.assert_allclose(maps.mean((2, 3)).numpy(), efficientnet_lite0.features(pixels), rtol=1e-3, atol=1e-4)


def test_a_version_of_a_transfer_network_starts_another_one(objects):
    first = build_network("efficientnet-lite0", 2, seed=1, image_size=64)
    second = build_network("efficientnet-lite0", 3, seed=2, image_size=96)
    name = published(objects, first.state_dict(), "efficientnet-lite0")
    load_into(second.backbone, initial_weights(objects, name, "efficientnet-lite0"), name)
    assert same(second.backbone.state_dict(), first.backbone.state_dict())


def test_weights_are_copied(module):
    state = random_state(module)
    load_into(module, state, "w")
    assert same(module.state_dict(), state)
    state["features.0.weight"].zero_()
    assert module["features"][0].weight.any()


def test_half_precision_is_widened(module):
    halves = {
        name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in random_state(module).items()
    }
    load_into(module, halves, "w")
    assert module["features"][0].weight.dtype == torch.float32
    assert torch.equal(module["features"][0].weight, halves["features.0.weight"].float())


def test_counters_of_batch_normalisation_may_be_missing(module):
    state = random_state(module)
    del state["features.1.num_batches_tracked"]
    load_into(module, state, "w")
    assert same({k: v for k, v in module.state_dict().items() if "tracked" not in k}, state)
    assert module["features"][1].num_batches_tracked == 0


def test_what_does_not_fit_is_named_and_nothing_is_loaded(module):
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    state = random_state(module)
    wrong = {
        "missing: features.2.bias": lambda s: s.pop("features.2.bias"),
        "not of this network: head.weight": lambda s: s.update({"head.weight": torch.ones(1)}),
        "of another shape: features.0.weight 4×3×5×5 instead of 4×3×3×3": lambda s: s.update(
            {"features.0.weight": torch.ones(4, 3, 5, 5)}
        ),
        "features.1.num_batches_tracked 1 instead of scalar": lambda s: s.update(
            {"features.1.num_batches_tracked": torch.ones(1)}
        ),
    }
    for problem, change in wrong.items():
        given = dict(state)
        change(given)
        with pytest.raises(
            FailedPrecondition, match=r"^weights: tenants/t/weights/1 do not fit this network: "
        ) as error:
            load_into(module, given, "tenants/t/weights/1")
        assert problem in error.value.message
        assert same(module.state_dict(), before)


def test_three_of_many_are_named(module):
    with pytest.raises(FailedPrecondition) as error:
        load_into(module, {f"x{number}": torch.ones(1) for number in range(5)} | {"y" * 10_000: torch.ones(1)}, "w")
    assert error.value.message == (
        "weights: w do not fit this network: "
        "missing: features.0.bias, features.0.weight, features.1.bias and 5 more; "
        "not of this network: x0, x1, x2 and 3 more"
    )


def test_of_published_weights_what_the_network_lacks_is_left_out_but_not_the_other_way_round(module):
    state = random_state(module)
    load_into(module, state | {"features.extra": torch.ones(1)}, "imagenet")
    assert same(module.state_dict(), state)
    with pytest.raises(FailedPrecondition, match=r"missing: features\.0\.bias"):
        load_into(module, {"features.extra": torch.ones(1)}, "imagenet")
