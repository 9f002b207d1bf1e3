"""The images of a dataset version and those of other resources besides: the rule Merge."""

from collections.abc import Iterable, Iterator, Sequence

from synthoscope import names
from synthoscope.api.datasets.v1.datasets_pb2 import ConfirmedLabel, DatasetImage, DatasetVersion, Merge, Split
from synthoscope.datasets import manifest
from synthoscope.diagnoses import Diagnoses
from synthoscope.images.storage import kept_singly
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput
from synthoscope.synthetic import sets

SYNTHETIC = "synthetic"
"""Folder, in the merged version's paths, of images of synthetic sets."""

CONFIRMED = "confirmed"
"""Folder of diagnosed images whose label was confirmed."""


def merge(
    objects: ObjectStore, version: DatasetVersion, images: Sequence[DatasetImage], rule: Merge, field: str
) -> list[DatasetImage]:
    """A version's images and those that the rule names; `versions/latest` in the rule is replaced by what it means.

    Images of other versions keep their split; all others join the training split, so a diagnosed image of the test
    split is refused. Raises InvalidInput, naming the field, for labels that are no classes of the version and paths
    that occur twice; NotFound; FailedPrecondition.
    """
    if not (rule.dataset_versions or rule.synthetic_sets or rule.confirmed_labels):
        raise InvalidInput(field, "must name what to merge: dataset_versions, synthetic_sets or confirmed_labels")
    merged = list(images)
    for index, name in enumerate(rule.dataset_versions):
        where = f"{field}.dataset_versions[{index}]"
        names.DATASET_VERSION.parse(name, where)
        other = Records(objects, DatasetVersion).get(name)
        rule.dataset_versions[index] = other.name
        merged += _known(_of_version(objects, other), version, where)
    for index, name in enumerate(rule.synthetic_sets):
        where = f"{field}.synthetic_sets[{index}]"
        merged += _known(_of_set(objects, name, where), version, where)
    tested = {image.image.sha256 for image in merged if image.split == Split.SPLIT_TEST}
    for index, confirmed in enumerate(rule.confirmed_labels):
        where = f"{field}.confirmed_labels[{index}]"
        merged += _known([_of_diagnosis(objects, confirmed, tested, where)], version, where)
    _check_paths(merged, field)
    return merged


def _of_version(objects: ObjectStore, version: DatasetVersion) -> Iterator[DatasetImage]:
    dataset = names.DATASET_VERSION.parse(version.name)["dataset"]
    for image in manifest.read(objects, version):
        yield manifest.changed(image, path=f"{dataset}/{image.path}")


def _of_set(objects: ObjectStore, name: str, field: str) -> Iterator[DatasetImage]:
    record = sets.get(objects, name, field)
    folder = f"{SYNTHETIC}/{names.SYNTHETIC_SET.parse(name)['synthetic_set']}"
    for image in sets.read_images(objects, record):
        yield DatasetImage(
            path=f"{folder}/{image.index:06d}.png",
            split=Split.SPLIT_TRAIN,
            label=image.label,
            image=image.image,
            origin=name,
        )


def _of_diagnosis(objects: ObjectStore, confirmed: ConfirmedLabel, tested: set[str], field: str) -> DatasetImage:
    image = Diagnoses(objects).get(confirmed.diagnosis, f"{field}.diagnosis").image
    if image.sha256 in tested:
        raise FailedPrecondition(
            f"{field}.diagnosis: {confirmed.diagnosis} is of an image of the test split; it must not be trained on"
        )
    return DatasetImage(
        path=f"{CONFIRMED}/{names.DIAGNOSIS.parse(confirmed.diagnosis)['diagnosis']}",
        split=Split.SPLIT_TRAIN,
        label=confirmed.label,
        image=kept_singly(objects, image),
        origin=confirmed.diagnosis,
    )


def _known(images: Iterable[DatasetImage], version: DatasetVersion, field: str) -> Iterator[DatasetImage]:
    for image in images:
        if image.label not in version.classes:
            raise InvalidInput(
                field,
                f"has images of {image.label or 'no class'}; the classes of {version.name} are "
                f"{', '.join(version.classes)}",
            )
        yield image


def _check_paths(images: Iterable[DatasetImage], field: str) -> None:
    seen: set[str] = set()
    for image in images:
        if image.path in seen:
            raise InvalidInput(field, f"{image.path!r} would be there twice")
        seen.add(image.path)
