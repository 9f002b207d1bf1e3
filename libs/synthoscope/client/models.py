"""Model versions, and the jobs that make them."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from synthoscope.api.datasets.v1.datasets_pb2 import Split
from synthoscope.api.jobs.v1.jobs_pb2 import Job
from synthoscope.api.models.v1 import models_service_pb2 as requests
from synthoscope.api.models.v1.models_pb2 import (
    ModelAlias,
    ModelEvaluation,
    ModelKind,
    ModelVersion,
    Promotion,
    TrafficSplit,
)
from synthoscope.api.models.v1.models_service_pb2_grpc import ModelServiceStub
from synthoscope.api.training.v1 import training_service_pb2 as training
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanTrainingConfig
from synthoscope.api.training.v1.training_service_pb2_grpc import TrainingServiceStub
from synthoscope.client.connection import Connection, call, pages, stream
from synthoscope.client.images import CHUNK_BYTES, UPLOAD_SECONDS
from synthoscope.rpc.errors import DataLoss

DOWNLOAD_SECONDS = 600.0
"""Deadline of a download."""

PROMOTION_SECONDS = 600.0
"""Deadline of a promotion, whose checks read two versions' files."""


class Models:
    """Trains models, reads their versions and moves their aliases."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def train_gan(
        self,
        dataset_version: str,
        model_id: str,
        config: GanTrainingConfig,
        request_id: str = "",
        accept_unadmitted: bool = False,
    ) -> Job:
        """Starts a GAN training on the training split.

        Synthetic sets in it whose verdict is not ADMISSION_ADMITTED are refused unless `accept_unadmitted`. Raises
        FailedPrecondition.
        """
        request = training.SubmitGanTrainingRequest(
            parent=self._connection.parent,
            request_id=request_id,
            dataset_version=dataset_version,
            model_id=model_id,
            config=config,
            accept_unadmitted=accept_unadmitted,
        )
        return call(self._training.SubmitGanTraining, request)

    def train_classifier(
        self,
        dataset_version: str,
        model_id: str,
        config: ClassifierTrainingConfig,
        synthetic_sets: Sequence[str] = (),
        request_id: str = "",
        accept_unadmitted: bool = False,
        *,
        synthetic_only: bool = False,
    ) -> Job:
        """Starts a classifier training on the training split and, if given, on synthetic sets, or on these alone.

        Sets whose verdict is not ADMISSION_ADMITTED are refused unless `accept_unadmitted`. Raises FailedPrecondition.
        """
        request = training.SubmitClassifierTrainingRequest(
            parent=self._connection.parent,
            request_id=request_id,
            dataset_version=dataset_version,
            synthetic_sets=synthetic_sets,
            model_id=model_id,
            config=config,
            accept_unadmitted=accept_unadmitted,
            synthetic_only=synthetic_only,
        )
        return call(self._training.SubmitClassifierTraining, request)

    def evaluate(
        self,
        model_version: str,
        dataset_version: str,
        split: Split = Split.SPLIT_TEST,
        synthetic_sets: Sequence[str] = (),
        request_id: str = "",
    ) -> Job:
        """Starts measuring a classifier version on other images; the job's result is what `get_evaluation` takes.

        Images of synthetic sets are counted as well, if given. Raises InvalidInput, NotFound, FailedPrecondition.
        """
        request = requests.SubmitModelEvaluationRequest(
            model_version=model_version,
            dataset_version=dataset_version,
            split=split,
            synthetic_sets=synthetic_sets,
            request_id=request_id,
        )
        return call(self._models.SubmitModelEvaluation, request)

    def get_evaluation(self, name: str) -> ModelEvaluation:
        """An evaluation. Raises NotFound."""
        return call(self._models.GetModelEvaluation, requests.GetModelEvaluationRequest(name=name))

    def evaluations(self, parent: str) -> Sequence[ModelEvaluation]:
        """The evaluations of a model, or of one of its versions, by name."""
        request = requests.ListModelEvaluationsRequest(parent=parent)
        return [item for page in pages(self._models.ListModelEvaluations, request) for item in page.model_evaluations]

    def upload_weights(self, path: Path) -> str:
        """Stores a safetensors file that transfer networks can start from; its name, `tenants/…/weights/{sha256}`.

        Raises InvalidInput when it is something else, ResourceExhausted when it has more than 1 GiB.
        """

        def parts() -> Iterator[training.UploadWeightsRequest]:
            header = training.UploadWeightsHeader(parent=self._connection.parent)
            yield training.UploadWeightsRequest(header=header)
            with path.open("rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    yield training.UploadWeightsRequest(chunk=chunk)

        return call(self._training.UploadWeights, parts(), UPLOAD_SECONDS).name

    def get(self, name: str) -> ModelVersion:
        """A model version; `versions/latest` and `versions/champion` are allowed. Raises NotFound."""
        return call(self._models.GetModelVersion, requests.GetModelVersionRequest(name=name))

    def download(self, version: ModelVersion, path: str) -> bytes:
        """One of a version's files, such as "model.onnx". Raises NotFound, DataLoss when it is damaged."""
        request = requests.DownloadModelFileRequest(name=version.name, path=path)
        data = b"".join(part.chunk for part in stream(self._models.DownloadModelFile, request, DOWNLOAD_SECONDS))
        expected = {file.path: file.sha256 for file in version.files}
        if hashlib.sha256(data).hexdigest() != expected.get(path):
            raise DataLoss(f"{path} of {version.name} does not have its SHA-256")
        return data

    def list(self, kind: ModelKind = ModelKind.MODEL_KIND_UNSPECIFIED) -> list[ModelVersion]:
        """All model versions, by name."""
        request = requests.ListModelVersionsRequest(parent=self._connection.parent, kind=kind)
        return [item for page in pages(self._models.ListModelVersions, request) for item in page.model_versions]

    def promote(self, model_version: str, alias: str, check_only: bool = False) -> Promotion:
        """Gives a version an alias of its model; with `check_only` the checks run and nothing is recorded.

        Raises FailedPrecondition with the reasons of the checks that do not pass.
        """
        request = requests.PromoteModelVersionRequest(
            model_version=model_version, alias=alias, validate_only=check_only
        )
        return call(self._models.PromoteModelVersion, request, PROMOTION_SECONDS)

    def roll_back(self, model: str, alias: str) -> Promotion:
        """Gives a model's alias back to the version that had it before. Raises FailedPrecondition when none had."""
        request = requests.RollBackModelAliasRequest(alias=f"{model}/aliases/{alias}")
        return call(self._models.RollBackModelAlias, request)

    def aliases(self, model: str) -> Sequence[ModelAlias]:
        """A model's aliases, by name."""
        request = requests.ListModelAliasesRequest(parent=model)
        return [item for page in pages(self._models.ListModelAliases, request) for item in page.aliases]

    def try_out(self, model: str, alias: str, candidate: str, canary: float = 0.0, shadow: float = 0.0) -> TrafficSplit:
        """Tries a version of a model out beside the one that an alias stands for; both shares 0 ends that.

        `canary` is the share of images that it answers, `shadow` that of the others which it is asked, too, both in
        [0, 1]. Raises FailedPrecondition for a candidate with other classes.
        """
        split = TrafficSplit(
            name=f"{model}/aliases/{alias}/trafficSplit", candidate=candidate, canary=canary, shadow=shadow
        )
        return call(self._models.SetTrafficSplit, requests.SetTrafficSplitRequest(traffic_split=split))

    def promotions(self, model: str) -> Sequence[Promotion]:
        """A model's promotions and rollbacks, refused promotions too, from the oldest."""
        request = requests.ListPromotionsRequest(parent=model)
        return [item for page in pages(self._models.ListPromotions, request) for item in page.promotions]

    def download_event_files(self, job: str, folder: Path) -> Sequence[Path]:
        """Writes a training job's TensorBoard event files into a folder that is there. Raises NotFound."""
        request = training.DownloadEventFilesRequest(job=job)
        written = []
        parts = stream(self._training.DownloadEventFiles, request, DOWNLOAD_SECONDS)
        for name, chunks in groupby(parts, key=lambda part: part.file):
            file = folder / Path(name).name
            with file.open("wb") as output:
                output.writelines(part.chunk for part in chunks)
            written.append(file)
        return written

    @property
    def _training(self) -> TrainingServiceStub:
        return TrainingServiceStub(self._connection.channel("training"))

    @property
    def _models(self) -> ModelServiceStub:
        return ModelServiceStub(self._connection.channel("training"))
