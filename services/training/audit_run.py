"""An audit job."""

from synthoscope.api.datasets.v1.datasets_service_pb2 import SubmitDatasetAuditRequest
from synthoscope.datasets.audit import storage
from synthoscope.jobs.worker import JobWorker
from synthoscope_ray.auditing import ensure_audit
from synthoscope_ray.program import Stores


def run(worker: JobWorker, stores: Stores) -> str:
    """Does the job and returns the audit's name. Raises NotFound, DataLoss, Cancelled."""
    version = worker.specification(SubmitDatasetAuditRequest).dataset_version
    ensure_audit(worker, stores, version)
    return storage.audit_name(version)
