"""What every format gives when read and needs to write."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the user said about a source; None where the format shall find out.

    ``ignore`` holds folders that are no part of the source, such as a workspace inside it.
    """

    labels: Path | None = None
    path_column: str | None = None
    label_column: str | None = None
    ignore: Set[Path] = frozenset()


@dataclass(frozen=True, slots=True)
class Listing:
    """What a source lists, before any image has been opened.

    Parameters
    ----------
    root : Path
        Resolved folder that the paths are relative to and that no image may leave.
    paths : tuple of str
        As the source writes them; a path may occur more than once.
    labels : tuple of (str or None)
        One for each path; None is "no label".
    class_names : tuple of str
        In the order of the source's own class indices.
    rejected : tuple of (str, str)
        What cannot even be listed, and why.
    notes : tuple of str
        What was passed over and may surprise.
    labels_file : Path or None
        The file that the labels stand in, if they do not stand in folder names.
    original : bytes or None
        What that file held.
    path_column, label_column : str or None
        The columns read, if there are any.
    """

    root: Path
    paths: tuple[str, ...]
    labels: tuple[str | None, ...]
    class_names: tuple[str, ...]
    rejected: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    labels_file: Path | None = None
    original: bytes | None = None
    path_column: str | None = None
    label_column: str | None = None


@dataclass(frozen=True, slots=True)
class CleanItem:
    """One image to export, with the label it came with and the one it leaves with."""

    item_id: str
    path: str
    file: Path
    given_label: str | None
    label: str | None


@dataclass(frozen=True, slots=True)
class CleanLabels:
    """What an export writes.

    Parameters
    ----------
    items : tuple of CleanItem
        Those not excluded, in the order of the source.
    class_names : tuple of str
        All classes, those without images too.
    excluded : set of str
        Ids of the items left out by decision.
    original : bytes or None
        The source's own label file when it is written back in its own format; only the cells
        of changed items may differ from it.
    options : ReadOptions
        How ``original`` was read.
    """

    items: tuple[CleanItem, ...]
    class_names: tuple[str, ...]
    excluded: Set[str]
    original: bytes | None
    options: ReadOptions

    def changed(self) -> Mapping[str, str | None]:
        """New label by item id, for those whose label is not the given one."""
        return {i.item_id: i.label for i in self.items if i.label != i.given_label}


class Format(Protocol):
    """A way to write down which image has which label."""

    name: str
    title: str

    def claims(self, source: Path, options: ReadOptions) -> bool:
        """Whether a source looks like this format."""

    def read(self, source: Path, options: ReadOptions) -> Listing:
        """List the images and labels of a source.

        Raises
        ------
        SourceError
            If it is not of this format or ambiguous; says what to choose.
        """


class FileFormat(Format, Protocol):
    """A format that is one file of labels beside the images."""

    suffix: str

    def compose(self, clean: CleanLabels) -> bytes:
        """The label file as bytes."""


class FolderFormat(Format, Protocol):
    """A format that is a folder with images in it."""

    def fill(self, folder: Path, clean: CleanLabels) -> int:
        """Write into an empty folder and return how many images were written."""
