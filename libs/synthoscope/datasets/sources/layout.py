"""Class folders: an image's path says its class, and its split if there are folders of splits."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from synthoscope.api.datasets.v1.datasets_pb2 import Split
from synthoscope.datasets.sources import holding_out
from synthoscope.datasets.sources.dicom import identity_of
from synthoscope.datasets.sources.scan import IMAGE_SUFFIXES, Scan, SourceFile, SourceImage, is_validation, split_of

_MASK_FOLDERS = frozenset({"mask", "masks"})


def arrange(files: Sequence[SourceFile], folders: Iterable[str] = (), seed: int = 0) -> Scan:
    """Reads splits and classes from paths; opens no file but DICOM, for whose it is.

    Two layouts are known: split folders (train or training, test or testing) of class folders; or class folders alone,
    of which 20 % of every class become the test split, chosen by `seed` and path. A single folder around either is
    looked through. Validation folders are not used, since validation images are held out of the training split. Files
    that are not PNG, JPEG or DICOM by name, or lie outside the class folders, are counted in a note; masks and hidden
    files are passed over. `folders` are the paths of
    folders, so that empty ones count as classes.
    """
    images = [file for file in files if is_image(file.path)]
    everything = {parent for file in files for parent in _parents(file.path)} | set(folders)
    visible = {folder for folder in everything if _is_visible(f"{folder}/any")}
    root = _root(visible, images)
    below = {folder.removeprefix(root) for folder in visible if folder.startswith(root)}
    if any(split_of(name) for name in _tops(below)):
        tops = _tops(folder.removeprefix(root) for folder in everything if folder.startswith(root))
        unused = [name for name in tops if not (split_of(name) or name.startswith("."))]
        found = _by_split(images, root, below, tuple(_unused(name) for name in unused))
        return _with_leftovers(found, files, tuple(f"{root}{name}/" for name in unused))
    return _with_leftovers(_by_class(images, root, below, seed), files)


def _by_split(images: Sequence[SourceFile], root: str, folders: set[str], notes: tuple[str, ...]) -> Scan:
    found = []
    for file in images:
        first, *rest = file.path.removeprefix(root).split("/")
        split = split_of(first)
        if split is not None and len(rest) > 1:
            found.append(_image(file, split, rest[0]))
    nested = [folder.split("/") for folder in folders if "/" in folder]
    classes = {label for first, label, *_ in nested if split_of(first)}
    return Scan(_ordered(found), tuple(sorted(classes)), notes)


def _by_class(images: Sequence[SourceFile], root: str, folders: set[str], seed: int) -> Scan:
    below = [(file, file.path.removeprefix(root)) for file in images if file.path.startswith(root)]
    members = [_image(file, Split.SPLIT_TRAIN, path.split("/")[0]) for file, path in below if "/" in path]
    held_out = holding_out.hold_out(members, seed)
    return Scan(_ordered(held_out), tuple(_tops(folders)), (holding_out.note(seed),))


def _with_leftovers(found: Scan, files: Sequence[SourceFile], noted: tuple[str, ...] = ()) -> Scan:
    """Says how many files are not used, by suffix; hidden ones, masks and those below `noted` folders are known."""
    used = {image.file.path for image in found.images}
    kinds = Counter(
        PurePosixPath(file.path).suffix.lower() or "without a suffix"
        for file in files
        if file.path not in used and _is_visible(file.path) and not file.path.startswith(noted)
    )
    counts = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    return replace(found, notes=(*found.notes, f"{kinds.total()} files are not used: {counts}")) if kinds else found


def _image(file: SourceFile, split: Split, label: str) -> SourceImage:
    header = identity_of(file)
    return SourceImage(file.path, split, label, file, header.patient, attributes=header.attributes)


def _root(folders: set[str], images: Sequence[SourceFile]) -> str:
    """ "x/" when everything lies in a folder x that is neither a split nor, by what is in it, a class."""
    tops = _tops(folders)
    if len(tops) != 1 or split_of(tops[0]) or any(file.path.count("/") < 2 for file in images):
        return ""
    inner = {folder.split("/")[1] for folder in folders if "/" in folder}
    return f"{tops[0]}/" if len(inner) > 1 or any(split_of(name) for name in inner) else ""


def _unused(folder: str) -> str:
    why = "; validation images are held out of train" if is_validation(folder) else ""
    return f"{folder}/ is not used{why}"


def _tops(folders: Iterable[str]) -> list[str]:
    return sorted({folder.split("/")[0] for folder in folders})


def _parents(path: str) -> list[str]:
    return [str(parent) for parent in PurePosixPath(path).parents if parent.name]


def is_image(path: str) -> bool:
    """Whether a path is that of an image: by its suffix, and not hidden or a mask."""
    return PurePosixPath(path).suffix.lower() in IMAGE_SUFFIXES and _is_visible(path)


def _is_visible(path: str) -> bool:
    *folders, name = path.split("/")
    return not name.startswith(".") and not any(_is_hidden(folder) for folder in folders)


def _is_hidden(folder: str) -> bool:
    return folder.startswith(".") or folder == "__MACOSX" or folder.lower() in _MASK_FOLDERS


def _ordered(images: Iterable[SourceImage]) -> tuple[SourceImage, ...]:
    return tuple(sorted(images, key=lambda image: image.path))
