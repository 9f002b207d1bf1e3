import pytest

from synthoscope import models
from synthoscope.api.models.v1.models_pb2 import ModelVersion
from synthoscope.models import predictions
from synthoscope.models.predictions import ImagePredictions
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import DataLoss

SOME = ImagePredictions("test", "tenants/t/datasets/d/versions/v", ("a", "b"), ("x", "y"), (0, 1), (0, 0), (0, 1))


def version(objects: InMemoryObjectStore, files: dict[str, bytes]) -> ModelVersion:
    return models.publish(objects, "tenants/t/models/m", ModelVersion(), files)


def test_predictions_are_read_as_they_were_written():
    objects = InMemoryObjectStore()
    record = version(objects, {predictions.path_of("test"): SOME.to_json()})
    assert predictions.read(objects, record, "test") == SOME
    assert predictions.read(objects, record, "validation") is None


@pytest.mark.parametrize("data", [b"{", b"{}", SOME.to_json().replace(b'"x",', b"")])
def test_what_is_none_is_said_to_be_damaged(data):
    objects = InMemoryObjectStore()
    record = version(objects, {predictions.path_of("test"): data})
    with pytest.raises(DataLoss, match="cannot be read"):
        predictions.read(objects, record, "test")
