"""Images that lie inside other files, put where they can be looked at like any others."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from air_core.errors import SourceError
from air_core.formats.base import ReadOptions


@dataclass(slots=True)
class Unpacked:
    """A folder of images taken out of the files of a source.

    An image carries the time of the file that it came from, which says that it is whole and of
    that version: a second read of an unchanged source writes nothing.
    """

    root: Path
    _made: set[Path] = field(default_factory=set)

    @classmethod
    def of(cls, options: ReadOptions, title: str) -> Unpacked:
        """The folder that a reader was given.

        Raises
        ------
        SourceError
            If it was given none.
        """
        if options.unpack is None:
            raise SourceError(f"Reading {title} needs a folder to put the images in, got none.")
        options.unpack.mkdir(parents=True, exist_ok=True)
        return cls(options.unpack.resolve())

    def put(self, name: str, container: Path, data: Callable[[], bytes]) -> None:
        """Write an image unless it is there.

        Parameters
        ----------
        name : str
            Relative and safe; see :func:`air_core.entries.inner_path`.
        container : Path
            The file that it lies in.
        data : callable
            Gives its bytes; only called when they are needed.
        """
        target, stamp = self.root / name, container.stat().st_mtime_ns
        try:
            there = target.stat()
            if there.st_mtime_ns == stamp and there.st_size:
                return
        except FileNotFoundError:
            if target.parent not in self._made:
                target.parent.mkdir(parents=True, exist_ok=True)
                self._made.add(target.parent)
        target.write_bytes(data())
        # Last, so that what a killed process left half written is not taken for whole.
        os.utime(target, ns=(stamp, stamp))
