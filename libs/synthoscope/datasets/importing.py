"""Making a dataset version from images that are stored already."""

import re
from collections.abc import Iterable, Sequence

from synthoscope import names
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, DatasetVersion, Split
from synthoscope.api.images.v1.preprocessing_pb2 import Preprocessing
from synthoscope.datasets import attributes, manifest, versions
from synthoscope.datasets.findings import untrained
from synthoscope.datasets.paths import PATH_RULE, is_safe
from synthoscope.images.storage import image_name
from synthoscope.objects import ObjectStore
from synthoscope.pseudonyms import Pseudonyms
from synthoscope.records import Records
from synthoscope.rpc.errors import InvalidInput, ResourceExhausted

MOST_IMAGES = 1_000_000
MOST_CLASSES = 1000
LONGEST_PATIENT = 256


_FINDING = r"[A-Za-z0-9](?:[A-Za-z0-9 _.-]{0,61}[A-Za-z0-9])?"
_LABEL = re.compile(rf"{_FINDING}(?:\|{_FINDING})*")
_LONGEST_LABEL = 255


def import_version(
    objects: ObjectStore,
    dataset: str,
    images: Sequence[DatasetImage],
    classes: Sequence[str] = (),
    preprocessing: Preprocessing | None = None,
) -> DatasetVersion:
    """Stores the version of `dataset` that holds these images, and makes it the latest.

    `dataset` is `tenants/{tenant}/datasets/{dataset}`. Of each image's ImageRef only `sha256` is read. `classes` must
    have training images, besides every class that occurs; of a combination of findings, each finding. One class is
    enough: a GAN needs no second. A class may be absent from the test split. The same contents give the version that is
    there.

    Raises InvalidInput, naming the field, for what is wrong in the list; FailedPrecondition when an image is not
    stored; ResourceExhausted over a million images or 1000 classes.
    """
    names.check_id(names.DATASET.parse(dataset, "dataset")["dataset"], "dataset")
    check_images(images, classes)
    version = versions.store(objects, dataset, images, preprocessing=preprocessing)
    Records(objects, DatasetVersion).set_latest(version.name)
    return version


def with_pseudonyms(images: Iterable[DatasetImage], tenant: str, pseudonyms: Pseudonyms) -> None:
    """Replaces the patients in a list that was sent by their pseudonyms, and drops what only the platform may say.

    Raises InvalidInput, naming the field, for what cannot be a patient's identifier.
    """
    for index, image in enumerate(images):
        if len(image.patient) > LONGEST_PATIENT or not image.patient.isprintable():
            raise InvalidInput(f"images[{index}].patient", f"must be at most {LONGEST_PATIENT} printable characters")
        image.patient = pseudonyms.patient(tenant, image.patient)
        image.origin = ""


def check_images(images: Sequence[DatasetImage], classes: Sequence[str] = ()) -> None:
    """Checks paths, splits, labels, attributes, and that every class has training images.

    Raises InvalidInput, ResourceExhausted.
    """
    if not images:
        raise InvalidInput("images", "is empty; a dataset needs at least one image")
    if len(images) > MOST_IMAGES:
        raise ResourceExhausted(f"images: there are {len(images)}; at most {MOST_IMAGES} are accepted")
    paths: set[str] = set()
    for index, image in enumerate(images):
        _check_image(image, f"images[{index}]")
        if image.path in paths:
            raise InvalidInput(f"images[{index}].path", f"{image.path!r} is repeated")
        paths.add(image.path)
    attributes.check_variety(images, "images")
    trained = {image.label for image in images if image.split == Split.SPLIT_TRAIN}
    wanted = {image.label for image in images} | set(classes)
    if len(wanted) > MOST_CLASSES:
        raise ResourceExhausted(f"images: there are {len(wanted)} classes; at most {MOST_CLASSES} are accepted")
    if empty := untrained(wanted, trained):
        raise InvalidInput("classes", f"no training images for {', '.join(empty)}")


def check_label(label: str, field: str) -> None:
    """Raises InvalidInput, naming the field, when a class, or findings with "|" between, cannot be called so."""
    if len(label) > _LONGEST_LABEL or not _LABEL.fullmatch(label):
        raise InvalidInput(
            field,
            "must have 1 to 63 letters, digits, spaces, '_', '.' or '-', and begin and end with a letter or digit; "
            f"several findings have '|' between them, and at most {_LONGEST_LABEL} characters in all",
        )


def _check_image(image: DatasetImage, field: str) -> None:
    if not is_safe(image.path):
        raise InvalidInput(f"{field}.path", PATH_RULE)
    if image.split not in manifest.SPLIT_NAMES:
        raise InvalidInput(f"{field}.split", "must be SPLIT_TRAIN or SPLIT_TEST")
    check_label(image.label, f"{field}.label")
    if image.frame < 0:
        raise InvalidInput(f"{field}.frame", "must be at least 0")
    attributes.check(image.attributes, f"{field}.attributes")
    image_name("any", image.image.sha256, f"{field}.image.sha256")
