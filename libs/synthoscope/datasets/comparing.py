"""What changed from one dataset version to another."""

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetChange, DatasetComparison, DatasetImage, DatasetVersion
from synthoscope.datasets import manifest
from synthoscope.objects import ObjectStore
from synthoscope.records import Records

MOST_CHANGES = 10_000


def compare(objects: ObjectStore, before: str, after: str) -> DatasetComparison:
    """Compares two versions, of one or of two datasets, image by image; an image is known by its path.

    It has changed when it is in one of them only, or has another split, label, picture, frame, patient or attribute.
    Raises NotFound, DataLoss.
    """
    old, new = _by_path(objects, before), _by_path(objects, after)
    changed = [path for path in sorted(old.keys() | new.keys()) if _facts(old.get(path)) != _facts(new.get(path))]
    return DatasetComparison(
        unchanged=len(old.keys() | new.keys()) - len(changed),
        changes=[
            DatasetChange(path=path, before=old.get(path), after=new.get(path)) for path in changed[:MOST_CHANGES]
        ],
        change_count=len(changed),
    )


def _by_path(objects: ObjectStore, name: str) -> dict[str, DatasetImage]:
    version = Records(objects, DatasetVersion).get(name)
    return {image.path: image for image in manifest.read(objects, version)}


def _facts(image: DatasetImage | None) -> tuple[object, ...]:
    if image is None:
        return ()
    return (image.split, image.label, image.image.sha256, image.frame, image.patient, dict(image.attributes))
