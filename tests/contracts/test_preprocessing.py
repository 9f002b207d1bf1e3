"""Training, serving and explaining give a network the same numbers, to the bit, for the same stored image."""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import dicoms
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from services.classification.classifiers import Classifiers
from services.classification.servicer import DiagnosisServicer
from services.training.publishing import publish
from services.training.reading import Task, read_data
from synthoscope.api.classification.v1 import classification_service_pb2 as messages
from synthoscope.api.classification.v1.classification_service_pb2_grpc import (
    DiagnosisServiceStub,
    add_DiagnosisServiceServicer_to_server,
)
from synthoscope.api.datasets.v1.audits_pb2 import DatasetAudit
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split
from synthoscope.api.training.v1 import training_pb2
from synthoscope.classifier.loop import Surroundings, train
from synthoscope.classifier.objectives import OneOf
from synthoscope.classifier.parsing import from_message
from synthoscope.classifier.prediction import load_classifier
from synthoscope.datasets.audit import storage as audits
from synthoscope.datasets.cache import PixelCache
from synthoscope.datasets.loading import load_split
from synthoscope.datasets.versions import store
from synthoscope.images.intake import Intake
from synthoscope.images.preprocessing import preprocessing_from_json
from synthoscope.images.storage import load_image_bytes
from synthoscope.jobs.memory import InMemoryJobStore, InMemoryWorkQueue
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.channel import open_channel
from synthoscope.rpc.server import Registration
from synthoscope.rpc.testing import running_server
from synthoscope.saliency.explanation import explain
from synthoscope.saliency.request import Explanations
from synthoscope.trail import Trail

PIPELINES = {
    "default": b"{}",
    "everything": b"""{"steps": [
        {"marginRemoval": {}},
        {"denoising": {"method": "METHOD_MEDIAN"}},
        {"denoising": {"method": "METHOD_NON_LOCAL_MEANS"}},
        {"contrast": {"method": "METHOD_PERCENTILE_STRETCH", "lowPercentile": 1, "highPercentile": 99}},
        {"contrast": {"method": "METHOD_CLAHE"}},
        {"color": {"mode": "MODE_GREY"}},
        {"resizing": {"mode": "MODE_PAD"}},
        {"normalization": {"mean": 0.45, "deviation": 0.22}}
    ]}""",
}


def pictures() -> list[np.ndarray]:
    """Noisy coloured ellipses in black margins, every picture of another size."""
    generator = np.random.default_rng(0)
    made = []
    for number in range(12):
        height, width = 70 + 5 * number, 140 - 4 * number
        rows, columns = np.mgrid[:height, :width]
        inside = ((rows / height - 0.5) / 0.35) ** 2 + ((columns / width - 0.45) / 0.3) ** 2 < 1
        values = inside[:, :, None] * (100 + 8 * number + generator.normal(0, 12, (height, width, 3)))
        made.append(values.clip(0, 255).astype(np.uint8))
    return made


def image_files() -> list[bytes]:
    """The pictures as files: a third each PNG, JPEG and DICOM."""

    def encoded(picture: np.ndarray, form: str) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, form)
        return buffer.getvalue()

    windowed = {"WindowCenter": "90", "WindowWidth": "140"}
    makers = [
        lambda picture: encoded(picture, "PNG"),
        lambda picture: encoded(picture, "JPEG"),
        lambda picture: dicoms.dicom(np.ascontiguousarray(picture[:, :, 0]), **windowed),
    ]
    return [makers[number // 2 % 3](picture) for number, picture in enumerate(pictures())]


@contextmanager
def seen_by_networks() -> Iterator[list[torch.Tensor]]:
    """What the first convolution of any network is given, batch by batch."""
    batches: list[torch.Tensor] = []

    def look(module: nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
        if isinstance(module, nn.Conv2d) and module.in_channels == 3:
            batches.append(arguments[0].detach().clone())

    hook = register_module_forward_pre_hook(look)
    try:
        yield batches
    finally:
        hook.remove()


class InThisProcess:
    """The model as Ray Serve's replica asks it."""

    replicas = 1

    def __init__(self, objects):
        self._objects = objects

    async def answer(self, model_version, images):
        return load_classifier(self._objects, model_version).answer(np.stack(images)).each()


@contextmanager
def diagnosis_stub(intake: Intake) -> Iterator[DiagnosisServiceStub]:
    objects = intake.objects
    explanations, classifiers = Explanations(objects, InMemoryWorkQueue()), Classifiers(objects, InThisProcess(objects))
    jobs = Jobs(objects, InMemoryJobStore())
    servicer = DiagnosisServicer(intake, explanations, classifiers, Trail(objects), ThreadPoolExecutor(2), jobs)
    name = "synthoscope.api.classification.v1.DiagnosisService"
    with (
        running_server([Registration(name, add_DiagnosisServiceServicer_to_server, servicer)]) as server,
        open_channel(server.address, server.token) as channel,
    ):
        yield DiagnosisServiceStub(channel)


@pytest.mark.parametrize("pipeline", sorted(PIPELINES))
def test_training_serving_and_explaining_see_the_same_numbers(pipeline, tmp_path, decoders, pseudonyms):
    objects = InMemoryObjectStore()
    intake, files = Intake(objects, pseudonyms, decoders), image_files()
    refs = [intake.store("default", data, "image") for data in files]
    images = [
        DatasetImage(path=f"{number:02}.png", label="ab"[number % 2], split=Split.SPLIT_TRAIN, image=ref)
        for number, ref in enumerate(refs)
    ]
    preprocessing = preprocessing_from_json(PIPELINES[pipeline])
    version = store(objects, "tenants/default/datasets/d", images, preprocessing=preprocessing)
    audits.put(objects, version.name, DatasetAudit())
    message = training_pb2.ClassifierTrainingConfig(preset="cnn-64", epochs=1, batch_size=2, validation_fraction=0.5)
    task = Task(
        job="tenants/default/jobs/j",
        dataset_version=version.name,
        synthetic_sets=(),
        model="tenants/default/models/m",
        config=from_message(message),
        threads=1,
    )
    cache = PixelCache(tmp_path)
    data, classes = read_data(objects, task, cache)
    with seen_by_networks() as batches:
        final = train(task.config, data, OneOf(classes), Surroundings())
    trained = batches[-1]  # the validation images, which are not augmented
    assert len(trained) == len(data.validation) == 6
    model = publish(objects, task, final, cache)
    split = load_split(objects, version.name, Split.SPLIT_TRAIN, 64, cache)
    places = [
        next(place for place, image in enumerate(split.images) if np.array_equal(image, held))
        for held in data.validation.images
    ]
    assert len(set(places)) == 6

    assert {refs[place].media_type for place in places} == {"image/png", "image/jpeg", "application/dicom"}
    with diagnosis_stub(intake) as stub, seen_by_networks() as batches:
        for image in [{"image_name": refs[place].name} for place in places] + [
            {"data": files[place]} for place in places
        ]:
            request = messages.DiagnoseRequest(parent="tenants/default", model_version=model.name, **image)
            stub.Diagnose(request, timeout=30)
    by_name, inline = torch.cat(batches).split(len(places))
    classifier = load_classifier(objects, model.name)
    with seen_by_networks() as batches:
        for place in places:
            explain(classifier, load_image_bytes(objects, refs[place].name))
    explained = torch.cat(batches)
    assert torch.equal(trained, by_name)
    assert torch.equal(trained, inline)
    assert torch.equal(trained, explained)
    assert (trained.min() < 0) == (pipeline == "everything")
    assert classifier.pipeline == split.pipeline
