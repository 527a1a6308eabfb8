"""Names that an archive, a shard or a remote folder gives its files, made safe to write to."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from air_core.errors import SourceError

TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tbz2", ".tar.xz", ".txz")
"""Endings of tar archives that Python can read."""

_DRIVE = re.compile(r"[A-Za-z]:/")


def inner_path(name: str) -> PurePosixPath:
    """Where an entry goes below the folder it is unpacked into.

    Parameters
    ----------
    name : str
        As the archive writes it, with slashes or backslashes.

    Returns
    -------
    PurePosixPath
        Relative, without ``..``.

    Raises
    ------
    SourceError
        If the name is absolute, leaves the folder, or cannot be a file name.

    Examples
    --------
    >>> str(inner_path("cat\\\\./1.png"))
    'cat/1.png'
    >>> inner_path("../etc/passwd")
    Traceback (most recent call last):
        ...
    air_core.errors.SourceError: Its name leads out of the folder. Pack the files again ...
    """
    text = name.replace("\\", "/")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if text.startswith("/") or _DRIVE.match(text) or ".." in parts:
        raise SourceError(
            "Its name leads out of the folder.", hint="Pack the files again with relative names."
        )
    if not parts or "\0" in text:
        raise SourceError("Its name is empty or holds a NUL character.", hint="Rename it.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise SourceError("Its name is not valid UTF-8.", hint="Rename it.") from None
    return PurePosixPath(*parts)


def shown(name: str) -> str:
    """A name as text that can be stored and printed, whatever bytes it holds."""
    return name.encode("utf-8", "backslashreplace").decode()
