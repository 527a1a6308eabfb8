"""What Label Studio's three exports have in common when they are listed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from air_core.formats.base import Listing, ReadOptions
from air_core.formats.image_paths import choose_root, first_there, keep_paths, label_file
from air_core.formats.label_studio.config import config_beside
from air_core.formats.listed_labels import class_order, is_multilabel, label_text

_USUAL = ("*.json",)


class Entry(Protocol):
    """An image and its labels, as one of the exports has them."""

    @property
    def places(self) -> list[str]:
        """Paths at which the image may lie."""

    @property
    def labels(self) -> list[str] | None:
        """Its labels; None where nobody annotated it."""


def chosen_file(source: Path, options: ReadOptions, suits: Callable[[Path], bool]) -> Path | None:
    """The JSON file of a source."""
    return label_file(source, options, _USUAL, suits)


def listing_of(
    source: Path,
    file: Path,
    data: bytes,
    options: ReadOptions,
    entries: Sequence[Entry],
    flaws: Sequence[tuple[str, str]],
    *,
    columns: tuple[str, str],
) -> Listing:
    """The listing of a file of Label Studio.

    Parameters
    ----------
    source : Path
        As it was opened.
    file : Path
        The label file.
    data : bytes
        What it holds.
    options : ReadOptions
    entries : sequence of Entry
        In the order of the file.
    flaws : sequence of (str, str)
        What cannot be an entry, and why.
    columns : (str, str)
        Names of the image address and of the choices.
    """
    top = source if source.is_dir() else file.parent
    folders = [top / name for name in ("", "images", "upload", "media", "data")]
    root = choose_root(folders, [entry.places for entry in entries])
    paths = [first_there(root, entry.places) for entry in entries]
    config = config_beside(file, columns[1])
    several = config is not None and config.multiple
    multilabel = several or is_multilabel((entry.labels for entry in entries), options)
    return Listing(
        root=root,
        paths=tuple(paths),
        labels=tuple(label_text(entry.labels, multilabel=multilabel) for entry in entries),
        class_names=class_order(
            config.classes if config else (), (label for e in entries for label in e.labels or ())
        ),
        rejected=tuple(flaws),
        labels_file=file.resolve(),
        originals={
            file.name: data,
            **({config.name: config.data} if config else {}),
            **keep_paths(paths),
        },
        path_column=columns[0],
        label_column=columns[1],
        separator=options.separator,
        multilabel=multilabel,
    )
