from dataclasses import replace

from google.protobuf.struct_pb2 import Struct

from services.training.classifier_run import learned_before
from services.training.reading import Task
from synthoscope.api.models.v1.models_pb2 import Lineage, ModelVersion
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig
from synthoscope.classifier.parsing import from_message
from synthoscope.objects import InMemoryObjectStore
from synthoscope.records import Records

CONFIG = from_message(ClassifierTrainingConfig(preset="efficientnet-lite0", epochs=1, validation_fraction=0.25, seed=3))
WORK = Task(
    job="tenants/default/jobs/j1",
    dataset_version="tenants/default/datasets/spots/versions/0123456789abcdef",
    synthetic_sets=(),
    model="tenants/default/models/spots",
    config=CONFIG,
    threads=1,
)


def test_weights_that_have_learned_what_is_held_out_now_are_told():
    objects = InMemoryObjectStore()
    config = Struct()
    config.update({"validation_fraction": 0.25})
    lineage = Lineage(dataset_version=WORK.dataset_version, seed=3)
    name = "tenants/default/models/before/versions/0123456789abcdef"
    Records(objects, ModelVersion).put(name, ModelVersion(name=name, config=config, lineage=lineage))
    same = replace(WORK, config=replace(WORK.config, weights=name))
    assert not learned_before(objects, WORK)
    assert not learned_before(objects, same)
    elsewhere = replace(same, dataset_version="tenants/default/datasets/dots/versions/0123456789abcdef")
    assert not learned_before(objects, elsewhere)
    for changes in ({"seed": 4}, {"validation_fraction": 0.2}):
        told = learned_before(objects, replace(same, config=replace(same.config, **changes)))
        assert "held out now" in told
        assert "seed=3 and validation_fraction=0.25" in told
    later = WORK.dataset_version.replace("0123", "4567")
    assert "held out now" in learned_before(objects, replace(same, dataset_version=later))
