"""How synthetic images are preprocessed: what their GAN was shown already is not done again."""

from dataclasses import replace

from synthoscope import models
from synthoscope.api.models.v1.models_pb2 import ModelVersion
from synthoscope.api.synthesis.v1.synthesis_pb2 import SyntheticSet
from synthoscope.images.preprocessing import Pipeline
from synthoscope.images.steps.normalization import Normalization
from synthoscope.models.preprocessing import pipeline_of
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import FailedPrecondition


def is_synthetic(origin: str) -> bool:
    """Whether the origin of a dataset's image is a synthetic set."""
    return "/syntheticSets/" in origin


def pipeline_for(objects: ObjectStore, synthetic_set: str, pipeline: Pipeline) -> Pipeline:
    """What makes images of a set like the real ones that a sized `pipeline` makes.

    A GAN that learned preprocessed images makes preprocessed ones: they are only resized. One that learned images as
    they are makes images to be preprocessed as those. Raises NotFound; FailedPrecondition when the GAN learned images
    that were preprocessed in another way, since a network would see the difference.
    """
    record = Records(objects, SyntheticSet).get(synthetic_set)
    if not record.model_version:
        return pipeline
    return pipeline_of_generator(models.get(objects, record.model_version), pipeline, "this dataset")


def pipeline_of_generator(gan: ModelVersion, pipeline: Pipeline, whose: str) -> Pipeline:
    """What makes images of a GAN like the real ones that a sized `pipeline` makes; raises as `pipeline_for`.

    `whose` pipeline it is, is said in the error.
    """
    learned = pipeline_of(gan)
    if learned.only_squeezes:
        return pipeline
    if _unsized(learned) != _unsized(pipeline):
        raise FailedPrecondition(
            f"{gan.name} learned images preprocessed in another way than those of {whose}; "
            "train a GAN on the same dataset version"
        )
    return Pipeline(normalization=pipeline.normalization).sized(pipeline.resizing.size)


def _unsized(pipeline: Pipeline) -> Pipeline:
    """What is done to pixels at any size."""
    return replace(pipeline, resizing=replace(pipeline.resizing, size=0), normalization=Normalization())
