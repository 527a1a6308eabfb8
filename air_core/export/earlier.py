"""What a workspace has exported before, by content: that may be replaced, nothing else."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

RECORD = "exports.txt"


@dataclass(frozen=True, slots=True)
class EarlierExports:
    """The files and folders that were exported from one workspace.

    What somebody has changed since is no longer an earlier export.

    Parameters
    ----------
    workspace : Path
        Its folder; the record in it only grows.
    """

    workspace: Path

    def remember_file(self, data: bytes, place: Path) -> None:
        """Note what is about to be written, so that a killed export can be repeated."""
        self._append(_digest(data), place)

    def remember_folder(self, folder: Path, place: Path) -> None:
        """Note a filled folder before it gets its final place."""
        self._append(_fingerprint(folder), place)

    def hold_file(self, file: Path) -> bool:
        """Whether a file is as an export left it."""
        return _digest(file.read_bytes()) in self._known()

    def hold_folder(self, folder: Path) -> bool:
        """Whether a folder holds what an export left in it, and nothing else."""
        return folder.is_dir() and not folder.is_symlink() and _fingerprint(folder) in self._known()

    def _known(self) -> set[str]:
        try:
            lines = (self.workspace / RECORD).read_text("utf-8", "replace").splitlines()
        except OSError:
            return set()
        return {line.partition("\t")[0] for line in lines}

    def _append(self, digest: str, place: Path) -> None:
        # In a workspace that cannot be written to, exports still work; the next one to the same
        # place has to be told that it may overwrite.
        with suppress(OSError), (self.workspace / RECORD).open("ab") as file:
            # A line of its own even behind one that was cut short.
            file.write(f"\n{digest}\t{place}".encode("utf-8", "backslashreplace"))


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _fingerprint(folder: Path) -> str:
    """Digest of the names, sizes and times of everything below a folder."""
    digest = hashlib.blake2b(b"folder", digest_size=16)
    for place, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted([*folders, *files]):
            path = Path(place, name)
            digest.update(os.fsencode(path.relative_to(folder)) + b"\0")
            if name in files or path.is_symlink():
                status = path.lstat()
                digest.update(f"{status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
