"""Label files of a source, and whether they were edited after they were read.

An export goes by what was read. Whoever has edited the file since must be told, or the export
would quietly take the place of newer work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from air_core.formats import Listing


@dataclass(frozen=True, slots=True)
class WatchedFile:
    """A file that held labels when it was read.

    Parameters
    ----------
    path : str
        Where it lies.
    size, mtime_ns : int
        As they were then; the time in nanoseconds.
    copy : str or None
        Name of the byte copy in the workspace; None if the file was too large for one.
    """

    path: str
    size: int
    mtime_ns: int
    copy: str | None


def watch(listing: Listing, source: Path, archive: Path | None = None) -> tuple[WatchedFile, ...]:
    """Note the label files of a source as they are now.

    Parameters
    ----------
    listing : Listing
        What was read.
    source : Path
        The file or folder that was read.
    archive : Path, optional
        The archive that it was unpacked from: that is what its owner edits, not our copy.
    """
    places = [source if source.is_dir() else source.parent]
    if listing.labels_file is not None:
        places.insert(0, listing.labels_file.parent)
    found: dict[Path, str | None] = dict.fromkeys(listing.without_copy)
    for name, data in listing.originals.items():
        for file in (place / name for place in places):
            # Other names stand for what we worked out, and are no files.
            if file.is_file() and file.stat().st_size == len(data) and file.read_bytes() == data:
                found[file] = name
                break
    if archive is not None:
        found = {f: name for f, name in found.items() if not f.is_relative_to(source)}
        found[archive] = None
    return tuple(_stamped(found.items()))


def _stamped(files: Iterable[tuple[Path, str | None]]) -> Iterable[WatchedFile]:
    for file, copy in files:
        status = file.stat()
        yield WatchedFile(str(file.resolve()), status.st_size, status.st_mtime_ns, copy)


def edited(watched: Iterable[WatchedFile], copies: Mapping[str, bytes]) -> tuple[str, ...]:
    """What has become of each file that is no longer as it was read, as a sentence.

    Parameters
    ----------
    watched : iterable of WatchedFile
    copies : mapping of str to bytes
        The byte copies by name.
    """
    notes = []
    for file in watched:
        path = Path(file.path)
        try:
            status = path.stat()
            stamped = (status.st_size, status.st_mtime_ns) == (file.size, file.mtime_ns)
            same = stamped if file.copy is None else path.read_bytes() == copies.get(file.copy)
        except OSError:
            notes.append(f"{path} is no longer there; the export goes by what was opened.")
            continue
        if not same:
            notes.append(f"{path} was edited after it was opened, and the export lacks the edits.")
    return tuple(notes)


def moved(listing: Listing, known: Iterable[str]) -> tuple[str, ...]:
    """What has come to class folders and what has gone, as sentences.

    Parameters
    ----------
    listing : Listing
        What the folders hold now.
    known : iterable of str
        Paths of the images that were opened, usable or not.
    """
    now, then = set(listing.paths) | {path for path, _ in listing.rejected}, set(known)
    notes = []
    for paths, what in ((now - then, "came after it was opened"), (then - now, "have gone since")):
        if paths:
            notes.append(f"{len(paths):,} images {what}, for instance {min(paths)}.")
    return tuple(notes)
