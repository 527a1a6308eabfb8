"""Thumbnails: WebP, one after the other in a single pack file."""

from __future__ import annotations

import io
import os
from pathlib import Path

from PIL import Image

from air_core.errors import WorkspaceError

MAX_SIDE = 192
LOSSLESS_SIDE = 96
"""Pictures up to this size are kept as they are, so that pixel art stays crisp."""


def encode_webp(image: Image.Image, *, max_side: int, quality: int = 80) -> bytes:
    """Shrink an RGB picture to fit ``max_side`` and encode it; it is never enlarged.

    Parameters
    ----------
    image : PIL.Image.Image
        Mode ``RGB``.
    max_side : int
        Longest side of the result in pixels.
    quality : int
        0 to 100. Pictures of up to :data:`LOSSLESS_SIDE` pixels a side are lossless whatever
        this says.

    Returns
    -------
    bytes
        A WebP file.
    """
    lossless = max(image.size) <= LOSSLESS_SIDE
    scale = max_side / max(image.size)
    if scale < 1:
        # An extreme panorama keeps at least one pixel of its short side.
        width, height = (max(1, round(side * scale)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=lossless, quality=quality, method=4)
    return buffer.getvalue()


def make_thumbnail(image: Image.Image) -> bytes:
    """WebP of at most :data:`MAX_SIDE` pixels a side."""
    return encode_webp(image, max_side=MAX_SIDE)


class ThumbnailPack:
    """Many thumbnails in one append-only file; a million small files would choke a folder.

    Readers pass the offset and length that :meth:`append` gave, so that a pack can grow while it
    is being read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def size(self) -> int:
        """Bytes in the pack; 0 if there is none yet."""
        return self.path.stat().st_size if self.path.exists() else 0

    def read(self, offset: int, length: int) -> bytes:
        """One thumbnail.

        Raises
        ------
        WorkspaceError
            If the pack is missing or too short.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                data = file.read(length)
        except OSError as error:
            raise WorkspaceError(
                f"Thumbnails cannot be read: {error}.", hint="Import the images again."
            ) from error
        if len(data) != length:
            raise WorkspaceError(
                f"Expected {length} bytes at {offset} of {self.path}, got {len(data)}.",
                hint="Import the images again.",
            )
        return data


class PackWriter:
    """Appends to a pack, after cutting off what an interrupted run left behind it.

    Parameters
    ----------
    pack : ThumbnailPack
        Made if it is missing.
    keep : int
        Bytes at its start that are referred to from elsewhere.
    """

    def __init__(self, pack: ThumbnailPack, *, keep: int) -> None:
        self._file = pack.path.open("r+b" if pack.path.exists() else "w+b")
        self._file.truncate(keep)
        self._end = self._file.seek(0, os.SEEK_END)

    def append(self, data: bytes) -> int:
        """Add one thumbnail and return its offset."""
        offset, self._end = self._end, self._end + len(data)
        self._file.write(data)
        return offset

    def sync(self) -> None:
        """Return when all that was appended is on disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Finish; on disk as after :meth:`sync`."""
        self.sync()
        self._file.close()
