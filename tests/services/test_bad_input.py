"""Bad jobs and searches, 44 to 65: each gets its status through the real servers, fast, and nothing is stored.

The numbers are those of the project's list of bad inputs. Services take neither URIs, output keys nor environments, so
49 to 53 and 55 show that there is no way in: names that are none are refused by their form, and fields that the
contract lacks do nothing. 56 shows that stored bytes that are no safetensors are never unpickled; files of weights that
callers send are checked before they are stored (tests/synthoscope/classifier/pretrained/test_safetensors_file.py).
(Imports from S3, with endpoints and buckets, are done by the client with its own rights: docs/importing.md.)
"""

import json
import math
import pickle
import struct
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import grpc
import pytest
import torch
import typer

from services.synthesis.servicer import SynthesisServicer
from services.training.servicer import TrainingServicer
from services.tuning.servicer import TuningServicer
from synthoscope import models
from synthoscope.api.datasets.v1.datasets_pb2 import ClassCount, DatasetVersion, Split
from synthoscope.api.jobs.v1.jobs_pb2 import Job as JobMessage
from synthoscope.api.jobs.v1.jobs_service_pb2 import CancelJobRequest, ListJobsRequest
from synthoscope.api.jobs.v1.jobs_service_pb2_grpc import JobServiceStub, add_JobServiceServicer_to_server
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.api.synthesis.v1.synthesis_service_pb2 import SubmitGenerationRequest
from synthoscope.api.synthesis.v1.synthesis_service_pb2_grpc import (
    SynthesisServiceStub,
    add_SynthesisServiceServicer_to_server,
)
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanConditioning, GanTrainingConfig
from synthoscope.api.training.v1.training_service_pb2 import SubmitClassifierTrainingRequest, SubmitGanTrainingRequest
from synthoscope.api.training.v1.training_service_pb2_grpc import (
    TrainingServiceStub,
    add_TrainingServiceServicer_to_server,
)
from synthoscope.api.tuning.v1.tuning_pb2 import DoubleRange, NumberChoice, Parameter, StudySpecification
from synthoscope.api.tuning.v1.tuning_service_pb2 import SubmitStudyRequest
from synthoscope.api.tuning.v1.tuning_service_pb2_grpc import TuningServiceStub, add_TuningServiceServicer_to_server
from synthoscope.cli.tune import parse_parameter
from synthoscope.gan import sampling
from synthoscope.jobs.job import Job, JobKind, JobState
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.servicer import JobServicer
from synthoscope.jobs.submission import Jobs
from synthoscope.models.weights import WEIGHTS, dump_weights
from synthoscope.objects import InMemoryObjectStore
from synthoscope.records import Records
from synthoscope.rpc.channel import open_channel
from synthoscope.rpc.errors import DataLoss
from synthoscope.rpc.server import Registration
from synthoscope.rpc.testing import running_server

INVALID, EXHAUSTED = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED
PRECONDITION, NOT_FOUND = grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND

PARENT = "tenants/default"
DATASET = f"{PARENT}/datasets/spots/versions/0123456789abcdef"
ONE_CLASS = f"{PARENT}/datasets/same/versions/0123456789abcdef"
ENDED = f"{PARENT}/jobs/ended"
MOST_WORKERS = 8


@pytest.fixture(scope="module")
def platform():
    """The three services that take jobs, on one port, with a dataset of 40 images of a and 20 of b."""
    objects = InMemoryObjectStore()
    for name, counts in ((DATASET, {"a": 40, "b": 20}), (ONE_CLASS, {"a": 40})):
        train = [ClassCount(split=Split.SPLIT_TRAIN, label=label, count=count) for label, count in counts.items()]
        Records(objects, DatasetVersion).put(name, DatasetVersion(name=name, classes=list(counts), counts=train))
    jobs = Jobs(objects, InMemoryJobStore())
    jobs.store.create(Job(ENDED, JobKind.GAN_TRAINING, JobState.SUCCEEDED, datetime.now(UTC), attempt=1))
    api = "synthoscope.api"
    registrations = [
        Registration(f"{api}.jobs.v1.JobService", add_JobServiceServicer_to_server, JobServicer(jobs)),
        Registration(
            f"{api}.training.v1.TrainingService",
            add_TrainingServiceServicer_to_server,
            TrainingServicer(objects, jobs, MOST_WORKERS),
        ),
        Registration(
            f"{api}.tuning.v1.TuningService", add_TuningServiceServicer_to_server, TuningServicer(objects, jobs)
        ),
        Registration(
            f"{api}.synthesis.v1.SynthesisService",
            add_SynthesisServiceServicer_to_server,
            SynthesisServicer(objects, jobs),
        ),
    ]
    with running_server(registrations) as server, open_channel(server.address, server.token) as channel:
        calls = {
            SubmitGanTrainingRequest: TrainingServiceStub(channel).SubmitGanTraining,
            SubmitClassifierTrainingRequest: TrainingServiceStub(channel).SubmitClassifierTraining,
            SubmitGenerationRequest: SynthesisServiceStub(channel).SubmitGeneration,
            SubmitStudyRequest: TuningServiceStub(channel).SubmitStudy,
            CancelJobRequest: JobServiceStub(channel).CancelJob,
            ListJobsRequest: JobServiceStub(channel).ListJobs,
        }
        yield SimpleNamespace(objects=objects, jobs=jobs, channel=channel, calls=calls)


def gan(dataset=DATASET, model_id="gan", request_id="", **config):
    return SubmitGanTrainingRequest(
        parent=PARENT,
        request_id=request_id,
        dataset_version=dataset,
        model_id=model_id,
        config=GanTrainingConfig(**{"preset": "lsgan", "epochs": 1, "batch_size": 8, **config}),
    )


def classifier(dataset=DATASET, sets=(), **config):
    return SubmitClassifierTrainingRequest(
        parent=PARENT,
        dataset_version=dataset,
        synthetic_sets=sets,
        model_id="cnn",
        config=ClassifierTrainingConfig(**{"preset": "cnn-64", "epochs": 1, "batch_size": 8, **config}),
    )


def study(*parameters, max_trials=3):
    base = GanTrainingConfig(preset="lsgan", epochs=2, batch_size=8)
    specification = StudySpecification(gan=base, parameters=parameters, max_trials=max_trials)
    return SubmitStudyRequest(parent=PARENT, dataset_version=DATASET, specification=specification)


def between(low, high, name="learning_rate", log=False):
    return Parameter(name=name, range=DoubleRange(minimum=low, maximum=high, log=log))


def of(*values, name="learning_rate"):
    return Parameter(name=name, choice=NumberChoice(values=values))


def generation(model, **counts):
    return SubmitGenerationRequest(parent=PARENT, model_version=f"{PARENT}/models/{model}", counts=counts or {"a": 1})


RATE = between(1e-4, 1e-2)
PER_CLASS = GanConditioning.GAN_CONDITIONING_PER_CLASS
LONG = "x" * 10_240

BAD = [
    ("44 epochs -1", gan(epochs=-1), INVALID, "config.epochs"),
    ("44 a classifier's epochs -1", classifier(epochs=-1), INVALID, "config.epochs"),
    ("45 epochs 10^9", gan(epochs=10**9), EXHAUSTED, "config.epochs"),
    ("45 a classifier's epochs 10^9", classifier(epochs=10**9), EXHAUSTED, "epochs"),
    ("45 epochs of a class 10^9", gan(class_epochs={"a": 10**9}, conditioning=PER_CLASS), EXHAUSTED, "config.epochs"),
    ("46 rate NaN", gan(learning_rate=math.nan), INVALID, "config.learning_rate"),
    ("46 rate infinite", gan(learning_rate=math.inf), INVALID, "config.learning_rate"),
    ("46 penalty NaN", gan(preset="r3", r1=math.nan), INVALID, "config.r1"),
    ("46 a classifier's rate NaN", classifier(learning_rate=math.nan), INVALID, "config.learning_rate"),
    ("47 batch exceeds dataset", gan(batch_size=64), PRECONDITION, "60 images, fewer than config.batch_size, 64"),
    ("47 batch exceeds a class", gan(batch_size=32, conditioning=PER_CLASS), PRECONDITION, "class b of the training"),
    ("47 a classifier's batch", classifier(batch_size=60), PRECONDITION, "fewer than config.batch_size, 60"),
    ("47 one class for a classifier", classifier(ONE_CLASS), PRECONDITION, "at least 2 classes"),
    ("47 epochs of no class", gan(class_epochs={"c": 3}, conditioning=PER_CLASS), PRECONDITION, "is no class"),
    ("48 workers, each with its GPU, over quota", gan(batch_size=16, workers=16), EXHAUSTED, "at most 8 here, not 16"),
    ("48 a classifier's workers", classifier(batch_size=16, workers=16), EXHAUSTED, "at most 8 here, not 16"),
    ("49 file://", gan("file:///etc/passwd"), INVALID, "dataset_version: must have the form"),
    (
        "49 file:// to start from",
        gan(start_from="file:///etc/passwd"),
        INVALID,
        "config.start_from: must have the form",
    ),
    ("50 metadata IP", gan("http://169.254.169.254/latest/meta-data/"), INVALID, "must have the form"),
    ("50 metadata IP as a set", classifier(sets=["http://169.254.169.254/"]), INVALID, "must have the form"),
    ("51 foreign bucket", gan("s3://synthoscope-ray/train"), INVALID, "must have the form"),
    ("51 another tenant's dataset", gan(DATASET.replace("default", "other")), NOT_FOUND, "no such resource"),
    ("51 another tenant's GAN", gan(start_from="tenants/other/models/g/versions/1"), NOT_FOUND, "no such"),
    ("52 ../ as output", gan(model_id="../../other/models/gan"), INVALID, "model_id"),
    ("52 ../ in a name", gan(f"{PARENT}/datasets/../versions/1"), INVALID, "must have the form"),
    ("52 %2e%2e in a name", gan(f"{PARENT}/datasets/%2e%2e/versions/1"), INVALID, "must have the form"),
    ("54 newline in an id", gan(model_id="gan\n"), INVALID, "model_id"),
    ("54 bidi in an id", gan(model_id="gan\u202egnp.exe"), INVALID, "model_id"),
    ("54 an id of 10 kB", gan(model_id="g" * 10_240), INVALID, "model_id"),
    ("54 newline in a request id", gan(request_id="once\nand again"), INVALID, "request_id"),
    ("54 bidi in a request id", gan(request_id="once\u202e"), INVALID, "request_id"),
    ("54 a request id of 10 kB", gan(request_id=LONG), INVALID, "request_id"),
    ("54 a preset of 10 kB", gan(preset=LONG), INVALID, "config.preset"),
    ("54 a class of 10 kB", gan(class_epochs={LONG: 3}, conditioning=PER_CLASS), PRECONDITION, "class_epochs"),
    ("54 a hyperparameter of 10 kB", study(between(0, 1, LONG)), INVALID, "specification.parameters"),
    ("57 unknown GAN", generation("none/versions/latest"), NOT_FOUND, "models/none"),
    ("57 unknown GAN to start from", gan(start_from=f"{PARENT}/models/none/versions/1"), NOT_FOUND, "models/none"),
    ("57 unknown set", classifier(sets=[f"{PARENT}/syntheticSets/none"]), NOT_FOUND, "syntheticSets/none"),
    ("58 cancel a job that has ended", CancelJobRequest(name=ENDED), PRECONDITION, "has ended"),
    ("59 empty", study(), INVALID, "at least one hyperparameter"),
    ("59 no choices", study(of()), INVALID, "must not be empty"),
    ("59 neither range nor choice", study(Parameter(name="learning_rate")), INVALID, "a range or a choice"),
    ("60 minimum above maximum", study(between(0.1, 0.01)), INVALID, "must be below maximum"),
    ("60 NaN", study(between(math.nan, 0.1)), INVALID, "must be below maximum"),
    ("61 logarithm of 0", study(between(0, 0.9, "beta1", log=True)), INVALID, "above 0 for a logarithmic range"),
    ("61 logarithm of -1", study(between(-1, 0.9, "beta1", log=True)), INVALID, "above 0 for a logarithmic range"),
    ("62 10^9 trials", study(RATE, max_trials=10**9), EXHAUSTED, "specification.max_trials"),
    ("62 100,000 choices", study(of(*(1 + i for i in range(100_000)), name="width")), EXHAUSTED, "at most 100"),
    ("63 expression for a name", study(between(0, 1, "learning_rate*2")), INVALID, "no hyperparameter"),
    ("63 code for a name", study(between(0, 1, "__import__('os')")), INVALID, "no hyperparameter"),
    ("64 unknown parameter", study(between(1e-4, 1e-2, "learnin_rate")), INVALID, "did you mean learning_rate"),
    ("64 parameter that is fixed", study(of(1, 2, name="seed")), INVALID, "cannot be searched"),
    ("65 unlimited trials, 0", study(RATE, max_trials=0), INVALID, "specification.max_trials"),
    ("65 unlimited trials, -1", study(RATE, max_trials=-1), INVALID, "specification.max_trials"),
]


def state_of(platform):
    """Everything that is stored, and every job."""
    jobs = [job.name for job in platform.calls[ListJobsRequest](ListJobsRequest(parent=PARENT), timeout=30).jobs]
    return [(info.key, info.size) for info in platform.objects.list("")], jobs


@pytest.mark.parametrize(("request_", "status", "words"), [pytest.param(*row[1:], id=row[0]) for row in BAD])
def test_bad_input(platform, request_, status, words):
    before, began = state_of(platform), time.process_time()
    with pytest.raises(grpc.RpcError) as caught:
        platform.calls[type(request_)](request_, timeout=30)
    assert time.process_time() - began < 1  # of this process, in which the servers are: others do not count
    assert caught.value.code() is status, caught.value.details()
    assert words in caught.value.details()
    assert "Traceback" not in caught.value.details()
    assert len(caught.value.details()) <= 1000
    assert state_of(platform) == before


def test_what_is_refused_would_be_accepted_without_what_is_bad(platform):
    for request in (gan(), gan(ONE_CLASS), gan(conditioning=PER_CLASS), classifier(), study(RATE)):
        assert platform.calls[type(request)](request, timeout=30).name


def field(number, data):
    """A field of bytes with a number in [16, 2047], as it goes over the wire."""
    tag = number << 3 | 2
    return bytes([tag & 0x7F | 0x80, tag >> 7, len(data)]) + data


def test_53_a_runtime_environment_or_entrypoint_of_the_clients_own_does_nothing(platform):
    """The contract has no such field: one that is sent all the same is in no specification, so no job ever sees it."""
    smuggled = gan().SerializeToString() + field(99, b'{"runtime_env":{"pip":["evil"]}}') + field(98, b"rm -rf /")
    submit = platform.channel.unary_unary(
        "/synthoscope.api.training.v1.TrainingService/SubmitGanTraining", response_deserializer=JobMessage.FromString
    )
    job = submit(smuggled, timeout=30)
    assert platform.jobs.specification(job.name, SubmitGanTrainingRequest) == gan()
    stored = [platform.objects.get(info.key) for info in platform.objects.list(f"{job.name}/")]
    assert stored
    assert not [data for data in stored if b"evil" in data or b"rm -rf" in data]


def test_63_text_where_a_number_belongs(platform):
    """Bounds are numbers on the wire: text in their place is none, and the command line takes numbers only."""
    text = b"__import__('os').getpid()"
    space = Parameter.FromString(b"\x0a\x02lr\x12" + bytes([len(text) + 2, 0x0A, len(text)]) + text)
    assert (space.range.minimum, space.range.maximum) == (0, 0)
    for typed in ("learning_rate=1e-4*2:1", "learning_rate=__import__('os')", "learning_rate=10**-3"):
        with pytest.raises(typer.BadParameter):
            parse_parameter(typed)


class Executed:
    """What leaves a file behind when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self):
        return Path.touch, (self._mark,)


def with_header(header: object, data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(start: int, end: int) -> dict[str, object]:
    return {"dtype": "F32", "shape": [2], "data_offsets": [start, end]}


NO_SAFETENSORS = {
    "56 offsets past the end": with_header({"w": tensor(0, 800)}, bytes(8)),
    "56 offsets that overlap": with_header({"v": tensor(0, 8), "w": tensor(4, 12)}, bytes(12)),
    "56 offsets turned round": with_header({"w": tensor(8, 0)}, bytes(8)),
    "56 trailing bytes": dump_weights({"w": torch.zeros(2)}) + b"PK\3\4",
    "56 a header of 2^60 bytes": struct.pack("<Q", 2**60) + bytes(64),
    "56 shape and offsets disagree": with_header({"w": {**tensor(0, 8), "shape": [2**40, 2**40]}}, bytes(8)),
}


def published(data: bytes):
    """A GAN's version whose weights are these bytes, with their digest, as whoever can write to the store could."""
    objects = InMemoryObjectStore()
    record = ModelVersion(kind=ModelKind.MODEL_KIND_GAN, preset="dcgan-64", classes=["a"])
    return objects, models.publish(objects, f"{PARENT}/models/gan", record, {WEIGHTS: data})


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in NO_SAFETENSORS.items()])
def test_56_weights_that_are_no_safetensors(data):
    with pytest.raises(DataLoss, match="not a safetensors file"):
        sampling.load(*published(data))


def test_55_a_pickle_is_never_unpickled(tmp_path):
    mark = tmp_path / "executed"
    torch.save({"w": torch.zeros(2)}, tmp_path / "weights.pt")
    for data in (pickle.dumps(Executed(mark)), (tmp_path / "weights.pt").read_bytes()):
        with pytest.raises(DataLoss, match="not a safetensors file"):
            sampling.load(*published(data))
    assert not mark.exists()
    pickle.loads(pickle.dumps(Executed(mark)))
    assert mark.exists()
