"""What a published GAN can be asked for. Needs no torch, so that a service can check requests."""

from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.rpc.errors import FailedPrecondition


def labels_of(record: ModelVersion) -> tuple[str, ...]:
    """The labels of a GAN's images: its classes, or the empty one. Raises FailedPrecondition when it is not a GAN."""
    if record.kind != ModelKind.MODEL_KIND_GAN:
        raise FailedPrecondition(f"{record.name} is not a GAN: it makes no images")
    return tuple(record.classes) or ("",)
