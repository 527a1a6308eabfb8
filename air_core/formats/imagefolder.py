"""torchvision's ImageFolder: one folder a class, images anywhere below it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from air_core.errors import ExportError, SourceError
from air_core.formats.base import CleanItem, CleanLabels, Listing, ReadOptions
from air_core.images import IMAGE_EXTENSIONS

WORKSPACE_FILES = ("workspace.json", "items.parquet")
_RESERVED = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(1, 10))]
)


@dataclass(slots=True)
class _Walk:
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
        return real in self.ignore or all((folder / name).is_file() for name in WORKSPACE_FILES)

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
                if _is_image(file) and not _is_text(file.name):
                    self.reject(file, "The name is not valid UTF-8. Rename it.")
                elif _is_image(file):
                    yield file
                elif not file.name.startswith("."):
                    self.others += 1
            pending += reversed(self.folders(current))


class ImageFolder:
    """The ``imagefolder`` format."""

    name = "imagefolder"
    title = "Image folder (one sub-folder a class)"

    def claims(self, source: Path, options: ReadOptions) -> bool:
        """Whether a folder has a sub-folder with an image in it."""
        if options.labels is not None or not source.is_dir():
            return False
        walk = _Walk(source.resolve(), options.ignore)
        return any(any(walk.images(folder)) for folder in walk.folders(walk.root))

    def read(self, source: Path, options: ReadOptions) -> Listing:
        """List images by class folder.

        Raises
        ------
        SourceError
            If the source is no folder or has no class folders.
        """
        if not source.is_dir():
            raise SourceError(f"Expected a folder of class folders, got the file {source}.")
        walk = _Walk(source.resolve(), options.ignore)
        classes = walk.folders(walk.root)
        if not classes:
            raise SourceError(
                f"Expected one sub-folder a class in {source}, got none.",
                hint="Sort the images into class folders, or name a label file with --labels.",
            )
        paths, labels = [], []
        for folder in classes:
            for file in walk.images(folder):
                paths.append(file.relative_to(walk.root).as_posix())
                labels.append(folder.name)
        for file in sorted(walk.root.iterdir()):
            if file.is_file() and _is_image(file):
                walk.reject(file, "It lies in no class folder. Move it into one.")
        notes = (f"{walk.others} files that are no images were passed over.",)
        return Listing(
            root=walk.root,
            paths=tuple(paths),
            labels=tuple(labels),
            class_names=tuple(folder.name for folder in classes),
            rejected=tuple(walk.rejected),
            notes=notes if walk.others else (),
        )

    def fill(self, folder: Path, clean: CleanLabels) -> int:
        """Put a copy of each labelled image below its class.

        The path below the class stays as it was. Where two images would meet, the one whose
        label did not change keeps its name and the other gets its id added.

        Raises
        ------
        ExportError
            If a class name cannot be a folder name here.
        """
        for name in clean.class_names:
            _check_class_name(name)
            try:
                (folder / name).mkdir()
            except OSError as error:
                raise ExportError(
                    f"The class {name!r} cannot be a folder here: {error.strerror}.",
                    hint="Export as csv, or rename the class in the source.",
                ) from error
        labelled = [item for item in clean.items if item.label is not None]
        taken: set[str] = set()
        for item in sorted(labelled, key=lambda i: i.label != i.given_label):
            target = _target(item, taken)
            place = folder / target
            place.parent.mkdir(parents=True, exist_ok=True)
            # No link: whoever edits an exported picture must not edit the source.
            shutil.copy2(item.file, place)
        return len(labelled)


def _is_image(file: Path) -> bool:
    return file.suffix.lower() in IMAGE_EXTENSIONS and not file.name.startswith(".")


def _is_text(name: str) -> bool:
    """Whether a name can be stored and shown; file systems allow any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _target(item: CleanItem, taken: set[str]) -> PurePosixPath:
    path = PurePosixPath(item.path.replace("\\", "/"))
    inner = [part for part in path.parts if part not in ("/", "..", ".")]
    if len(inner) > 1 and inner[0] == item.given_label:
        inner = inner[1:]
    target = PurePosixPath(item.label or "", *inner)
    # Names that differ in case only are one name on many disks.
    while str(target).casefold() in taken:
        target = target.with_name(f"{target.stem}-{item.item_id}{target.suffix}")
    taken.add(str(target).casefold())
    return target


def _check_class_name(name: str) -> None:
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
