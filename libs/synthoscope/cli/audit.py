"""`synthoscope dataset audit`: what is wrong with a dataset version."""

from collections.abc import Iterable, MutableMapping, MutableSequence
from pathlib import Path
from typing import Annotated, Any

import typer
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from synthoscope.api.datasets.v1.audits_pb2 import DatasetAudit, Shortcut, TwinCount
from synthoscope.cli.console import AsJson, Detach, RequestId, console, finish, print_message, short_name, table
from synthoscope.client import Client

SHOWN = 10
"""Lines of a list that people are shown."""

TELLING = 0.05
"""How far above chance a property's lowest likely accuracy must lie before people are told of it."""


def audit(
    dataset: Annotated[str, typer.Argument(help="`brain` or `brain@VERSION`.")],
    html: Annotated[Path | None, typer.Option(dir_okay=False, help="Also write a page with pictures here.")] = None,
    request_id: RequestId = "",
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Finds copies, leaks across the splits, contradicting labels, shortcuts, odd files and outliers."""
    with Client() as client:
        job = client.datasets.audit(client.dataset_name(dataset), request_id)
        ended = finish(client, job, "auditing", detach=detach, as_json=as_json)
        if ended is None:
            return
        found = client.datasets.get_audit(ended.result)
        if html is not None:
            from synthoscope.audit_page import page  # Jinja2 and Pillow are slow to import

            html.write_text(page.render(client, found))
    if as_json:
        print_message(plain(found))
    else:
        _show(found)
        if html is not None:
            console.print(f"wrote {html}; it holds pictures of the dataset: keep it where the dataset may be")


def plain(value: Any) -> Any:
    """A message as JSON-able values: fields as the contract calls them, all of them, numbers as numbers."""
    if isinstance(value, Timestamp):
        return value.ToJsonString()
    if isinstance(value, Message):
        return {field.name: plain(getattr(value, field.name)) for field in value.DESCRIPTOR.fields}
    if isinstance(value, MutableMapping):
        return {key: plain(value[key]) for key in sorted(value)}
    if isinstance(value, MutableSequence):
        return [plain(item) for item in value]
    return value


def _show(found: DatasetAudit) -> None:
    version = short_name(found.name.removesuffix("/audit"))
    console.print(f"[bold]{version}[/bold]: {found.image_count} images, audited in {found.seconds:.0f} s")
    _show_leaks(found)
    _show_pairs(found)
    _show_lines(
        "contradicting labels",
        [
            " | ".join(f"{path} ({label})" for path, label in zip(conflict.paths, conflict.labels, strict=True))
            for conflict in found.label_conflicts
        ],
    )
    _show_patients(found)
    _show_shortcuts([shortcut for shortcut in found.shortcuts if is_telling(shortcut)])
    _show_lines("odd files", [f"{odd.path}: {odd.problem}" for odd in found.odd_files])
    _show_lines(
        "outliers", [f"{outlier.path} ({outlier.label}): {outlier.score:.1f}" for outlier in found.outliers], shown=5
    )
    if found.balance.ratio:
        console.print(f"class balance: the largest class has {found.balance.ratio:.1f} times the smallest one's images")
    if _leaks(found):
        console.print(
            f"Accuracies on this test split are too high. Without these images: synthoscope dataset derive {version} "
            "--deduplicate",
            soft_wrap=True,
        )


def is_telling(shortcut: Shortcut) -> bool:
    """Whether a property gives its target away for all that chance may have to do with it."""
    return shortcut.accuracy_low > shortcut.chance + TELLING


def _leaks(found: DatasetAudit) -> int:
    return found.splits.test_with_twin_in_train["all"].count if found.splits.test_with_twin_in_train else 0


def _show_leaks(found: DatasetAudit) -> None:
    twins, exact = found.splits.test_with_twin_in_train, found.splits.test_with_exact_twin_in_train
    if not twins:
        console.print("no test split: nothing can cross the splits")
        return
    rows = table("test images with a copy in train", "class", "test images", "with a copy", "of identical pixels")
    for label in (*sorted(label for label in twins if label != "all"), "all"):
        rows.add_row(label, str(twins[label].of), *(_share(counts[label]) for counts in (twins, exact)))
    console.print(rows)


def _share(twins: TwinCount) -> str:
    return f"{twins.count} ({twins.count / twins.of:.1%})" if twins.of else str(twins.count)


def _show_pairs(found: DatasetAudit) -> None:
    if not found.pair_counts:
        console.print("no two images show the same picture")
        return
    rows = table("pairs of copies", "kind", "where", "pairs")
    for pairs in found.pair_counts:
        rows.add_row(pairs.kind, pairs.scope, str(pairs.count))
    console.print(rows)
    crossing = sum(cluster.across_splits for cluster in found.clusters)
    console.print(f"{len(found.clusters)} groups of copies, {crossing} of them across the splits")


def _show_patients(found: DatasetAudit) -> None:
    patients = found.patients
    if not patients.images_with_id:
        console.print("patients: no ids, so nothing is known of patients on both sides of the splits")
        return
    console.print(
        f"patients: {patients.patients} with {patients.images_with_id} images; {len(patients.across_splits)} on both "
        f"sides of the splits, {patients.with_several_labels} with several labels"
    )


def _show_shortcuts(shortcuts: Iterable[Shortcut]) -> None:
    rows = table("what files give away", "property", "of the", "balanced accuracy", "95 % interval", "chance")
    for shortcut in shortcuts:
        interval = f"{shortcut.accuracy_low:.3f} to {shortcut.accuracy_high:.3f}"
        rows.add_row(shortcut.property, shortcut.target, f"{shortcut.accuracy:.3f}", interval, f"{shortcut.chance:.3f}")
    if rows.row_count:
        console.print(rows)
    else:
        console.print("shortcuts: no property of the files gives away class or split")


def _show_lines(title: str, lines: list[str], shown: int = SHOWN) -> None:
    console.print(f"{title}: {len(lines) or 'none'}")
    for line in lines[:shown]:
        console.print(f"  {line}", soft_wrap=True, highlight=False, markup=False)
    if len(lines) > shown:
        console.print(f"  … and {len(lines) - shown} more (--json has all)")
