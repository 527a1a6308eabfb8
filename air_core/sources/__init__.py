"""Where a source may lie: on this machine, in an archive, on a remote file system.

Formats read local files only. What lies elsewhere is brought into the workspace first.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from air_core.atomic import atomic_write
from air_core.errors import SourceError
from air_core.formats.webdataset import is_shard
from air_core.locks import alone
from air_core.progress import ProgressCallback
from air_core.sources.archives import OTHERS, Limits, is_archive, sole_folder, unpack
from air_core.sources.remote import fetch, is_url, without_secrets

__all__ = ["Limits", "LocalSource", "archive_of", "is_url", "local_path", "localize", "source_name"]

_PLACE = "place.json"


@dataclass(frozen=True, slots=True)
class LocalSource:
    """A source as formats read it.

    ``rejected`` holds the names that could not be brought here, and why.
    """

    path: Path
    rejected: tuple[tuple[str, str], ...] = ()


def source_name(source: Path | str) -> str:
    """What to call a source: its absolute path, or its address without secrets."""
    if is_url(str(source)):
        return without_secrets(str(source))
    return str(Path(source).resolve())


def localize(
    source: Path | str, folder: Path, progress: ProgressCallback, *, whole: bool = False
) -> LocalSource:
    """Bring a source to this machine: fetch an address, unpack an archive, keep the rest.

    What came before and has not changed is not brought again; a broken run goes on.

    Parameters
    ----------
    source : path or str
        A path, or an address that fsspec opens (``s3://…``, ``https://…``).
    folder : Path
        Where to put what has to be brought; made only then.
    progress : callable
        Told of MB; may raise to stop.
    whole : bool
        Leave an archive as it is, for a format that is one.

    Returns
    -------
    LocalSource
        The path to read, which may not exist if the source is a path.

    Raises
    ------
    SourceError
        If the address or the archive cannot be read, or the archive unfolds past the limits.
    WorkspaceError
        If the same is running already.

    Examples
    --------
    >>> from air_core.progress import silent
    >>> localize("/data/images", Path("/work/audit/source"), silent).path
    PosixPath('/data/images')
    """
    rejected: tuple[tuple[str, str], ...] = ()
    if not is_url(str(source)):
        path = Path(source).resolve()
        if not _has_to_be_unpacked(path, whole):
            return LocalSource(path)
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        if is_url(str(source)):
            path, rejected = fetch(str(source), folder / "fetched", progress)
        if _has_to_be_unpacked(path, whole):
            rejected += unpack(path, folder / "unpacked", progress)
            path = sole_folder(folder / "unpacked")
        with atomic_write(folder / _PLACE) as file:
            # Relative where it can be: a workspace may be moved.
            inside = path.relative_to(folder) if path.is_relative_to(folder) else path
            place = {"source": source_name(source), "path": str(inside)}
            file.write(json.dumps(place).encode())
    return LocalSource(path, rejected)


def local_path(source: str, folder: Path) -> Path:
    """Where :func:`localize` brought a source last; nothing is fetched or unpacked.

    Parameters
    ----------
    source : str
        As :func:`source_name` gives it.
    folder : Path
        As it was given to :func:`localize`.
    """
    try:
        place: dict[str, str] = json.loads((folder / _PLACE).read_text("utf-8"))
    except FileNotFoundError:
        return Path(source)
    return folder / place["path"] if place["source"] == source else Path(source)


def archive_of(source: Path | str, local: Path) -> Path | None:
    """The archive on this machine that a source was unpacked from, if it was.

    Parameters
    ----------
    source : path or str
        As it was given to :func:`localize`.
    local : Path
        What that made of it.
    """
    unpacked = not is_url(str(source)) and Path(source).resolve() != local
    return Path(source).resolve() if unpacked else None


def _has_to_be_unpacked(path: Path, whole: bool) -> bool:
    if path.name.lower().endswith(OTHERS):
        raise SourceError(
            f"Expected a zip or tar archive, got {path.name}.",
            hint="Unpack it and open the folder.",
        )
    return not whole and is_archive(path) and not is_shard(path)
