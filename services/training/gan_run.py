"""A GAN training job: trains on Ray Train, then publishes a model version."""

from dataclasses import replace
from functools import partial

import synthoscope
from synthoscope import models, names
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion, Split
from synthoscope.api.models.v1.models_pb2 import Curve, Lineage, ModelKind, ModelVersion
from synthoscope.api.training.v1.training_service_pb2 import SubmitGanTrainingRequest
from synthoscope.datasets.loading import load_split
from synthoscope.gan import config as gan_config
from synthoscope.gan import loop
from synthoscope.gan.config import Conditioning, GanConfig
from synthoscope.gan.history import History
from synthoscope.gan.players import Players
from synthoscope.gan.quality import Quality
from synthoscope.images.preprocessing import Pipeline
from synthoscope.images.steps.normalization import Normalization
from synthoscope.jobs.job import Progress
from synthoscope.jobs.worker import JobWorker
from synthoscope.models.weights import WEIGHTS, dump_weights, load_weights
from synthoscope.records import Records
from synthoscope.rpc.errors import Cancelled
from synthoscope.synthetic import admission
from synthoscope.training.callbacks import Checkpoint, LoopCallbacks
from synthoscope.training.parallel import World
from synthoscope_ray import trainer
from synthoscope_ray.callbacks import sample_grids
from synthoscope_ray.elasticity import WorkerHistory
from synthoscope_ray.program import Stores, open_stores

TANH = Normalization(mean=0.5, deviation=0.5)
"""What the GAN's loop does whatever the dataset says: to [-1, 1], the range of its generators' last layer."""


def run(worker: JobWorker, stores: Stores) -> str:
    """Does the job and returns the name of the model version. Raises what the loop and the stores raise."""
    request = worker.specification(SubmitGanTrainingRequest)
    config = gan_config.from_message(request.config)
    work = partial(train, config, request.dataset_version)
    last = trainer.run(worker, stores, work, config.workers, config.min_workers)
    if worker.cancelled():
        raise Cancelled("cancelled before its result was published")
    worker.report(Progress("publishing", last.step, last.step))
    return publish(worker.name, stores, request, config, last).name


def train(
    config: GanConfig, dataset_version: str, world: World, callbacks: LoopCallbacks, resume: Checkpoint | None
) -> None:
    """The loop on one worker, with the training split loaded there."""
    stores = open_stores()
    data = load_split(stores.objects, dataset_version, Split.SPLIT_TRAIN, config.image_size, stores.settings.cache)
    start = load_weights(stores.objects, models.get(stores.objects, config.start_from)) if config.start_from else None
    loop.train(config, data.images, data.labels, data.classes, world, callbacks, resume, start)


def publish(
    job: str, stores: Stores, request: SubmitGanTrainingRequest, config: GanConfig, last: Checkpoint
) -> ModelVersion:
    """Publishes the networks of a run's last checkpoint, with the run's curves, sample grids and lineage."""
    dataset = Records(stores.objects, DatasetVersion).get(request.dataset_version)
    pipeline = Pipeline.from_message(dataset.preprocessing).sized(config.image_size)
    record = ModelVersion(
        kind=ModelKind.MODEL_KIND_GAN,
        classes=() if config.conditioning is Conditioning.UNCONDITIONAL else dataset.classes,
        preset=config.preset,
        image_size=config.image_size,
        preprocessing=replace(pipeline, normalization=TANH).to_message(),
        curves=_curves(last),
        sample_grids=sample_grids(stores.objects, job),
        lineage=Lineage(
            dataset_version=dataset.name,
            job=job,
            code_version=synthoscope.__version__,
            seed=config.seed,
            synthetic_uses=admission.uses(stores.objects, dataset),
            accepted_unadmitted=request.accept_unadmitted,
        ),
    )
    threads = {"threads": stores.settings.ray.worker_threads}
    record.config.update(config.to_json() | threads | WorkerHistory.of(last).as_config())
    weights = {name: tensor for name, tensor in last.tensors.items() if not Players.is_moment(name)}
    parent = names.MODEL.format(tenant=names.tenant_of(job), model=request.model_id)
    return models.publish(stores.objects, parent, record, {WEIGHTS: dump_weights(weights)})


def _curves(last: Checkpoint) -> list[Curve]:
    """The course of losses, and of what was measured now and then."""
    history, quality = History.from_json(last.state["history"]), Quality.from_json(last.state["quality"])
    losses = [Curve(metric=name, steps=history.steps, values=values) for name, values in history.values.items()]
    measured = [
        Curve(metric=name, steps=[step for step, _ in points], values=[value for _, value in points])
        for name, points in quality.curves.items()
    ]
    return losses + measured
