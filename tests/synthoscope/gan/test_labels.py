import pytest

from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.gan.labels import labels_of
from synthoscope.rpc.errors import FailedPrecondition


def test_a_gan_has_its_classes_or_the_empty_label():
    assert labels_of(ModelVersion(kind=ModelKind.MODEL_KIND_GAN, classes=["a", "b"])) == ("a", "b")
    assert labels_of(ModelVersion(kind=ModelKind.MODEL_KIND_GAN)) == ("",)


def test_a_classifier_has_none():
    with pytest.raises(FailedPrecondition, match="tenants/t/models/m/versions/1 is not a GAN"):
        labels_of(ModelVersion(name="tenants/t/models/m/versions/1", kind=ModelKind.MODEL_KIND_CLASSIFIER))
