"""Folders whose names are classes: walking them, and placing images in them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from air_core.errors import ExportError
from air_core.formats.base import CleanItem, CleanLabels, ReadOptions
from air_core.formats.image_paths import copy_image, inner_parts
from air_core.images import IMAGE_EXTENSIONS

WORKSPACE_FILES = ("workspace.json", "items.parquet")
_RESERVED = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(1, 10))]
)


@dataclass(slots=True)
class Walk:
    """One pass over the folders of a source."""

    root: Path
    ignore: Set[Path]
    others: int = 0
    rejected: list[tuple[str, str]] = field(default_factory=list)

    def folders(self, folder: Path) -> list[Path]:
        """Sub-folders that may hold images, sorted by name."""
        found = []
        for path in sorted(folder.iterdir(), key=lambda p: p.name):
            if path.name.startswith(".") or not path.is_dir() or self._foreign(path):
                continue
            found.append(path)
        return found

    def _foreign(self, folder: Path) -> bool:
        real = folder.resolve()
        if not real.is_relative_to(self.root):
            self.reject(
                folder, f"It links to a folder outside {self.root}. Open a folder that holds both."
            )
            return True
        if not _is_text(folder.name):
            self.reject(folder, "The folder's name is not valid UTF-8. Rename it.")
            return True
        return real in self.ignore or is_workspace(folder)

    def reject(self, path: Path, reason: str) -> None:
        """Set a path aside."""
        shown = path.relative_to(self.root).as_posix()
        self.rejected.append((shown.encode("utf-8", "backslashreplace").decode(), reason))

    def images(self, folder: Path) -> Iterator[Path]:
        """Images below a folder, sorted; every real folder is entered once."""
        entered: set[Path] = set()
        pending = [folder]
        while pending:
            current = pending.pop()
            real = current.resolve()
            if real in entered:
                continue
            entered.add(real)
            for file in sorted(f for f in current.iterdir() if not f.is_dir()):
                if is_image(file) and not _is_text(file.name):
                    self.reject(file, "The name is not valid UTF-8. Rename it.")
                elif is_image(file):
                    yield file
                elif not file.name.startswith("."):
                    self.others += 1
            pending += reversed(self.folders(current))


def is_workspace(folder: Path) -> bool:
    """Whether a folder holds an audit, which is no part of any source."""
    return all((folder / name).is_file() for name in WORKSPACE_FILES)


def may_hold_images(folder: Path, options: ReadOptions) -> bool:
    """Whether a folder below a source belongs to it."""
    hidden = folder.name.startswith(".") or folder.resolve() in options.ignore
    return not hidden and not is_workspace(folder)


def make_class_folders(folder: Path, class_names: Iterable[str]) -> None:
    """Make a folder for each class, those without images too: they keep their index.

    Raises
    ------
    ExportError
        If a class name cannot be a folder name here.
    """
    for name in class_names:
        check_class_name(name)
        try:
            (folder / name).mkdir(parents=True)
        except OSError as error:
            raise ExportError(
                f"The class {name!r} cannot be a folder here: {error.strerror}.",
                hint="Export as csv, or rename the class in the source.",
            ) from error


def check_one_label(clean: CleanLabels) -> None:
    """Refuse tags: a file lies in one folder only.

    Raises
    ------
    ExportError
        If the images have tags.
    """
    if clean.multilabel:
        raise ExportError(
            "Expected one label an image, got tags: an image cannot lie in several folders.",
            hint="Export as csv, jsonl, parquet or hf-imagefolder.",
        )


def copy_into_classes(
    folder: Path, items: Sequence[CleanItem], places: Iterable[PurePosixPath]
) -> list[tuple[CleanItem, PurePosixPath]]:
    """Copy images to their places; returns where they went.

    Where two images would meet, the one whose label did not change keeps its name and the other
    gets its id added.
    """
    taken: set[str] = set()
    placed = []
    pairs = zip(items, places, strict=True)
    for item, place in sorted(pairs, key=lambda pair: pair[0].label != pair[0].given_label):
        # Names that differ in case only are one name on many disks.
        while str(place).casefold() in taken:
            place = place.with_name(f"{place.stem}-{item.item_id}{place.suffix}")
        taken.add(str(place).casefold())
        copy_image(item.file, folder / place)
        placed.append((item, place))
    return placed


def shown_parts(path: str) -> tuple[str, ...]:
    """The parts of a path below a folder, none of them hidden: readers pass hidden files over."""
    parts = inner_parts(path)
    return tuple(f"_{part}" if part.startswith(".") else part for part in parts)


def place_in_class(item: CleanItem) -> PurePosixPath:
    """Where an image goes below the folder of its class; the path below the class stays."""
    inner = shown_parts(item.path)
    if len(inner) > 1 and inner[0] == item.given_label:
        inner = inner[1:]
    return PurePosixPath(item.label or "", *inner)


def is_image(file: Path) -> bool:
    """Whether a name is that of an image to look at."""
    return file.suffix.lower() in IMAGE_EXTENSIONS and not file.name.startswith(".")


def _is_text(name: str) -> bool:
    """Whether a name can be stored and shown; file systems allow any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_class_name(name: str) -> None:
    """Raise ExportError for a class name that cannot be a folder name everywhere."""
    bad = sorted({c for c in name if c in "/\\\0" or ord(c) < 32})
    if os.name == "nt":
        bad += sorted({c for c in name if c in '<>:"|?*'})
    flaw = ""
    if bad:
        flaw = f"it holds {' '.join(repr(c) for c in bad)}"
    elif name.startswith(".") or name != name.rstrip(" ."):
        flaw = "it starts or ends with a dot, or ends with a space"
    elif name.split(".")[0].casefold() in _RESERVED:
        flaw = "the name is reserved on Windows"
    if flaw:
        raise ExportError(
            f"The class {name!r} cannot be a folder name: {flaw}.",
            hint="Export as csv, or rename the class in the source.",
        )
