"""Unpacking zip and tar archives that strangers made."""

from __future__ import annotations

import errno
import filecmp
import json
import shutil
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from air_core.atomic import atomic_write
from air_core.entries import TARS, inner_path, shown
from air_core.errors import SourceError
from air_core.images import IMAGE_EXTENSIONS
from air_core.progress import ProgressCallback
from air_core.sources.archive_entries import Entry, entries, is_about_data, reporting_damage

OTHERS = (".7z", ".rar", ".tar.zst", ".tar.lz4")
"""Archives that Python cannot unpack."""

_CHUNK = 1 << 20
# What a name that meets another, or is too long, does to a single entry.
_NAMING = (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EILSEQ)


@dataclass(frozen=True, slots=True)
class Limits:
    """How large an archive may unfold, so that a small file cannot fill a disk.

    ``ratio`` is between the unpacked and the packed size and counts above ``ratio_floor`` bytes:
    label files and drawings of few colours pack well, a whole collection of images does not.
    """

    total: int = 1 << 41
    entries: int = 20_000_000
    ratio: int = 250
    ratio_floor: int = 1 << 28


def is_archive(path: Path) -> bool:
    """Whether a file is a zip or tar archive by its name.

    Other files are zip archives inside, too: those of torch, and spreadsheets.
    """
    name = path.name.lower()
    return path.is_file() and (name.endswith(".zip") or name.endswith(TARS))


def unpack(
    archive: Path, folder: Path, progress: ProgressCallback, limits: Limits | None = None
) -> tuple[tuple[str, str], ...]:
    """Unpack an archive into a folder; what is there already is not written again.

    Entries with unsafe names, links and devices are left out. A hard link becomes a copy.

    Parameters
    ----------
    archive : Path
        A zip or tar file, the latter compressed or not.
    folder : Path
        Made when missing; holds nothing but this archive's files afterwards. ``folder`` with
        the ending ``.json`` remembers what was unpacked.
    progress : callable
        Told of the packed size, in MB.
    limits : Limits, optional
        How large it may unfold.

    Returns
    -------
    tuple of (str, str)
        What was left out, and why.

    Raises
    ------
    SourceError
        If the archive is damaged, encrypted, of another kind, or unfolds past the limits.
    """
    record = _Record.read(folder.with_name(f"{folder.name}.json"), archive)
    if record.complete and folder.is_dir():
        return record.rejected
    if folder.exists() and not record.current:
        # Files of another archive, or of this one before it changed: they have to be compared.
        record.mixed = True
    record.current = True
    record.write()
    folder.mkdir(parents=True, exist_ok=True)
    size = archive.stat().st_size
    unpacking = _Unpacking(folder, limits or Limits(), size, trust=not record.mixed)
    try:
        with reporting_damage(archive):
            for done, entry in entries(archive):
                unpacking.take(entry)
                progress(done >> 20, size >> 20, "Unpacking (MB)")
    except _TooLarge:
        shutil.rmtree(folder)
        raise
    if record.mixed:
        unpacking.drop_others()
    record.finish(unpacking.rejected)
    return record.rejected


class _TooLarge(SourceError):
    """The archive unfolds past a limit."""


@dataclass(slots=True)
class _Record:
    """What is known of a folder that an archive was unpacked into."""

    file: Path
    archive: dict[str, object]
    current: bool = False
    mixed: bool = False
    complete: bool = False
    rejected: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, file: Path, archive: Path) -> _Record:
        info = archive.stat()
        now = {"archive": str(archive), "size": info.st_size, "mtime_ns": info.st_mtime_ns}
        try:
            then = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError):
            return cls(file, now)
        if then.get("archive") != now:
            return cls(file, now)
        rejected = tuple((name, reason) for name, reason in then["rejected"])
        return cls(file, now, True, then["mixed"], then["complete"], rejected)

    def write(self) -> None:
        content = {
            "archive": self.archive,
            "mixed": self.mixed,
            "complete": self.complete,
            "rejected": self.rejected,
        }
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(self.file) as file:
            file.write(json.dumps(content).encode())

    def finish(self, rejected: dict[str, str]) -> None:
        self.rejected = tuple(rejected.items())
        self.complete = True
        self.write()


@dataclass(slots=True)
class _Unpacking:
    """One pass over an archive."""

    folder: Path
    limits: Limits
    packed: int
    trust: bool
    written: int = 0
    count: int = 0
    rejected: dict[str, str] = field(default_factory=dict)
    kept: set[Path] = field(default_factory=set)

    def take(self, entry: Entry) -> None:
        """Write one entry, or note why not."""
        self.count += 1
        if self.count > self.limits.entries:
            raise _TooLarge(
                f"Expected at most {self.limits.entries:,} entries in the archive, got more.",
                hint="Unpack it yourself and open the folder.",
            )
        if entry.name.startswith("__MACOSX/"):
            return
        try:
            if entry.flaw:
                raise SourceError(entry.flaw)
            target = self.folder / inner_path(entry.name)
            if entry.folder:
                target.mkdir(parents=True, exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                self._write(entry, target)
            self.kept.add(target)
            self.rejected.pop(shown(entry.name), None)
        except _TooLarge:
            raise
        except SourceError as error:
            self.rejected[shown(entry.name)] = str(error)
        except OSError as error:
            if error.errno not in _NAMING:
                raise
            self.rejected[shown(entry.name)] = f"It cannot be written: {error.strerror}. Rename it."

    def _write(self, entry: Entry, target: Path) -> None:
        # A second entry of the same name replaces the first, whatever their sizes.
        trusted = self.trust and target not in self.kept and target.is_file()
        if trusted and target.stat().st_size == entry.size:
            self._spend(entry.size)
            return
        part = self.folder.with_name(f"{self.folder.name}.part")
        try:
            with part.open("wb") as file, self._data(entry) as data:
                while chunk := data.read(_CHUNK):
                    self._spend(len(chunk))
                    file.write(chunk)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, OSError) as error:
            if not is_about_data(error):
                raise
            raise SourceError(
                f"It is damaged in the archive ({error}).", hint="Pack it again."
            ) from error
        # The same bytes keep their time, so that an unchanged image is not looked at again.
        if target.is_file() and filecmp.cmp(part, target, shallow=False):
            part.unlink()
        else:
            part.replace(target)

    def _data(self, entry: Entry) -> IO[bytes]:
        if entry.link is None:
            data = entry.open()
            assert data is not None  # only folders and devices have none
            return data
        target = self.folder / inner_path(entry.link)
        if target not in self.kept or not target.is_file():
            raise SourceError(
                "It links to a file that is not in the archive before it.",
                hint="Put the file itself into the archive.",
            )
        return target.open("rb")

    def _spend(self, size: int) -> None:
        self.written += size
        allowed = max(self.packed * self.limits.ratio, self.limits.ratio_floor)
        if self.written > min(allowed, self.limits.total):
            raise _TooLarge(
                f"Expected an archive of images, got one of {self.packed:,} bytes that unfolds "
                f"to more than {min(allowed, self.limits.total):,}.",
                hint="If you trust it, unpack it yourself and open the folder.",
            )

    def drop_others(self) -> None:
        """Remove what an earlier archive left and this one does not hold."""
        wanted = self.kept | {parent for path in self.kept for parent in path.parents}
        for path in sorted(self.folder.rglob("*"), reverse=True):
            if path in wanted:
                continue
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()


def sole_folder(folder: Path) -> Path:
    """The folder that an archive was made of, where it holds nothing else.

    A folder with images only is a class and stays below its parent.
    """
    while True:
        inside = [path for path in folder.iterdir() if not path.name.startswith(".")]
        if len(inside) != 1 or not inside[0].is_dir():
            return folder
        below = list(inside[0].iterdir())
        if not any(path.is_dir() or _is_label_file(path) for path in below):
            return folder
        folder = inside[0]


def _is_label_file(path: Path) -> bool:
    suffix = path.suffix.lower()
    litter = suffix in (".db", ".ini") or path.name.startswith(".")
    return not litter and suffix not in IMAGE_EXTENSIONS
