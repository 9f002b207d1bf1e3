"""Whatever a dataset is imported from, opened."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from synthoscope.datasets.sources import archives, arrays, buckets, folders, layout, tables
from synthoscope.datasets.sources.labelling import disagreements, label_files
from synthoscope.datasets.sources.scan import Scan, SourceFile, no_images
from synthoscope.objects.store import ObjectStore
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput

ACCEPTED = (
    "a folder of class folders (with or without train/ and test/), a .zip of one, a .npz in the form of MedMNIST, a "
    ".csv with columns path and label, a folder with --labels CSV, or any of these as s3://bucket/key"
)


@dataclass(frozen=True)
class SourceOptions:
    """How to read a source: what a kind of source does not need must be left empty."""

    labels: Path | None = None
    """A CSV table for a folder, a ZIP archive or an S3 prefix; see `tables`."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Which of a table's columns to take for `path`, `label`, `patient`, `split`, `frame`, `sex`, `age_band`, …

    An empty name takes none.
    """

    kept: Sequence[str] = ()
    """Further columns of a table that become attributes of its images, such as "subtype"; for tables only."""

    class_names: Sequence[str] = ()
    """Names of an .npz file's labels 0, 1, …"""

    seed: int = 0
    """Chooses the test split where a source has none."""

    s3: buckets.S3Access | None = None
    """For s3:// sources; by default from the environment."""


@contextmanager
def open_source(source: str | Path, options: SourceOptions = SourceOptions()) -> Iterator[Scan]:
    """What a source holds; its files can be read until the block ends.

    Everything is read here, with the caller's own rights: a service never fetches a path or URL that it is sent.
    Raises InvalidInput for a source that is none of those accepted (it lists them), or is wrong within;
    FailedPrecondition when a ZIP archive has a class without training images; ResourceExhausted for what is too large.
    """
    with _opened(str(source), options) as found:
        if not found.images:
            raise no_images(source)
        yield found


def _opened(source: str, options: SourceOptions) -> AbstractContextManager[Scan]:
    if source.startswith(buckets.SCHEME):
        return _open_bucket(source, options)
    file = Path(source)
    suffix = file.suffix.lower()
    if file.is_dir():
        return nullcontext(_scan_folder(file, options))
    if file.is_file() and suffix == ".zip":
        return _scan_zip(file, options)
    _refuse_labels(options)
    if file.is_file() and suffix == ".npz":
        _refuse_kept(options)
        return arrays.scan_arrays(file, options.class_names)
    if file.is_file() and suffix == ".csv":
        return nullcontext(_scan_table(file, file.parent, options))
    problem = "is of no known kind" if file.exists() else "does not exist"
    raise InvalidInput("source", f"{source} {problem}; expected {ACCEPTED}")


def _refuse_labels(options: SourceOptions) -> None:
    if options.labels is not None:
        raise InvalidInput(
            "labels", "goes with a folder, a ZIP archive or an S3 prefix; this source brings its own labels"
        )


def _refuse_kept(options: SourceOptions) -> None:
    if options.kept:
        raise InvalidInput("attribute", f"names the column {options.kept[0]!r}, but this source has no table of labels")


def _scan_folder(folder: Path, options: SourceOptions) -> Scan:
    if options.labels is not None:
        return _scan_table(options.labels, folder, options)
    return _arrange(*folders.files_in(folder), options)


def _arrange(files: Sequence[SourceFile], subfolders: Iterable[str], options: SourceOptions) -> Scan:
    _refuse_kept(options)
    return layout.arrange(files, subfolders, options.seed)


def _scan_table(table: Path, folder: Path, options: SourceOptions) -> Scan:
    """The images that a table on disk names, relative to `folder`."""
    data = folders.read_file(table, table.name, tables.LARGEST_TABLE)
    rows = tables.read_table(data, table.name, options.columns, options.kept)
    found = label_files(
        rows, lambda path: folders.file_in(folder, path), lambda: folders.files_in(folder)[0], options.seed
    )
    return _with_disagreements(found, table.name)


def _with_disagreements(found: Scan, table: str) -> Scan:
    if not (others := disagreements(found)):
        return found
    note = f"{len(others)} images have another label in {table} than the name of their folder; the table counts"
    return replace(found, notes=(*found.notes, note))


@contextmanager
def _open_bucket(url: str, options: SourceOptions) -> Iterator[Scan]:
    """A ZIP archive, an .npz file or a table is what has such a key; another key is a prefix."""
    bucket, key = buckets.split_url(url)
    objects = buckets.open_bucket(bucket, options.s3 or buckets.S3Access.find())
    with ExitStack() as stack:
        if key.lower().endswith((".zip", ".npz")):
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            if copy := buckets.copy_object(objects, key, Path(folder)):
                yield stack.enter_context(_opened(str(copy), options))
                return
        yield _scan_objects(objects, key, options)


def _scan_objects(objects: ObjectStore, key: str, options: SourceOptions) -> Scan:
    """The images that a table in a bucket names; or what is below a prefix, by a table or in class folders."""
    if key.lower().endswith(".csv") and (table := buckets.object_at(objects, key, tables.LARGEST_TABLE)):
        _refuse_labels(options)
        folder = key.rpartition("/")[0]
        return _scan_labelled(buckets.files_below(objects, f"{folder}/" if folder else ""), table, options)
    files = buckets.files_below(objects, f"{key}/" if key else "")
    found = _table_of(files, options)
    return _arrange(files, (), options) if found is None else _scan_labelled(files, found, options)


def _scan_labelled(files: Sequence[SourceFile], table: SourceFile, options: SourceOptions) -> Scan:
    rows = tables.read_table(table.read(), table.path, options.columns, options.kept)
    found = _with_disagreements(label_files(rows, _beside(files, table).get, lambda: files, options.seed), table.path)
    named = {image.file.path for image in found.images}
    if unnamed := sum(layout.is_image(file.path) and file.path not in named for file in files):
        note = f"{unnamed} images are not used: {table.path} has no row for them, or one for validation"
        return replace(found, notes=(*found.notes, note))
    return found


def _beside(files: Sequence[SourceFile], table: SourceFile) -> dict[str, SourceFile]:
    """Files by the paths that a table in their midst has for them: relative to its folder."""
    folder = table.path.rpartition("/")[0]
    return {file.path.removeprefix(f"{folder}/") if folder else file.path: file for file in files}


@contextmanager
def _scan_zip(file: Path, options: SourceOptions) -> Iterator[Scan]:
    with archives.open_archive(file) as archive:
        files, subfolders = archives.files_of(archive)
        table = _table_of(files, options)
        found = _arrange(files, subfolders, options) if table is None else _label_zip(files, table, options)
        if found.images and (empty := found.classes_without_training_images()):
            raise FailedPrecondition(f"{file.name} has no training images for {', '.join(empty)}")
        yield found


def _table_of(files: Sequence[SourceFile], options: SourceOptions) -> SourceFile | None:
    """The table of labels that was given, or the only one that lies with the images."""
    if options.labels is not None:
        labels = options.labels
        return SourceFile(labels.name, partial(folders.read_file, labels, labels.name, tables.LARGEST_TABLE))
    found = [file for file in files if file.path.lower().endswith(".csv") and tables.is_manifest(file.read())]
    if len(found) > 1:
        raise InvalidInput("source", f"has several tables of labels, {found[0].path} and {found[1].path}; keep one")
    return found[0] if found else None


def _label_zip(files: Sequence[SourceFile], table: SourceFile, options: SourceOptions) -> Scan:
    """As `_scan_table`, but what an archive says of itself must agree: whoever made it has had both in hand."""
    by_path = _beside(files, table)
    rows = tables.read_table(table.read(), table.path, options.columns, options.kept)
    found = label_files(rows, by_path.get, lambda: files, options.seed)
    if others := disagreements(found):
        raise InvalidInput(
            others[0].path, f"is labelled {others[0].label!r} in {table.path}, but lies in another class"
        )
    named = {image.file.path for image in found.images}
    unused = {row.path for row in rows if row.unused}
    for path, file in by_path.items():
        if layout.is_image(file.path) and file.path not in named and path not in unused:
            raise InvalidInput(file.path, f"has no label in {table.path}")
    return found
