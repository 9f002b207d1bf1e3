"""How dataset versions are shown."""

from rich.table import Table

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion, Split
from synthoscope.cli.console import console, print_message, short_name, table


def show_version(version: DatasetVersion, as_json: bool) -> None:
    """Prints a version's counts per class and split, and per attribute."""
    if as_json:
        print_message(version)
        return
    counts = {(count.label, count.split): count.count for count in version.counts}
    rows = table(short_name(version.name), "class", "train", "test")
    for label in version.classes:
        train, test = (counts.get((label, split), 0) for split in (Split.SPLIT_TRAIN, Split.SPLIT_TEST))
        rows.add_row(label, str(train), str(test))
    console.print(rows)
    if version.attribute_counts:
        console.print(_attributes(version))
    modes = ", ".join(f"{count} {mode}" for mode, count in sorted(version.modes.items()))
    console.print(f"{version.image_count} images, {version.size_bytes / 1e6:.1f} MB, colour modes: {modes}")
    if version.HasField("derivation"):
        console.print(origin(version), soft_wrap=True)


def _attributes(version: DatasetVersion) -> Table:
    """Images by attribute and value."""
    counts = {(count.attribute, count.value, count.split): count.count for count in version.attribute_counts}
    rows = table("for results by subgroup", "attribute", "value", "train", "test")
    for name, value in sorted({(name, value) for name, value, _ in counts}):
        train, test = (counts.get((name, value, split), 0) for split in (Split.SPLIT_TRAIN, Split.SPLIT_TEST))
        rows.add_row(name, value or "unknown", str(train), str(test))
    return rows


def origin(version: DatasetVersion) -> str:
    """How a version came to be, in a few words."""
    derivation = version.derivation
    rule = derivation.WhichOneof("rule")
    if rule is None:
        return "imported"
    what = rule.replace("_", " ")
    if rule == "split":
        split = derivation.split
        what = (split.WhichOneof("rule") or "split").replace("_", " ")
        what += f" {split.fold.index} of {split.fold.count}" if split.HasField("fold") else ""
        what += "" if split.HasField("deduplication") else f", seed {split.seed}"
        what += ", ungrouped" if split.ungrouped else ""
    return f"{what}, of {', '.join(short_name(parent) for parent in derivation.parents)}"
