"""Whatever a dataset is imported from, opened."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from synthoscope.datasets.sources import archives, arrays, buckets, folders, layout, tables
from synthoscope.datasets.sources.labelling import disagreements, label_files
from synthoscope.datasets.sources.scan import Scan, SourceFile, no_images
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput

ACCEPTED = (
    "a folder of class folders (with or without train/ and test/), a .zip of one, a .npz in the form of MedMNIST, a "
    ".csv with columns path and label, a folder with --labels CSV, or s3://bucket/prefix"
)


@dataclass(frozen=True)
class SourceOptions:
    """How to read a source: what a kind of source does not need must be left empty."""

    labels: Path | None = None
    """A CSV table for a folder or a ZIP archive; see `tables`."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Which of a table's columns to take for `path`, `label`, `patient`, `split` or `frame`."""

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
        return nullcontext(_scan_bucket(source, options))
    file = Path(source)
    suffix = file.suffix.lower()
    if file.is_dir():
        return nullcontext(_scan_folder(file, options))
    if file.is_file() and suffix == ".zip":
        return _scan_zip(file, options)
    if options.labels is not None:
        raise InvalidInput("labels", "goes with a folder or a ZIP archive; this source brings its own labels")
    if file.is_file() and suffix == ".npz":
        return arrays.scan_arrays(file, options.class_names)
    if file.is_file() and suffix == ".csv":
        return nullcontext(_scan_table(file, file.parent, options))
    problem = "is of no known kind" if file.exists() else "does not exist"
    raise InvalidInput("source", f"{source} {problem}; expected {ACCEPTED}")


def _scan_folder(folder: Path, options: SourceOptions) -> Scan:
    if options.labels is not None:
        return _scan_table(options.labels, folder, options)
    files, subfolders = folders.files_in(folder)
    return layout.arrange(files, subfolders, options.seed)


def _scan_table(table: Path, folder: Path, options: SourceOptions) -> Scan:
    """The images that a table on disk names, relative to `folder`."""
    rows = tables.read_table(folders.read_file(table, table.name, tables.LARGEST_TABLE), table.name, options.columns)
    found = label_files(
        rows, lambda path: folders.file_in(folder, path), lambda: folders.files_in(folder)[0], options.seed
    )
    if others := disagreements(found):
        note = (
            f"{len(others)} images have another label in {table.name} than the name of their folder; the table counts"
        )
        return replace(found, notes=(*found.notes, note))
    return found


def _scan_bucket(url: str, options: SourceOptions) -> Scan:
    bucket, prefix = buckets.split_url(url)
    if options.labels is not None:
        raise InvalidInput("labels", "goes with a folder or a ZIP archive; below an S3 prefix, folders are classes")
    objects = buckets.open_bucket(bucket, options.s3 or buckets.S3Access.find())
    return layout.arrange(buckets.files_below(objects, prefix), (), options.seed)


@contextmanager
def _scan_zip(file: Path, options: SourceOptions) -> Iterator[Scan]:
    with archives.open_archive(file) as archive:
        files, subfolders = archives.files_of(archive)
        table = _table_of(files, options)
        found = layout.arrange(files, subfolders, options.seed) if table is None else _label_zip(files, table, options)
        if found.images and (empty := found.classes_without_training_images()):
            raise FailedPrecondition(f"{file.name} has no training images for {', '.join(empty)}")
        yield found


def _table_of(files: Sequence[SourceFile], options: SourceOptions) -> SourceFile | None:
    """The table of labels that was given, or the only one that lies with the images."""
    if options.labels is not None:
        return SourceFile(options.labels.name, partial(folders.read_file, options.labels, options.labels.name))
    found = [file for file in files if file.path.lower().endswith(".csv") and tables.is_manifest(file.read())]
    if len(found) > 1:
        raise InvalidInput("source", f"has several tables of labels, {found[0].path} and {found[1].path}; keep one")
    return found[0] if found else None


def _label_zip(files: Sequence[SourceFile], table: SourceFile, options: SourceOptions) -> Scan:
    """As `_scan_table`, but what an archive says of itself must agree: whoever made it has had both in hand."""
    folder = table.path.rpartition("/")[0]
    by_path = {file.path.removeprefix(f"{folder}/") if folder else file.path: file for file in files}
    rows = tables.read_table(table.read(), table.path, options.columns)
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
