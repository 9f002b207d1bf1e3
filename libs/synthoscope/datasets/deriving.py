"""Making a dataset version of others: label maps, subsets, merges, new splits, other preprocessing.

Nothing is copied: a derived version is a list of stored images, as an imported one is, and says how it was made.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from synthoscope import names
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, DatasetVersion, Derivation, Split
from synthoscope.api.images.v1.preprocessing_pb2 import Preprocessing
from synthoscope.datasets import manifest, merging, splits, versions
from synthoscope.datasets.audit.inheritance import find_clusters
from synthoscope.datasets.findings import untrained
from synthoscope.datasets.importing import check_images, check_label
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput

Images = Sequence[DatasetImage]
Rule = Callable[[ObjectStore, DatasetVersion, Images, Derivation], Images]
"""The new images from the parent's; the derivation is a copy whose names it resolves (`versions/latest`)."""


def derive(objects: ObjectStore, dataset: str, parent: str, derivation: Derivation) -> DatasetVersion:
    """Stores the version of `dataset` that a rule makes of the version `parent`; the same again gives the same version.

    It has the parent's preprocessing unless that is what changes. In another dataset than its parent's it becomes the
    latest version; in the parent's own, `latest` stays what was imported last.

    Raises InvalidInput, naming the field, for a rule that does not fit; NotFound for what is not there;
    FailedPrecondition when a class is left without training images, or a split needs an audit and there is none.
    """
    ids = names.DATASET.parse(dataset, "dataset")
    names.check_id(ids["dataset"], "dataset")
    names.DATASET_VERSION.parse(parent, "parent_version")
    records = Records(objects, DatasetVersion)
    version = records.get(parent)
    rule = derivation.WhichOneof("rule")
    if rule is None:
        raise InvalidInput("derivation", f"must hold one of {', '.join(_RULES)}")
    made = Derivation()
    made.CopyFrom(derivation)
    made.ClearField("parents")
    images = _RULES[rule](objects, version, manifest.read(objects, version), made)
    made.parents[:] = [version.name, *made.merge.dataset_versions]
    _check(version, images)
    derived = versions.store(
        objects, dataset, images, preprocessing=_preprocessing(version, derivation), derivation=made
    )
    if not version.name.startswith(f"{dataset}/"):
        records.set_latest(derived.name)
    return derived


def _relabelled(objects: ObjectStore, version: DatasetVersion, images: Images, derivation: Derivation) -> Images:
    labels = derivation.label_map.labels
    field = "derivation.label_map.labels"
    if forgotten := sorted(set(version.classes) - set(labels)):
        raise InvalidInput(field, f"says nothing of {', '.join(forgotten)}; an empty label drops the images of a class")
    _check_known(labels, version, field)
    for label in filter(None, labels.values()):
        check_label(label, field)
    return [manifest.changed(image, label=labels[image.label]) for image in images if labels[image.label]]


def _chosen(objects: ObjectStore, version: DatasetVersion, images: Images, derivation: Derivation) -> Images:
    subset, field = derivation.subset, "derivation.subset"
    _check_known(dict.fromkeys(subset.labels, ""), version, f"{field}.labels")
    if unknown := set(subset.splits) - set(manifest.SPLIT_NAMES):
        raise InvalidInput(f"{field}.splits", f"{unknown.pop()} is no split; they are SPLIT_TRAIN and SPLIT_TEST")
    if subset.most_per_class < 0 or subset.seed < 0:
        raise InvalidInput(field, "most_per_class and seed must be at least 0")
    kept = [
        image
        for image in images
        if (not subset.labels or image.label in subset.labels) and (not subset.splits or image.split in subset.splits)
    ]
    drawn = _drawn(kept, subset.most_per_class, subset.seed) if subset.most_per_class else kept
    return [manifest.changed(image, split=Split.SPLIT_TRAIN) for image in drawn] if subset.as_training else drawn


def _drawn(images: Images, most: int, seed: int) -> Images:
    """At most so many images of each class and split."""
    members = defaultdict(list)
    for image in images:
        members[image.split, image.label].append(image)
    return [
        image
        for group in members.values()
        for image in sorted(group, key=lambda one: hashlib.sha256(f"{seed}/{one.path}".encode()).digest())[:most]
    ]


def _merged(objects: ObjectStore, version: DatasetVersion, images: Images, derivation: Derivation) -> Images:
    return merging.merge(objects, version, images, derivation.merge, "derivation.merge")


def _split(objects: ObjectStore, version: DatasetVersion, images: Images, derivation: Derivation) -> Images:
    rule = derivation.split
    splits.check_rule(rule, "derivation.split")
    clusters = find_clusters(objects, version) if splits.needs_clusters(rule) else []
    if clusters is None:
        raise FailedPrecondition(
            f"{version.name} has no audit by this code, which tells which images are copies of one picture; submit one "
            "first (synthoscope dataset audit)"
            + ("" if rule.HasField("deduplication") else ", or ask for an ungrouped split")
        )
    return splits.split(rule, images, clusters)


def _same(objects: ObjectStore, version: DatasetVersion, images: Images, derivation: Derivation) -> Images:
    return images


def _preprocessing(version: DatasetVersion, derivation: Derivation) -> Preprocessing | None:
    source = derivation if derivation.HasField("preprocessing") else version
    return source.preprocessing if source.HasField("preprocessing") else None


def _check_known(labels: Mapping[str, str], version: DatasetVersion, field: str) -> None:
    if unknown := sorted(set(labels) - set(version.classes)):
        raise InvalidInput(field, f"{unknown[0]!r} is no class of {version.name}: {', '.join(version.classes)}")


def _check(version: DatasetVersion, images: Images) -> None:
    if not images:
        raise FailedPrecondition(f"nothing of {version.name} would be left")
    trained = {image.label for image in images if image.split == Split.SPLIT_TRAIN}
    if empty := untrained({image.label for image in images}, trained):
        raise FailedPrecondition(f"no training images would be left of {', '.join(empty)}")
    check_images(images)


_RULES: Mapping[str, Rule] = {
    "label_map": _relabelled,
    "subset": _chosen,
    "merge": _merged,
    "split": _split,
    "preprocessing": _same,
}
