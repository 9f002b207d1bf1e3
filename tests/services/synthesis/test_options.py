import json
import math

import pytest

from services.synthesis.options import check_options
from synthoscope import models
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion
from synthoscope.api.models.v1.models_pb2 import Lineage, ModelKind, ModelVersion
from synthoscope.api.synthesis.v1.synthesis_pb2 import (
    GenerationCheckpoint,
    GenerationFilters,
    GenerationOptions,
    InfoganCodes,
)
from synthoscope.images.preprocessing import Pipeline
from synthoscope.images.steps.margin_removal import MarginRemoval
from synthoscope.objects import InMemoryObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, NotFound

DATASET = "tenants/t/datasets/d/versions/1"


@pytest.fixture
def objects():
    objects = InMemoryObjectStore()
    Records(objects, DatasetVersion).put(DATASET, DatasetVersion(name=DATASET))
    return objects


def gan(objects, preset="lsgan", tensors=("0.generator.x", "0.discriminator.x"), dataset=DATASET, **changes):
    header = json.dumps({name: {} for name in tensors}).encode()
    record = ModelVersion(
        kind=ModelKind.MODEL_KIND_GAN,
        preset=preset,
        image_size=64,
        classes=["a", "b"],
        lineage=Lineage(dataset_version=dataset),
        **changes,
    )
    weights = {"weights.safetensors": len(header).to_bytes(8, "little") + header}
    return models.publish(objects, "tenants/t/models/gan", record, weights)


def classifier(objects, classes=("a", "b"), **changes):
    record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=classes, image_size=64, **changes)
    return models.publish(objects, "tenants/t/models/cnn", record, {}).name


def check(objects, record, **options):
    return check_options(objects, GenerationOptions(**options), record, ["a"])


@pytest.mark.parametrize(
    ("preset", "options", "text"),
    [
        ("lsgan", {"truncation": -1}, r"options.truncation: must be in \[0, 4\]"),
        ("lsgan", {"truncation": math.nan}, "options.truncation"),
        ("acgan-xray", {"truncation": 2}, r"options.truncation: must be in \[0, 1\] for preset acgan-xray"),
        ("lsgan", {"checkpoint": 9}, "options.checkpoint"),
        ("lsgan", {"codes": InfoganCodes(category=1)}, "options.codes: only preset infogan"),
        ("lsgan", {"codes": InfoganCodes()}, "options.codes: only preset infogan"),
        ("infogan", {"codes": InfoganCodes(category=10)}, r"options.codes.category: must be in \[0, 10\)"),
        ("infogan", {"codes": InfoganCodes(continuous={2: 0})}, "options.codes.continuous: positions"),
        ("infogan", {"codes": InfoganCodes(continuous={1: 1.5})}, r"options.codes.continuous\[1\]"),
        ("lsgan", {"keep_last": 1.5}, "options.keep_last"),
        ("lsgan", {"keep_last": 0.001}, "options.keep_last"),
        ("lsgan", {"keep_last": math.nan}, "options.keep_last"),
        ("lsgan", {"output_size": 27}, r"options.output_size: must be in \[28, 1024\]"),
        ("lsgan", {"output_size": 1025}, "options.output_size"),
        ("lsgan", {"filters": GenerationFilters(discriminator_share=0.01)}, "options.filters.discriminator_share"),
        ("ddgan", {"filters": GenerationFilters(discriminator_share=0.5)}, "discriminator_share: is no option"),
        ("lsgan", {"filters": GenerationFilters(classifier="m")}, "options.filters.classifier"),
        ("lsgan", {"filters": GenerationFilters(classifier_probability=0.5)}, "needs filters.classifier"),
        ("lsgan", {"filters": GenerationFilters(classifier_probability=1)}, "options.filters.classifier_probability"),
        ("lsgan", {"measure_with": "dino"}, "options.measure_with: must be efficientnet-lite0, inception-v3 or"),
        ("lsgan", {"measure_with": "a/b"}, "options.measure_with"),
    ],
)
def test_what_is_out_of_range_or_does_not_fit_is_named(objects, preset, options, text):
    with pytest.raises(InvalidInput, match=text):
        check(objects, gan(objects, preset), **options)


def test_everything_that_is_allowed(objects):
    filters = GenerationFilters(
        discriminator_share=0.5, classifier=classifier(objects), classifier_probability=0.9, distinct=True
    )
    record = gan(objects, "infogan", ["0.average.x", "0.generator.x", "0.discriminator.x"])
    codes = InfoganCodes(category=3, continuous={0: -1, 1: 1})
    resolved = check(
        objects,
        record,
        truncation=0.5,
        checkpoint=GenerationCheckpoint.GENERATION_CHECKPOINT_AVERAGE,
        codes=codes,
        keep_last=0.07,
        output_size=128,
        filters=filters,
    )
    assert resolved == {"options.filters.classifier": filters.classifier}
    assert check(objects, record) == {}


def test_the_latest_classifier_is_the_one_of_now(objects):
    latest = GenerationFilters(classifier="tenants/t/models/cnn/versions/latest")
    name = classifier(objects)
    assert check(objects, gan(objects), filters=latest) == {"options.filters.classifier": name}


def test_what_a_report_is_made_with(objects):
    name = classifier(objects)
    latest = name.rpartition("/")[0] + "/latest"
    assert check(objects, gan(objects), measure_with=latest) == {"options.measure_with": name}
    assert check(objects, gan(objects), measure_with="efficientnet-lite0") == {}
    with pytest.raises(FailedPrecondition, match=r"options\.measure_with: .* is not a classifier"):
        check(objects, gan(objects), measure_with=gan(objects).name)


def test_weights_that_a_version_has_not(objects):
    best = GenerationCheckpoint.GENERATION_CHECKPOINT_BEST
    with pytest.raises(FailedPrecondition, match="has no BEST weights; it has LAST, AVERAGE"):
        check(objects, gan(objects, "r3", ["0.average.x", "0.generator.x"]), checkpoint=best)
    check(objects, gan(objects, "r3", ["0.best.x", "0.generator.x"]), checkpoint=best)
    with pytest.raises(FailedPrecondition, match="without its discriminator"):
        check(objects, gan(objects, tensors=["0.generator.x"]), filters=GenerationFilters(discriminator_share=0.5))


def test_a_classifier_must_fit(objects):
    record = gan(objects)
    with pytest.raises(NotFound):
        check(objects, record, filters=GenerationFilters(classifier="tenants/t/models/none/versions/1"))
    with pytest.raises(FailedPrecondition, match="is not a classifier"):
        check(objects, record, filters=GenerationFilters(classifier=record.name))
    with pytest.raises(InvalidInput, match="does not know 'a', only b, c"):
        check(objects, record, filters=GenerationFilters(classifier=classifier(objects, ("b", "c"))))
    cropping = Pipeline((MarginRemoval(),)).sized(64).to_message()
    with pytest.raises(FailedPrecondition, match="preprocessed in another way"):
        check(
            objects,
            gan(objects, preprocessing=cropping),
            filters=GenerationFilters(classifier=classifier(objects)),
        )


def test_without_its_training_images_copies_cannot_be_told(objects):
    with pytest.raises(FailedPrecondition, match="does not say on which images"):
        check(objects, gan(objects, dataset=""))
    with pytest.raises(FailedPrecondition, match="is gone"):
        check(objects, gan(objects, dataset="tenants/t/datasets/d/versions/2"))
