"""What is put on the audit trail of those whose images were diagnosed."""

from synthoscope.api.classification.v1.classification_pb2 import Diagnosis
from synthoscope.api.models.v1.models_pb2 import ModelVersion
from synthoscope.models.versions import WEIGHTS
from synthoscope.rpc.auth import Caller, caller
from synthoscope.trail import Entry


def diagnosed(diagnosis: Diagnosis, who: Caller) -> Entry:
    """A diagnosis that a caller asked for. What was found is in the diagnosis itself."""
    return Entry(
        "Diagnose",
        "OK",
        who.tenant,
        who.subject,
        image_sha256=diagnosis.image.sha256,
        model_version=diagnosis.model_version,
        model_sha256=diagnosis.model_sha256,
        resource=diagnosis.name,
    )


def inferred(version: ModelVersion, image_sha256: str) -> Entry:
    """An image that the current caller sent by the Open Inference Protocol."""
    who = caller()
    return Entry(
        "ModelInfer",
        "OK",
        who.tenant,
        who.subject,
        image_sha256=image_sha256,
        model_version=version.name,
        model_sha256=weights_sha256(version),
    )


def weights_sha256(version: ModelVersion) -> str:
    """Of a version's weights; "" for one that has none."""
    return next((file.sha256 for file in version.files if file.path == WEIGHTS), "")
