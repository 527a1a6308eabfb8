"""Files that cannot be audited: set aside with a reason, never fatal, never touched."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from air_core.errors import SourceError


@dataclass(frozen=True, slots=True)
class QuarantinedImage:
    """A listed image that takes no part in the audit, and why, in words for its owner."""

    path: str
    reason: str


def locate(root: Path, path: str) -> Path:
    """Find the file that a source lists, without leaving the source's folder.

    Parameters
    ----------
    root : Path
        The folder that all images must lie in, resolved.
    path : str
        As the source writes it: relative to ``root``, or absolute inside it.

    Returns
    -------
    Path
        Below ``root``; whether it can be read is not checked.

    Raises
    ------
    SourceError
        If the path is unusable, leaves ``root`` (directly or through a link), or nothing is
        there.

    Examples
    --------
    >>> locate(Path("/data"), "../etc/passwd")
    Traceback (most recent call last):
        ...
    air_core.errors.SourceError: It lies outside the folder /data. Open a folder that holds ...
    """
    if not path or "\0" in path:
        raise SourceError("The path is empty or holds a NUL character.", hint="Correct the row.")
    file = root / path
    if "\\" in path and not file.exists():
        file = root / path.replace("\\", "/")
    try:
        real = file.resolve()
    except (OSError, RuntimeError):
        raise SourceError("It is a link that leads nowhere.", hint="Mend the link.") from None
    if not real.is_relative_to(root):
        raise SourceError(
            f"It lies outside the folder {root}.",
            hint="Open a folder that holds all images, or copy the image into this one.",
        )
    try:
        file.stat()
    except FileNotFoundError:
        raise SourceError("The file is missing.", hint="Put it back or drop its row.") from None
    except OSError as error:
        raise SourceError(
            f"The file cannot be opened: {error.strerror or error}.",
            hint="Check its name, its links and its permissions.",
        ) from None
    return file if file.is_relative_to(root) and ".." not in file.parts else real


def content_digest(path: Path) -> str:
    """BLAKE2b of a file's bytes, 32 hexadecimal digits; what caches are keyed by."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
