"""What a configuration may call a network's first weights, and whether they are there. No torch."""

from synthoscope import models, names
from synthoscope.classifier.pretrained import uploads
from synthoscope.models.versions import tensor_names
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput

NONE = "none"
IMAGENET = "imagenet"

BACKBONE = "backbone."
"""How the names of a backbone's tensors begin in the weights of a transfer network."""


def is_upload(source: str) -> bool:
    """Whether it can only be the name of uploaded weights."""
    return "/weights/" in source


def check_source(objects: ObjectStore, source: str, field: str = "config.weights") -> None:
    """Raises unless `source` is "none" (or empty), "imagenet", uploaded weights, or one version with a backbone.

    InvalidInput, naming `field`, for anything else and for `…/versions/latest`, which may be another version when the
    job begins; NotFound; FailedPrecondition when the version has no backbone. Whether the weights fit the network, and
    whether ImageNet's can be had, is seen when the job begins.
    """
    if source in ("", NONE, IMAGENET):
        return
    if is_upload(source):
        names.WEIGHTS.parse(source, field)
        uploads.get(objects, source)
        return
    if not source.startswith("tenants/"):
        forms = f"{names.MODEL_VERSION.template} or {names.WEIGHTS.template}"
        raise InvalidInput(field, f'must be "{NONE}", "{IMAGENET}", or have the form {forms}')
    names.MODEL_VERSION.parse(source, field)
    record = models.get(objects, source)
    if record.name != source:
        raise InvalidInput(field, f"must name a version itself, such as {record.name}")
    if not any(name.startswith(BACKBONE) for name in tensor_names(objects, record)):
        raise no_backbone(record.name, record.preset)


def no_backbone(name: str, preset: str) -> FailedPrecondition:
    """The error for a version of another kind of network."""
    return FailedPrecondition(
        f"weights: {name} ({preset}) has no backbone to start from; give a transfer network's version"
    )
