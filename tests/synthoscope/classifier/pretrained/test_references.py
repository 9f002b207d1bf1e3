from contextlib import closing

import pytest
import torch

from synthoscope import models
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.classifier.pretrained.references import check_source
from synthoscope.classifier.pretrained.uploads import Upload
from synthoscope.models.weights import WEIGHTS, dump_weights
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, NotFound

MODEL = "tenants/t/models/m"


@pytest.fixture
def objects():
    return InMemoryObjectStore()


def publish(objects, *tensors, preset="resnet50"):
    record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, preset=preset)
    files = {WEIGHTS: dump_weights({name: torch.ones(2) for name in tensors})}
    return models.publish(objects, MODEL, record, files).name


def test_what_is_there_is_right(objects):
    with closing(Upload()) as upload:
        upload.write(dump_weights({"features.weight": torch.ones(2)}))
        uploaded = upload.store(objects, "t").name
    version = publish(objects, "backbone.features.weight", "output.weight")
    for source in ("", "none", "imagenet", uploaded, version):
        check_source(objects, source)


@pytest.mark.parametrize(
    "source", ["ImageNet", "weights.pth", "file:///etc/passwd", "https://example.org/w.pth", "models/m"]
)
def test_something_else_is_told_what_would_be_right(objects, source):
    with pytest.raises(InvalidInput, match=r'^config\.weights: must be "none", "imagenet", or have the form tenants/'):
        check_source(objects, source)


@pytest.mark.parametrize(
    "source", ["tenants/t/jobs/j", "tenants/t/models/m", "tenants/t/weights/../x", f"{MODEL}/versions/1/weights/2"]
)
def test_names_of_other_things_are_refused(objects, source):
    with pytest.raises(InvalidInput, match=r"^config\.weights: must have the form"):
        check_source(objects, source)


@pytest.mark.parametrize("source", [f"tenants/t/weights/{'0' * 64}", f"{MODEL}/versions/0123456789abcdef"])
def test_what_is_not_there(objects, source):
    with pytest.raises(NotFound):
        check_source(objects, source)


def test_latest_may_be_another_version_by_then(objects):
    name = publish(objects, "backbone.weight")
    with pytest.raises(InvalidInput, match=f"must name a version itself, such as {name}"):
        check_source(objects, f"{MODEL}/versions/latest")


def test_a_version_without_a_backbone_is_refused(objects):
    name = publish(objects, "convolution1.weight", preset="cnn-128")
    with pytest.raises(FailedPrecondition, match=rf"{name} \(cnn-128\) has no backbone"):
        check_source(objects, name)
