"""The images of one audit and the labels they came with."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from air_core.errors import SourceError

UNLABELLED = -1
"""Index that stands for "no label" in every array of label indices."""

_BLOCK = 65_536


class FilesBelow(Sequence[Path]):
    """Files below one folder, turned into a :class:`~pathlib.Path` only when asked for.

    A million ``Path`` objects would take seconds and gigabytes to open a workspace.

    Examples
    --------
    >>> FilesBelow(Path("/data"), ["a.png", "b.png"])[1].name
    'b.png'
    """

    __slots__ = ("_names", "root")

    def __init__(self, root: Path, names: Sequence[str]) -> None:
        self.root = root
        self._names = names

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, index: int) -> Path: ...
    @overload
    def __getitem__(self, index: slice) -> FilesBelow: ...
    def __getitem__(self, index: int | slice) -> Path | FilesBelow:
        if isinstance(index, slice):
            return FilesBelow(self.root, self._names[index])
        return self.root / self._names[index]

    def __iter__(self) -> Iterator[Path]:
        return (self.root / name for name in self._names)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Items of a classification dataset, in the order of the source.

    Parameters
    ----------
    item_ids : ndarray of shape (n,), dtype ``<U16``
        Stable identifiers, see :func:`stable_item_ids`.
    paths : sequence of str
        Image paths exactly as the source writes them.
    files : sequence of Path
        The image files on disk, one for each item.
    given_labels : ndarray of shape (n,), dtype intp
        Index into ``class_names``; ``UNLABELLED`` where the source has no label.
    class_names : tuple of str
        In the order of the source's own class indices.
    digests : sequence of str
        Content digest of each image file, in hexadecimal.
    tags : ndarray of shape (n, C), dtype int8, or None
        With several labels an image: 1 where it has the tag, 0 where not, −1 throughout the row
        of an unlabelled image; ``given_labels`` is ``UNLABELLED`` throughout then.
    """

    item_ids: NDArray[np.str_]
    paths: Sequence[str]
    files: Sequence[Path]
    given_labels: NDArray[np.intp]
    class_names: tuple[str, ...]
    digests: Sequence[str]
    tags: NDArray[np.int8] | None = None
    _rows: dict[str, int] = field(init=False, repr=False, compare=False)
    _known: dict[str, str] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.paths)
        for name in ("item_ids", "files", "given_labels", "digests"):
            if len(getattr(self, name)) != n:
                raise SourceError(
                    f"Expected one {name} entry for each of {n} images, "
                    f"got {len(getattr(self, name))}."
                )
        rows = dict(zip(self.item_ids.tolist(), range(n), strict=True))
        if len(rows) != n:
            raise SourceError("Expected every item id once, got duplicates.")
        self.item_ids.setflags(write=False)
        self.given_labels.setflags(write=False)
        if self.tags is not None:
            if self.tags.shape != (n, len(self.class_names)):
                raise SourceError(
                    f"Expected tags of shape {(n, len(self.class_names))}, got {self.tags.shape}."
                )
            self.tags.setflags(write=False)
        object.__setattr__(self, "_rows", rows)

    def __len__(self) -> int:
        return len(self.paths)

    def row_of(self, item_id: str) -> int:
        """Row of an item, or raise :class:`SourceError` for an unknown id."""
        try:
            return self._rows[item_id]
        except KeyError:
            raise SourceError(f"Expected an item of this workspace, got id {item_id!r}.") from None

    def rows_of(self, item_ids: Iterable[str]) -> NDArray[np.intp]:
        """Rows of those of these items that are here, in their order; others are passed over."""
        found = [row for row in map(self._rows.get, item_ids) if row is not None]
        return np.array(found, dtype=np.intp)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._rows

    def images_digest(self) -> str:
        """Identifies the items and their images' contents, in order; computed once."""
        if "images" not in self._known:
            digest = hashlib.blake2b(np.ascontiguousarray(self.item_ids).tobytes(), digest_size=12)
            for start in range(0, len(self), _BLOCK):
                digest.update("".join(self.digests[start : start + _BLOCK]).encode())
            self._known["images"] = digest.hexdigest()
        return self._known["images"]

    def labels_digest(self) -> str:
        """Identifies items, image contents and given labels, in order; computed once."""
        if "labels" not in self._known:
            digest = hashlib.blake2b(self.images_digest().encode(), digest_size=12)
            digest.update(np.ascontiguousarray(self.given_labels, dtype="<i8").tobytes())
            if self.tags is not None:
                digest.update(np.ascontiguousarray(self.tags).tobytes())
            digest.update("\0".join(self.class_names).encode("utf-8", "surrogatepass"))
            self._known["labels"] = digest.hexdigest()
        return self._known["labels"]

    @property
    def multilabel(self) -> bool:
        """Whether an image may have any number of labels."""
        return self.tags is not None

    def given_text(self, row: int) -> str | None:
        """The given label of an item as text: its class, or its tags as :func:`tags_text`."""
        if self.tags is None:
            return self.label_name(int(self.given_labels[row]))
        given = self.tags[row]
        if len(given) and given[0] < 0:
            return None
        return tags_text(self.class_names[c] for c in np.flatnonzero(given > 0))

    def having(self, class_name: str) -> NDArray[np.bool_]:
        """Which items (n,) came with a class, or with a tag."""
        index = self.class_names.index(class_name)
        if self.tags is None:
            return np.asarray(self.given_labels == index)
        return np.asarray(self.tags[:, index] > 0)

    def shown(self, label: str | None) -> str | None:
        """A label text as people read and type it: tags parted by ``;``, see :func:`parse_tags`."""
        if label is None or self.tags is None:
            return label
        tags = tags_of(label)
        readable = "; ".join(tags)
        return readable if tags and parse_tags(readable) == list(tags) else label

    def label_name(self, index: int) -> str | None:
        """Name of a class index; None for ``UNLABELLED``."""
        return None if index == UNLABELLED else self.class_names[index]


def stable_item_ids(paths: Iterable[str]) -> NDArray[np.str_]:
    """Identify items by path, so that an id survives re-ordering and added images.

    The k-th occurrence of the same path gets an id of its own: a file listed twice with two
    labels is two items.

    Parameters
    ----------
    paths : iterable of str
        Paths as the source writes them.

    Returns
    -------
    ndarray of shape (n,), dtype ``<U16``
        16 hexadecimal digits each (64 bits of BLAKE2b).

    Examples
    --------
    >>> ids = stable_item_ids(["a.png", "b.png", "a.png"])
    >>> len(set(ids.tolist())), stable_item_ids(["b.png"])[0] == ids[1]
    (3, True)
    """
    seen: Counter[str] = Counter()
    ids = []
    for path in paths:
        key = f"{path}\0{seen[path]}" if seen[path] else path
        seen[path] += 1
        ids.append(hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest())
    return np.array(ids, dtype="<U16")


def index_labels(labels: Sequence[str | None], class_names: Sequence[str]) -> NDArray[np.intp]:
    """Turn label names into indices of ``class_names``; None becomes ``UNLABELLED``."""
    index = {name: i for i, name in enumerate(class_names)}
    return np.array([UNLABELLED if x is None else index[x] for x in labels], dtype=np.intp)


def tags_text(tags: Iterable[str]) -> str:
    """Several labels as one text: a JSON list, sorted, each once.

    Examples
    --------
    >>> tags_text(["sea", "dog", "sea"])
    '["dog", "sea"]'
    """
    return json.dumps(sorted(set(tags)), ensure_ascii=False)


def tags_of(text: str | None) -> tuple[str, ...]:
    """The labels in what :func:`tags_text` wrote; none for None.

    Examples
    --------
    >>> tags_of('["dog", "sea"]'), tags_of(None)
    (('dog', 'sea'), ())
    """
    return () if text is None else tuple(json.loads(text))


def parse_tags(cell: str, known: Sequence[str] = (), separator: str = ";") -> list[str]:
    """The labels in a cell that a person wrote: a JSON list, one known name, or parted names.

    Examples
    --------
    >>> parse_tags('sea; dog'), parse_tags('["a;b"]'), parse_tags("a;b", known=["a;b"])
    (['sea', 'dog'], ['a;b'], ['a;b'])
    """
    text = cell.strip()
    if text in known:
        return [text]
    if text.startswith("["):
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if isinstance(found, list) and all(isinstance(tag, str) for tag in found):
            return found
    return [tag for part in text.split(separator) if (tag := part.strip())]


def index_tags(labels: Sequence[str | None], class_names: Sequence[str]) -> NDArray[np.int8]:
    """Texts of tags as a matrix (n, C) of 1 and 0, rows of −1 where there is no label."""
    index = {name: i for i, name in enumerate(class_names)}
    tags = np.zeros((len(labels), len(class_names)), dtype=np.int8)
    for row, text in enumerate(labels):
        if text is None:
            tags[row] = -1
        else:
            tags[row, [index[tag] for tag in tags_of(text)]] = 1
    return tags
