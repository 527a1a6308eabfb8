"""Images inside Parquet files: which column holds them and what to call their files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

import pyarrow as pa

from air_core.errors import SourceError
from air_core.formats.columns import PATH_NAMES, find_column, plain
from air_core.images import IMAGE_EXTENSIONS

_KINDS = (
    (re.compile(rb"\xff\xd8\xff"), (".jpg", ".jpeg")),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), (".png",)),
    (re.compile(rb"GIF8"), (".gif",)),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), (".webp",)),
    (re.compile(rb"BM"), (".bmp",)),
    (re.compile(rb"II\*\0|MM\0\*"), (".tif", ".tiff")),
    (re.compile(rb".{4}ftypavif", re.DOTALL), (".avif",)),
)
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
_LONGEST = 200


def image_column(schema: pa.Schema, chosen: str | None, file: str) -> int:
    """Position of the column of images or of their paths.

    Raises
    ------
    SourceError
        If there is none, or several that may be meant.
    """
    names = schema.names
    if chosen is None:
        inside = [i for i, field in enumerate(schema) if holds_images(field.type)]
        usual = [i for i in inside if plain(names[i]) in PATH_NAMES]
        if len(inside) == 1 or len(usual) == 1:
            return (usual or inside)[0]
        if len(inside) > 1:
            raise SourceError(
                f"Expected one column of images in {file}, got "
                f"{' and '.join(repr(names[i]) for i in inside)}.",
                hint="Choose one with --path-column.",
            )
    found = find_column(names, chosen, (PATH_NAMES,), "images or paths", "--path-column", file)
    kind = schema.field(found).type
    if not (holds_images(kind) or is_text(kind)):
        raise SourceError(
            f"Expected images or paths in the column {names[found]!r} of {file}, got {kind}.",
            hint="Choose another with --path-column.",
        )
    return found


def holds_images(kind: pa.DataType) -> bool:
    """Whether a column's values are image files: bytes, or a struct of bytes and path."""
    if pa.types.is_struct(kind):
        index = kind.get_field_index("bytes")
        return index >= 0 and _is_binary(kind.field(index).type)
    return _is_binary(kind)


def is_text(kind: pa.DataType) -> bool:
    """Whether values are text, as such or by a dictionary."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _is_binary(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)
    )


class ImageNames:
    """File names for the images of one file: theirs if they can be, each once.

    The same rows get the same names whenever they are read.
    """

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()
        self._next: dict[str, int] = {}

    def give(self, row: int, path: str | None, data: bytes) -> str:
        """The name of the image of a row, relative and with the ending of its content."""
        parts = _parts(path)
        folder, name = parts[:-1], _with_suffix(parts[-1] if parts else f"{row:07d}", data)
        if not self._fits(folder):
            folder = [f"{row:07d}"]
        first = PurePosixPath(*folder, name)
        place, key = first, str(first).casefold()
        number = self._next.get(key, 1)
        while str(place).casefold() in self._files | self._folders:
            number += 1
            place = first.with_name(f"{first.stem}-{number}{first.suffix}")
        self._next[key] = number
        self._files.add(str(place).casefold())
        self._folders |= {str(p).casefold() for p in place.parents}
        return str(place)

    def _fits(self, folder: Sequence[str]) -> bool:
        paths = [PurePosixPath(*folder[: n + 1]) for n in range(len(folder))]
        return not any(str(p).casefold() in self._files for p in paths)


def _parts(path: str | None) -> list[str]:
    parts = [_FORBIDDEN.sub("_", part) for part in (path or "").replace("\\", "/").split("/")]
    kept = [part for part in parts if part not in ("", ".", "..")]
    if kept:
        kept[-1] = kept[-1].lstrip(".")
    if any(len(part.encode()) > _LONGEST or not part for part in kept) or len(kept) > 10:
        return []
    return kept


def _with_suffix(name: str, data: bytes) -> str:
    """The name with an ending that says what the content is, where it says something else."""
    suffix = PurePosixPath(name).suffix.lower()
    for kind, suffixes in _KINDS:
        if kind.match(data[:16]):
            return name if suffix in suffixes else name + suffixes[0]
    return name if suffix in IMAGE_EXTENSIONS else name + ".png"
