"""Which images of a version are copies of one picture, as far as audits of it or of its ancestors tell."""

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion
from synthoscope.datasets.audit import storage
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import NotFound


def find_clusters(objects: ObjectStore, version: DatasetVersion) -> list[list[str]] | None:
    """Paths of copies of one picture, cluster by cluster; None when no audit by this version of the code tells.

    A version that was derived by label map, subset, splits or preprocessing has its parent's images under their paths,
    so the parent's audit will do; a merged one has others besides. Paths may occur that the version does not have.
    """
    if storage.is_current(objects, version.name) and (audit := storage.find(objects, version.name)) is not None:
        return [list(cluster.paths) for cluster in audit.clusters]
    if not version.derivation.parents or version.derivation.HasField("merge"):
        return None
    try:
        return find_clusters(objects, Records(objects, DatasetVersion).get(version.derivation.parents[0]))
    except NotFound:
        return None
