"""Tar shards: the samples in them, and copies in which a few members differ."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import struct
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal, cast

from air_core.errors import SourceError
from air_core.images import IMAGE_EXTENSIONS

MAX_IMAGE = 1 << 29
MAX_LABEL = 1 << 24
"""Larger members are never read."""

_RATIO, _RATIO_FLOOR = 250, 1 << 28  # unpacked to packed, counted above the floor
_BLOCK = 512
_CHUNK = 1 << 20
_KEY = re.compile(r"((?:.*/)?[^/.]+)\.([^/]*)", re.DOTALL)
_META = re.compile(r"__[^/]*__($|/)")


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a shard; ``extension`` is all that follows the first dot of its name."""

    info: tarfile.TarInfo
    extension: str

    @property
    def span(self) -> tuple[int, int]:
        """Where its header starts and its padded data end, in the shard as unpacked."""
        return self.info.offset, self.info.offset_data + -(-self.info.size // _BLOCK) * _BLOCK

    @property
    def is_image(self) -> bool:
        """Whether the name is that of an image."""
        return f".{self.extension.rsplit('.', 1)[-1]}" in IMAGE_EXTENSIONS


@dataclass(slots=True)
class Sample:
    """Members that follow one another and share a key, as the webdataset library has it.

    ``data`` holds the bytes of members that were asked for, by extension; ``flaw`` says why a
    sample cannot be used.
    """

    key: str
    members: dict[str, Member] = field(default_factory=dict)
    data: dict[str, bytes] = field(default_factory=dict)
    flaw: str = ""

    @property
    def image(self) -> Member | None:
        """The image; one with a plain ending goes before such as ``mask.png``."""
        images = [m for m in self.members.values() if m.is_image]
        return min(images, key=lambda m: "." in m.extension, default=None)

    @property
    def end(self) -> int:
        """Where its last member ends."""
        return max(m.span[1] for m in self.members.values())


class Shard:
    """A tar file of samples, compressed or not.

    Use as a context manager; samples come in order, once.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._limit = max(_RATIO * path.stat().st_size, _RATIO_FLOOR)
        with reporting_damage(path):
            self._tar = tarfile.open(path, "r:*")  # noqa: SIM115 (closed on exit)

    def __enter__(self) -> Shard:
        return self

    def __exit__(self, *_: object) -> None:
        self._tar.close()

    def samples(self, *extensions: str) -> Iterator[Sample]:
        """The samples, with the data of members that have one of these extensions.

        Raises
        ------
        SourceError
            Where the shard is damaged, or unfolds to far more than its size.
        """
        with reporting_damage(self.path):
            yield from self._samples(extensions)

    def _samples(self, extensions: Sequence[str]) -> Iterator[Sample]:
        current: Sample | None = None
        for info in self._tar:
            # The library would keep every header it has seen.
            self._tar.members = []  # type: ignore[attr-defined]
            self._check_size(info)
            found = _KEY.fullmatch(info.name)
            if found is None or not info.isreg() or info.sparse or _META.match(info.name):
                continue
            key, extension = found[1], found[2].lower()
            if current is None or current.key != key:
                if current is not None:
                    yield current
                current = Sample(key)
            if extension in current.members:
                current.flaw = f"{info.name} is in the shard twice. Give each sample its own key."
                continue
            member = current.members[extension] = Member(info, extension)
            if extension in extensions and info.size > MAX_LABEL:
                current.flaw = f"{info.name} has {info.size:,} bytes, which no label has."
            elif extension in extensions:
                current.data[extension] = self.read(member)
        if current is not None:
            yield current

    def _check_size(self, info: tarfile.TarInfo) -> None:
        if info.offset_data + info.size > self._limit:
            raise SourceError(
                f"Expected a shard of images, got {self.path.name}, which unfolds to more than "
                f"{self._limit:,} bytes or is cut short.",
                hint="If you trust it, unpack it yourself.",
            )

    def read(self, member: Member) -> bytes:
        """The data of a member; SourceError if it is damaged or too large to be an image."""
        if member.info.size > MAX_IMAGE:
            raise SourceError(
                f"Expected at most {MAX_IMAGE >> 20} MiB in {member.info.name}, "
                f"got {member.info.size >> 20}."
            )
        with reporting_damage(self.path):
            data = self._tar.extractfile(member.info)
            assert data is not None  # only folders and devices have none
            return data.read()


@contextmanager
def reporting_damage(path: Path) -> Iterator[None]:
    """Turn what the tar and compression libraries raise into a SourceError."""
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, struct.error) as error:
        detail = str(error) or "it is cut short"
    # Damaged headers make the library fail in ways that it does not document.
    except (ValueError, LookupError, OverflowError) as error:
        detail = str(error) or "it is cut short"
    except OSError as error:
        # Those without a number are about the data, not about the disk.
        if error.errno is not None:
            raise
        detail = str(error)
    else:
        return
    raise SourceError(
        f"Expected a sound tar file, got {path.name}: {detail.rstrip('.')}.",
        hint="Copy or download it again.",
    )


@dataclass(frozen=True, slots=True)
class Splice:
    """Put ``data`` in place of what stands from ``start`` to ``end`` of an unpacked shard."""

    start: int
    end: int
    data: bytes = b""


def replace_member(member: Member, data: bytes) -> Splice:
    """Give a member other data and leave the rest of its header as it is."""
    return Splice(*member.span, _packed(member.info, data))


def add_member(sample: Sample, extension: str, data: bytes) -> Splice:
    """Put a new member behind the last one of a sample, with the same owner, mode and time."""
    like = copy(next(iter(sample.members.values())).info)
    like.name = f"{sample.key}.{extension}"
    return Splice(sample.end, sample.end, _packed(like, data))


def drop_members(sample: Sample) -> list[Splice]:
    """Leave all members of a sample out."""
    return [Splice(*member.span) for member in sample.members.values()]


def copy_shard(source: Path, target: Path, splices: Sequence[Splice]) -> None:
    """Copy a shard byte by byte but for the splices, compressed the same way."""
    with _opened(source) as old, _created(source, target) as new:
        position = 0
        for splice in sorted(splices, key=lambda s: (s.start, s.end)):
            _copy(old, new, splice.start - position)
            new.write(splice.data)
            _copy(old, None, splice.end - splice.start)
            position = splice.end
        _copy(old, new, None)


def _packed(info: tarfile.TarInfo, data: bytes) -> bytes:
    header = copy(info)
    header.size = len(data)
    header.pax_headers = {k: v for k, v in info.pax_headers.items() if k not in ("path", "size")}
    form: Literal[1, 2] = tarfile.PAX_FORMAT if info.pax_headers else tarfile.GNU_FORMAT
    return header.tobuf(form, "utf-8", "surrogateescape") + data + b"\0" * (-len(data) % _BLOCK)


def _copy(old: IO[bytes], new: IO[bytes] | None, size: int | None) -> None:
    while size is None or size > 0:
        chunk = old.read(_CHUNK if size is None else min(_CHUNK, size))
        if not chunk:
            if size is None:
                return
            raise EOFError("it is cut short")
        if new is not None:
            new.write(chunk)
        size = None if size is None else size - len(chunk)


def _compression(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(6)
    marks = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\0": "xz"}
    return next((kind for mark, kind in marks.items() if start.startswith(mark)), "")


def _opened(path: Path) -> IO[bytes]:
    match _compression(path):
        case "gz":
            return cast(IO[bytes], gzip.open(path, "rb"))
        case "bz2":
            return bz2.open(path, "rb")
        case "xz":
            return lzma.open(path, "rb")
    return path.open("rb")


def _created(source: Path, target: Path) -> IO[bytes]:
    match _compression(source):
        case "gz":
            # No time inside, so that the same labels give the same file.
            return cast(IO[bytes], gzip.GzipFile(target, "wb", mtime=0))
        case "bz2":
            return bz2.open(target, "wb")
        case "xz":
            return lzma.open(target, "wb")
    return target.open("wb")
