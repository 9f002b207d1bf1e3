"""How many images a dataset version has of what."""

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion, Split


def training_counts(dataset: DatasetVersion) -> dict[str, int]:
    """Images of the training split by class, classes without one included."""
    counts = dict.fromkeys(dataset.classes, 0)
    for count in dataset.counts:
        if count.split == Split.SPLIT_TRAIN:
            counts[count.label] += count.count
    return counts
