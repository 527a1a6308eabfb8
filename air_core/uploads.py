"""Files that a browser sent, put where a source can be read from."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol

from air_core.entries import TARS, inner_path, shown
from air_core.errors import SourceError
from air_core.images import IMAGE_EXTENSIONS

ARCHIVES = (".zip", *TARS)
LABEL_FILES = (".csv", ".tsv", ".json", ".jsonl", ".txt", ".parquet", ".xml", ".yaml", ".yml")
MEGABYTES = 1024
"""Largest upload, all files together: they pass through the server's memory."""

# Packed files, what they unfold to, and thumbnails.
_ROOM = 3


class Upload(Protocol):
    """A file as the browser sent it: Streamlit's ``UploadedFile`` is one."""

    name: str
    size: int

    def seek(self, offset: int, /) -> int:
        """Go to a byte."""

    def read(self, size: int = ..., /) -> bytes:
        """Read bytes."""


def receive(files: Sequence[Upload], folder: Path) -> Path:
    """Write uploaded files below a folder and say what to open.

    One archive alone is kept as it is; :mod:`air_core.sources` unpacks it with its own limits.
    Label files and pictures keep their places below the folder.

    Parameters
    ----------
    files : sequence of Upload
        Their names may hold folders, as those of a whole folder do.
    folder : Path
        Made when missing; emptied of an earlier upload.

    Returns
    -------
    Path
        The archive, the only label file, or the folder.

    Raises
    ------
    SourceError
        If there is nothing, too much, no room, or a name that leads elsewhere.

    Examples
    --------
    >>> receive([], Path("uploads"))
    Traceback (most recent call last):
        ...
    air_core.errors.SourceError: Expected files, got none. Choose an archive, ...
    """
    if not files:
        raise SourceError(
            "Expected files, got none.",
            hint="Choose an archive, or a label file together with its pictures.",
        )
    _check_size(sum(file.size for file in files), folder)
    targets = [inner_path(file.name) for file in files]
    _check_places(targets)
    archives = [path for path in targets if path.name.lower().endswith(ARCHIVES)]
    if archives and len(files) > 1:
        raise SourceError(
            f"Expected one archive alone, got {shown(str(archives[0]))} among {len(files)} files.",
            hint="Choose the archive alone, or pack everything into it.",
        )
    if not archives:
        _check_kinds([path.name for path in targets])
    shutil.rmtree(folder, ignore_errors=True)
    for file, target in zip(files, targets, strict=True):
        place = folder / target
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("wb") as out:
            _copy(file, out)
    if archives:
        return folder / archives[0]
    pictures = [path for path in targets if path.suffix.lower() in IMAGE_EXTENSIONS]
    labels = [path for path in targets if path.suffix.lower() in LABEL_FILES]
    labels = [
        path for path in labels if path.suffix.lower() != ".txt" or _lists(folder / path, pictures)
    ]
    return folder / labels[0] if len(labels) == 1 else _below(folder)


def _lists(file: Path, pictures: Sequence[PurePosixPath]) -> bool:
    """Whether a text file begins with one of the pictures: otherwise it is a note of somebody's."""
    with file.open("rb") as lines:
        words = next((line.split() for line in lines if line.strip()), [])
    named = PurePosixPath(words[0].decode("utf-8", "replace")).name if words else ""
    return any(named in (path.name, path.stem) for path in pictures)


def _check_places(targets: Sequence[PurePosixPath]) -> None:
    """No file may take another's place."""
    folders = {parent for path in targets for parent in path.parents}
    counts = Counter(targets)
    twice = [path for path in targets if counts[path] > 1 or path in folders]
    if twice:
        raise SourceError(
            f"Expected files of different names, got {shown(str(twice[0]))} twice.",
            hint="Rename one, or upload the whole folder or an archive of it.",
        )


def _check_size(size: int, folder: Path) -> None:
    if size > MEGABYTES << 20:
        raise SourceError(
            f"Expected at most {MEGABYTES:,} MB, got {size / (1 << 20):,.0f} MB.",
            hint="Open it by its path on the server instead.",
        )
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(nearest).free
    if size * _ROOM > free:
        raise SourceError(
            f"Expected room for {size * _ROOM / (1 << 20):,.0f} MB in {nearest}, "
            f"got {free / (1 << 20):,.0f} MB.",
            hint="Free some space, or open the images by their path.",
        )


def _check_kinds(names: Sequence[str]) -> None:
    known = (*IMAGE_EXTENSIONS, *LABEL_FILES)
    strange = [name for name in names if not name.lower().endswith(known)]
    if len(strange) == len(names):
        raise SourceError(
            f"Expected an archive, a label file or pictures, got {shown(strange[0])}.",
            hint=f"Archives end in {', '.join(ARCHIVES[:4])}, label files in .csv or .json.",
        )


def _copy(file: Upload, out: BinaryIO) -> None:
    file.seek(0)
    while chunk := file.read(1 << 20):
        out.write(chunk)


def _below(folder: Path) -> Path:
    """The folder that was uploaded, where the browser names it before each file."""
    inside = [path for path in folder.iterdir() if not path.name.startswith(".")]
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder
