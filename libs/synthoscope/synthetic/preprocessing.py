"""How synthetic images are preprocessed: what their GAN was shown already is not done again."""

from dataclasses import replace

from synthoscope import models
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
    learned = pipeline_of(models.get(objects, record.model_version)) if record.model_version else Pipeline()
    if learned.only_squeezes:
        return pipeline
    if _unsized(learned) != _unsized(pipeline):
        raise FailedPrecondition(
            f"{record.name} is of a GAN that learned images preprocessed in another way than this dataset's; "
            "train one on this dataset version"
        )
    return Pipeline(normalization=pipeline.normalization).sized(pipeline.resizing.size)


def _unsized(pipeline: Pipeline) -> Pipeline:
    """What is done to pixels at any size."""
    return replace(pipeline, resizing=replace(pipeline.resizing, size=0), normalization=Normalization())
