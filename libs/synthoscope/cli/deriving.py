"""`synthoscope dataset derive`, `compare` and `delete`: versions from versions."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from synthoscope import names
from synthoscope.api.classification.v1.classification_pb2 import Feedback
from synthoscope.api.datasets.v1.datasets_pb2 import (
    ConfirmedLabel,
    DatasetChange,
    DatasetImage,
    Derivation,
    Fold,
    HoldOut,
    LabelMap,
    Merge,
    Split,
    SplitRule,
    Subset,
)
from synthoscope.cli.console import AsJson, console, print_message, short_name, table
from synthoscope.cli.versions import show_version
from synthoscope.client import Client
from synthoscope.rpc.errors import InvalidInput

SHOWN = 20
"""Changes that people are shown."""


def derive(
    dataset: Annotated[str, typer.Argument(help="The version to start from: `brain` or `brain@VERSION`.")],
    name: Annotated[str, typer.Option("--name", help="Id of the dataset to put it in; by default the same.")] = "",
    label: Annotated[
        list[str] | None, typer.Option(help="OLD=NEW: renames a class; OLD= drops it. Others stay. Repeatable.")
    ] = None,
    keep_label: Annotated[list[str] | None, typer.Option(help="Subset: only this class. Repeatable.")] = None,
    keep_split: Annotated[str, typer.Option(help="Subset: only this split, train or test.")] = "",
    most_per_class: Annotated[int, typer.Option(min=0, help="Subset: at most so many of each class and split.")] = 0,
    merge: Annotated[list[str] | None, typer.Option(help="Adds a dataset version's images. Repeatable.")] = None,
    merge_synthetic: Annotated[
        list[str] | None, typer.Option(help="Adds a synthetic set's images to train. Repeatable.")
    ] = None,
    confirm: Annotated[
        list[str] | None, typer.Option(help="DIAGNOSIS=LABEL: adds a diagnosed image to train. Repeatable.")
    ] = None,
    feedback: Annotated[
        bool, typer.Option("--feedback", help="Adds all diagnosed images with feedback to train, as what they show.")
    ] = False,
    deduplicate: Annotated[bool, typer.Option("--deduplicate", help="Leaves out test images with a copy in train.")] = (
        False
    ),
    hold_out: Annotated[float, typer.Option(help="Draws a new test split: this share of every class.")] = 0.0,
    fold: Annotated[str, typer.Option(help="I/K: fold I of K, from 0, becomes the test split.")] = "",
    ungrouped: Annotated[
        bool, typer.Option("--ungrouped", help="Lets copies and images of one patient be on both sides.")
    ] = False,
    preprocessing: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="JSON file: other preprocessing.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of what is drawn.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Makes a version of a version by one rule: labels, subset, merge, splits or preprocessing. Copies nothing."""
    from synthoscope.images.preprocessing import preprocessing_from_json  # slow to import

    with Client() as client:
        parent = client.datasets.get(client.dataset_name(dataset))
        merged = Merge(
            dataset_versions=[client.dataset_name(item) for item in merge or []],
            synthetic_sets=[client.name(names.SYNTHETIC_SET, "synthetic_set", item) for item in merge_synthetic or []],
            confirmed_labels=[
                ConfirmedLabel(diagnosis=client.name(names.DIAGNOSIS, "diagnosis", diagnosis), label=truth)
                for diagnosis, truth in (_pair(item, "confirm") for item in confirm or [])
            ]
            + ([_confirmed(item) for item in client.diagnoses.feedback()] if feedback else []),
        )
        labels = {item: item for item in parent.classes}
        renamed = dict(_pair(item, "label") for item in label or [])
        subset = Subset(labels=keep_label, most_per_class=most_per_class, splits=_splits(keep_split))
        split = _split_rule(deduplicate, hold_out, fold)
        rules = {
            "label_map": LabelMap(labels=labels | renamed) if renamed else None,
            "subset": subset if subset.ByteSize() else None,
            "merge": merged if merged.ByteSize() else None,
            "split": split,
            "preprocessing": preprocessing_from_json(preprocessing.read_bytes()) if preprocessing else None,
        }
        derivation = _one_rule({rule: value for rule, value in rules.items() if value is not None})
        if derivation.HasField("subset"):
            derivation.subset.seed = seed
        if derivation.HasField("split"):
            derivation.split.seed, derivation.split.ungrouped = seed, ungrouped
        version = client.datasets.derive(parent.name, derivation, name)
    show_version(version, as_json)


def _confirmed(feedback: Feedback) -> ConfirmedLabel:
    return ConfirmedLabel(diagnosis=feedback.diagnosis, label=feedback.label)


def compare(
    before: Annotated[str, typer.Argument(help="`brain@VERSION`.")],
    after: Annotated[str, typer.Argument(help="`brain`, `brain@VERSION`, or of another dataset.")],
    as_json: AsJson = False,
) -> None:
    """Says what changed from one version to another: images are matched by their paths."""
    with Client() as client:
        found = client.datasets.compare(client.dataset_name(before), client.dataset_name(after))
    if as_json:
        print_message(found)
        return
    rows = table(f"{before} → {after}", "change", "images")
    rows.add_row("unchanged", str(found.unchanged))
    more = "" if len(found.changes) == found.change_count else f" of the first {len(found.changes)}"
    for kind, count in sorted(Counter(kind for change in found.changes for kind in _kinds(change)).items()):
        rows.add_row(kind, f"{count}{more}")
    console.print(rows)
    for change in found.changes[:SHOWN]:
        line = f"{change.path}: {', '.join(_kinds(change))} ({_place(change.before)} → {_place(change.after)})"
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    if found.change_count > SHOWN:
        console.print(f"… and {found.change_count - SHOWN} more (--json)")


def delete(
    dataset: Annotated[str, typer.Argument(help="`brain@VERSION`.")],
    yes: Annotated[bool, typer.Option("--yes", help="Does not ask.")] = False,
) -> None:
    """Removes a version, and those of its images that nothing else needs. There is no way back."""
    with Client() as client:
        name = client.dataset_name(dataset)
        if not yes:
            typer.confirm(f"Remove {short_name(name)} for good?", abort=True)
        client.datasets.delete(name)
    console.print(f"removed {short_name(name)}")


def _one_rule(rules: dict[str, object]) -> Derivation:
    if len(rules) != 1:
        given = f"not {' and '.join(rules)}" if rules else "such as --label, --most-per-class, --merge or --deduplicate"
        raise InvalidInput("", f"one rule makes a version: give options of exactly one, {given}")
    return Derivation(**rules)  # type: ignore[arg-type]  # the field of each rule


def _split_rule(deduplicate: bool, hold_out: float, fold: str) -> SplitRule | None:
    if sum(map(bool, (deduplicate, hold_out, fold))) > 1:
        raise InvalidInput("", "give one of --deduplicate, --hold-out and --fold")
    if deduplicate:
        return SplitRule(deduplication={})
    if hold_out:
        return SplitRule(hold_out=HoldOut(test_fraction=hold_out))
    return SplitRule(fold=_fold(fold)) if fold else None


def _fold(text: str) -> Fold:
    index, slash, count = text.partition("/")
    if not (slash and index.isdecimal() and count.isdecimal()):
        raise InvalidInput("fold", f"{text!r} must have the form I/K, such as 0/5")
    return Fold(index=int(index), count=int(count))


def _splits(name: str) -> list[Split]:
    splits = {"": [], "train": [Split.SPLIT_TRAIN], "test": [Split.SPLIT_TEST]}
    if name not in splits:
        raise InvalidInput("keep_split", f"must be train or test, not {name!r}")
    return splits[name]


def _pair(text: str, option: str) -> tuple[str, str]:
    first, equals, second = text.partition("=")
    if not (first and equals):
        raise InvalidInput(option, f"{text!r} must have the form NAME=LABEL")
    return first, second


def _kinds(change: DatasetChange) -> Iterator[str]:
    if not change.HasField("before"):
        yield "added"
    elif not change.HasField("after"):
        yield "removed"
    else:
        differs = {
            "moved": change.before.split != change.after.split,
            "relabelled": change.before.label != change.after.label,
            "other picture": change.before.image.sha256 != change.after.image.sha256,
            "other frame": change.before.frame != change.after.frame,
            "other patient": change.before.patient != change.after.patient,
            "other attributes": change.before.attributes != change.after.attributes,
        }
        yield from (kind for kind, differ in differs.items() if differ)


def _place(image: DatasetImage) -> str:
    if not image.path:
        return "absent"
    return f"{Split.Name(image.split).removeprefix('SPLIT_').lower()}, {image.label}"
