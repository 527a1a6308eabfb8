"""Where the images lie that a label file names in its own way, and where copies of them go."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from air_core.errors import SourceError
from air_core.formats.base import CleanLabels, ReadOptions
from air_core.images import open_image

PATHS = "resolved/paths.json"
"""Kept beside the label files: the path of each listed image, which only the disk could tell."""

_SAMPLE = 50
_MANY_FILES = 50


def keep_paths(paths: Iterable[str]) -> dict[str, bytes]:
    """Listed paths, to be kept with the label files; see :func:`kept_paths`."""
    return {PATHS: json.dumps(list(paths), ensure_ascii=False).encode()}


def kept_paths(originals: Mapping[str, bytes]) -> list[str]:
    """The paths that the reader listed, in its order."""
    found: list[str] = json.loads(originals[PATHS])
    return found


def label_file(
    source: Path, options: ReadOptions, patterns: Sequence[str], suits: Callable[[Path], bool]
) -> Path | None:
    """The label file of a source: the one named, else the only one that suits.

    Parameters
    ----------
    source : Path
        A file, or a folder to look in.
    options : ReadOptions
        ``labels`` names the file.
    patterns : sequence of str
        Where it usually lies below a folder, the best place first.
    suits : callable
        Whether a file is of the format; may raise SourceError.

    Raises
    ------
    SourceError
        If two files in one place suit, or the file named cannot be read.
    """
    named = options.labels or source
    if not named.is_dir():
        return named if suits(named) else None
    for pattern in patterns:
        files = sorted(f for f in named.glob(pattern) if f.is_file() and f.name[0] != ".")
        if len(files) > _MANY_FILES:
            continue
        found = [file for file in files if _suits_quietly(file, suits)]
        if len(found) > 1:
            raise SourceError(
                f"Expected one label file in {named}, got {' and '.join(f.name for f in found)}.",
                hint="Choose one with --labels.",
            )
        if found:
            return found[0]
    return None


def _suits_quietly(file: Path, suits: Callable[[Path], bool]) -> bool:
    # Nobody named this file: what is wrong with it concerns nobody.
    try:
        return suits(file)
    except SourceError:
        return False


def choose_root(folders: Sequence[Path], names: Sequence[Sequence[str]]) -> Path:
    """The folder below which the most of a sample of images lie; resolved.

    Parameters
    ----------
    folders : sequence of Path
        The likeliest first; it is chosen if no image is found anywhere.
    names : sequence of sequence of str
        For each image, the paths that it may have.
    """
    step = max(1, len(names) // _SAMPLE)
    sample = names[::step][:_SAMPLE]
    distinct = list(dict.fromkeys(folder.resolve() for folder in folders))
    hits = [
        sum(any(_is_there(folder, name) for name in each) for each in sample) for folder in distinct
    ]
    return distinct[hits.index(max(hits))]


def first_there(root: Path, names: Sequence[str]) -> str:
    """The first path below a folder at which a file lies; the first of all if there is none."""
    return next((name for name in names if _is_there(root, name)), names[0])


def _is_there(root: Path, name: str) -> bool:
    name = name.replace("\\", "/")
    if not name or name[0] == "/" or "\0" in name or ".." in name.split("/"):
        return False
    try:
        return (root / name).is_file()
    except OSError:
        return False


def inner_parts(path: str) -> tuple[str, ...]:
    """The parts of a path that stay below a folder: no drive, no ``..``."""
    parts = PurePosixPath(path.replace("\\", "/")).parts
    # "//" is a root of its own on POSIX.
    return tuple(part for part in parts if part not in ("..", ".") and part[0] != "/")


def free_name(path: PurePosixPath, item_id: str, taken: set[str]) -> PurePosixPath:
    """A path whose stem no other image has, the id added where one has; adds it to ``taken``.

    Names that differ in case only are one name on many disks.
    """
    while (key := str(path.with_suffix("")).casefold()) in taken:
        path = path.with_name(f"{path.stem}-{item_id}{path.suffix}")
    taken.add(key)
    return path


def copy_image(file: Path, place: Path) -> None:
    """Copy an image; no link, so that nobody edits the source through the copy."""
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(file, place)


def image_root(clean: CleanLabels) -> Path | None:
    """The folder that the items' paths are relative to, if any item shows it."""
    for item in clean.items:
        parts = inner_parts(item.path)
        if parts and item.file.parts[-len(parts) :] == parts:
            return item.file.parents[len(parts) - 1]
    return None


def copy_unaudited(root: Path | None, path: str, place: Path) -> None:
    """Copy an image that could not be audited but stays in the label file, if it is there."""
    if root is None or not _is_there(root, path):
        return
    file = root / path
    if file.resolve().is_relative_to(root.resolve()):
        copy_image(file, place)


def size_of(file: Path) -> tuple[int, int] | None:
    """Width and height as shown, turned as the camera says; None for what is no image."""
    try:
        with open_image(file) as image:
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            return (image.height, image.width) if turned else image.size
    except SourceError:
        return None
