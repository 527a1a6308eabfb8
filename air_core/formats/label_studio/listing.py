"""What Label Studio's three exports have in common when they are listed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from air_core.errors import SourceError
from air_core.formats.base import Listing, ReadOptions
from air_core.formats.image_paths import choose_root, first_there, keep_paths, label_file
from air_core.formats.json_text import JsonText, read_label_file
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


class Content(Protocol):
    """What a file says, checked."""

    @property
    def key(self) -> str:
        """Name under which the address of an image stands."""

    @property
    def control(self) -> str:
        """Name of the choices."""

    @property
    def entries(self) -> Sequence[Entry]:
        """In the order of the file."""

    @property
    def flaws(self) -> Sequence[tuple[str, str]]:
        """What cannot be an entry, and why."""


def chosen_file(source: Path, options: ReadOptions, suits: Callable[[Path], bool]) -> Path | None:
    """The JSON file of a source."""
    return label_file(source, options, _USUAL, suits)


def read_json(
    source: Path,
    options: ReadOptions,
    suits: Callable[[Path], bool],
    content_of: Callable[[object, str, ReadOptions], Content],
    *,
    expected: str,
    hint: str,
) -> Listing:
    """List what the JSON file of a source says.

    Parameters
    ----------
    source : Path
        As it was opened.
    options : ReadOptions
    suits : callable
        Whether a file is of the right kind.
    content_of : callable
        Reads the parsed JSON of a file of that name.
    expected, hint : str
        What to say if there is no such file.

    Raises
    ------
    SourceError
        If there is none, or it is not clear which choices to take.
    """
    file = chosen_file(source, options, suits)
    if file is None:
        raise SourceError(f"Expected {expected} in {source}, got none.", hint=hint)
    data = read_label_file(file)
    content = content_of(JsonText(data, file.name).root.value, file.name, options)
    return listing_of(source, file, data, options, content)


def listing_of(
    source: Path, file: Path, data: bytes, options: ReadOptions, content: Content
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
    content : Content
        What it says.
    """
    entries = content.entries
    top = source if source.is_dir() else file.parent
    folders = [top / name for name in ("", "images", "upload", "media", "data")]
    root = choose_root(folders, [entry.places for entry in entries])
    paths = [first_there(root, entry.places) for entry in entries]
    config = config_beside(file, content.control)
    several = config is not None and config.multiple
    multilabel = several or is_multilabel((entry.labels for entry in entries), options)
    return Listing(
        root=root,
        paths=tuple(paths),
        labels=tuple(label_text(entry.labels, multilabel=multilabel) for entry in entries),
        class_names=class_order(
            config.classes if config else (), (label for e in entries for label in e.labels or ())
        ),
        rejected=tuple(content.flaws),
        labels_file=file.resolve(),
        originals={
            file.name: data,
            **({config.name: config.data} if config else {}),
            **keep_paths(paths),
        },
        path_column=content.key,
        label_column=content.control,
        separator=options.separator,
        multilabel=multilabel,
    )
