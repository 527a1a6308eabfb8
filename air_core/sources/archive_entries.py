"""What zip and tar archives hold, entry by entry."""

from __future__ import annotations

import errno
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from air_core.errors import AirError, SourceError

_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    tarfile.TarError,
    EOFError,
    NotImplementedError,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, folder or link in an archive."""

    name: str
    size: int
    open: Callable[[], IO[bytes] | None]
    folder: bool = False
    link: str | None = None
    flaw: str = ""


def entries(archive: Path) -> Iterator[tuple[int, Entry]]:
    """What an archive holds, each with the packed bytes read so far."""
    if archive.name.lower().endswith(".zip"):
        yield from _zip_entries(archive)
    else:
        yield from _tar_entries(archive)


def _zip_entries(archive: Path) -> Iterator[tuple[int, Entry]]:
    with zipfile.ZipFile(archive) as opened:
        done = 0
        # Of entries with one name the last counts, as for other programs.
        for info in {info.filename: info for info in opened.infolist()}.values():
            flaw = ""
            if info.flag_bits & 1:
                raise SourceError(
                    f"Expected an archive without password, got {archive.name}.",
                    hint="Unpack it yourself and open the folder.",
                )
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                flaw = "It is a link or device. Put the file itself into the archive."
            yield (
                done,
                Entry(
                    info.filename,
                    info.file_size,
                    lambda info=info: opened.open(info),  # type: ignore[misc]
                    folder=info.filename.endswith("/"),
                    flaw=flaw,
                ),
            )
            done += info.compress_size


def _tar_entries(archive: Path) -> Iterator[tuple[int, Entry]]:
    with archive.open("rb") as file, tarfile.open(fileobj=file) as opened:
        for member in opened:
            flaw = ""
            if not (member.isreg() or member.isdir() or member.islnk()):
                flaw = "It is a link or device. Put the file itself into the archive."
            yield (
                file.tell(),
                Entry(
                    member.name,
                    member.size,
                    lambda member=member: opened.extractfile(member),  # type: ignore[misc]
                    folder=member.isdir(),
                    link=member.linkname if member.islnk() else None,
                    flaw=flaw,
                ),
            )


@contextmanager
def reporting_damage(archive: Path) -> Iterator[None]:
    """Turn what the archive libraries raise into a SourceError."""
    try:
        yield
    except AirError:
        raise
    except (*_DAMAGE, OSError) as error:
        if not is_about_data(error):
            raise
        raise SourceError(
            f"Expected a sound archive, got {archive.name}: {str(error) or 'it is cut short'}.",
            hint="Copy or download it again, or unpack it yourself and open the folder.",
        ) from error
    # Damaged headers make the libraries fail in ways that they do not document.
    except (ValueError, RuntimeError, LookupError, OverflowError, struct.error) as error:
        raise SourceError(
            f"{archive.name} cannot be read as an archive: {error}.",
            hint="Unpack it yourself and open the folder.",
        ) from error


def is_about_data(error: Exception) -> bool:
    """Whether an error is about what an archive holds, not about the disk.

    A seek to a place before the start is one: damaged zip files ask for it.
    """
    return not isinstance(error, OSError) or error.errno in (None, errno.EINVAL)
