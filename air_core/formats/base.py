"""What every format gives when read and needs to write."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the user said about a source; None where the format shall find out.

    ``ignore`` holds folders that are no part of the source, such as a workspace inside it.
    ``separator`` parts the tags in a cell of a multi-label text file; naming one makes the file
    multi-label. ``unpack`` is where a format whose images lie inside other files (shards, Parquet)
    puts them; files that are there already and of the right size need not be written again.
    """

    labels: Path | None = None
    path_column: str | None = None
    label_column: str | None = None
    ignore: Set[Path] = frozenset()
    separator: str | None = None
    unpack: Path | None = None


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
        One for each path; None is "no label". With ``multilabel``, tags as
        :func:`air_core.dataset.tags_text` writes them: an image without any tag is ``[]``.
    class_names : tuple of str
        In the order of the source's own class indices.
    rejected : tuple of (str, str)
        What cannot even be listed, and why.
    notes : tuple of str
        What was passed over and may surprise.
    labels_file : Path or None
        The file that the labels stand in, if they do not stand in folder names.
    originals : mapping of str to bytes
        What the label files held, by name as they stand in the source.
    path_column, label_column, separator : str or None
        The columns read, if there are any, and what parts the tags in a cell.
    multilabel : bool
        Whether an image may have any number of labels.
    without_copy : tuple of Path
        Files that hold labels, of which ``originals`` has no copy since they hold images, too.
    """

    root: Path
    paths: tuple[str, ...]
    labels: tuple[str | None, ...]
    class_names: tuple[str, ...]
    rejected: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    labels_file: Path | None = None
    originals: Mapping[str, bytes] = field(default_factory=dict)
    path_column: str | None = None
    label_column: str | None = None
    separator: str | None = None
    multilabel: bool = False
    without_copy: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Review:
    """The decision in force of an exported image; ``decided_at`` is UTC, ISO 8601."""

    action: str
    reviewer: str
    decided_at: str
    reason: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What the default detector would label an exported image; ``score`` 1 clean … 0 worst."""

    label: str
    confidence: float
    score: float
    detector: str


@dataclass(frozen=True, slots=True)
class CleanItem:
    """One image to export, with the label it came with and the one it leaves with.

    Labels are texts as in :class:`Listing`; ``file`` is the image on this machine.
    """

    item_id: str
    path: str
    file: Path
    given_label: str | None
    label: str | None
    review: Review | None = None
    suggestion: Suggestion | None = None


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
    originals : mapping of str to bytes
        The source's own label files when they are written back in their own format; only the
        cells of changed items may differ from them. Empty when another format is written.
    options : ReadOptions
        How they were read.
    multilabel : bool
        Whether the items' labels are tags.
    source : Path or None
        The source itself, for formats whose images lie inside its files; None when another
        format is written.
    """

    items: tuple[CleanItem, ...]
    class_names: tuple[str, ...]
    excluded: Set[str]
    originals: Mapping[str, bytes]
    options: ReadOptions
    multilabel: bool = False
    source: Path | None = None

    @property
    def original(self) -> bytes | None:
        """The label file of a format that has one."""
        return next(iter(self.originals.values()), None)

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


@runtime_checkable
class Accompanied(Protocol):
    """A format whose label file goes with other small files, such as a project's settings."""

    def companions(self, clean: CleanLabels) -> Mapping[str, bytes]:
        """The other files, by the name that they take beside the label file."""

    def is_companion(self, data: bytes) -> bool:
        """Whether a file with such a name is from an earlier export, and may be replaced."""


class FolderFormat(Format, Protocol):
    """A format that is a folder with images in it."""

    def fill(self, folder: Path, clean: CleanLabels) -> int:
        """Write into an empty folder and return how many images were written."""
