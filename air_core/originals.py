"""Byte copies of a source's label files, kept so that an export can give them back."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from air_core.atomic import atomic_write
from air_core.errors import WorkspaceError


def write_originals(path: Path, files: Mapping[str, bytes]) -> None:
    """Write label files by name into one archive."""
    with atomic_write(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def read_originals(path: Path) -> dict[str, bytes]:
    """What :func:`write_originals` wrote, in the same order.

    Raises
    ------
    WorkspaceError
        If the archive is missing or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {info.filename: archive.read(info) for info in archive.infolist()}
    except (OSError, zipfile.BadZipFile) as error:
        raise WorkspaceError(
            f"The copy of the source's label files cannot be read: {error}.",
            hint="Open the source again with the same workspace; decisions are kept.",
        ) from error
