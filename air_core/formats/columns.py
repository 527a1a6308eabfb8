"""Which column holds the paths and which the labels, and which file of a folder holds both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from pathlib import Path

from air_core.errors import SourceError

PATH_NAMES = frozenset(
    (
        *("path", "file", "filename", "filepath", "image", "imagepath", "imagefile"),
        *("imagefilename", "imagename", "img", "imgpath", "relativepath", "relpath"),
    )
)
LABEL_NAMES = frozenset(
    (
        *("label", "class", "category", "target", "givenlabel", "noisylabel", "labelname"),
        *("classname", "categoryname"),
    )
)
TAG_NAMES = frozenset(("labels", "tags", "classes", "categories", "targets"))
"""Names of a label column that are looked for only where none of :data:`LABEL_NAMES` is there."""

KNOWN_NAMES = PATH_NAMES | LABEL_NAMES | TAG_NAMES
FILE_STEMS = ("labels", "label", "annotations", "metadata")
"""Stems of label files that are found by themselves in a folder of images."""

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


def plain(name: str) -> str:
    """A column name without case, spaces and punctuation."""
    return "".join(c for c in name.casefold() if c.isalnum())


def find_columns(
    names: Sequence[str], path_column: str | None, label_column: str | None, file: str
) -> tuple[int, int]:
    """Positions of the path and the label column.

    Parameters
    ----------
    names : sequence of str
        All columns.
    path_column, label_column : str or None
        What the user chose.
    file : str
        What to call the file in a message.

    Raises
    ------
    SourceError
        If a column is not there or it is not clear which one to take.
    """
    path = find_column(names, path_column, (PATH_NAMES,), "image paths", "--path-column", file)
    label = find_label_column(names, label_column, file)
    if path == label:
        raise SourceError(
            f"Expected two columns of {file}, got {names[path]!r} for paths and labels.",
            hint="Choose with --path-column and --label-column.",
        )
    return path, label


def find_label_column(names: Sequence[str], chosen: str | None, file: str) -> int:
    """Position of the label column; see :func:`find_columns`."""
    return find_column(names, chosen, (LABEL_NAMES, TAG_NAMES), "labels", "--label-column", file)


def find_column(
    names: Sequence[str],
    chosen: str | None,
    usual: Sequence[Set[str]],
    of: str,
    option: str,
    file: str,
) -> int:
    """Position of the chosen column, else of the only one with a usual name.

    ``usual`` holds sets of names; a set counts only where no name of an earlier one is there.

    Raises
    ------
    SourceError
        If there is not exactly one.
    """
    columns = ", ".join(repr(n) for n in names)
    if chosen is not None:
        if Counter(names)[chosen] != 1:
            raise SourceError(
                f"Expected one column {chosen!r} in {file}, got {columns}.",
                hint=f"Choose one of these with {option}.",
            )
        return names.index(chosen)
    found: list[int] = []
    for known in usual:
        found = found or [i for i, n in enumerate(names) if plain(n) in known]
    if len(found) != 1:
        which = " and ".join(repr(names[i]) for i in found) or "none that is named so"
        raise SourceError(
            f"Expected one column of {of} in {file}, got {which}; its columns are {columns}.",
            hint=f"Choose one with {option}.",
        )
    return found[0]


def labels_file(folder: Path) -> Path | None:
    """The label file in a folder that needs no naming; the best name wins.

    Raises
    ------
    SourceError
        If two of them are equally good.
    """
    for stem in FILE_STEMS:
        found = [f for s in SUFFIXES if (f := folder / f"{stem}{s}").is_file()]
        if len(found) > 1:
            raise SourceError(
                f"Expected one label file in {folder}, got {' and '.join(f.name for f in found)}.",
                hint="Choose one with --labels.",
            )
        if found:
            return found[0]
    return None


def named_file(source: Path, labels: Path | None, suffixes: Sequence[str]) -> Path:
    """The label file of a source: the one named, the source itself, or the one in its folder.

    Raises
    ------
    SourceError
        If the folder has none with one of ``suffixes``, or two.
    """
    if labels is not None:
        return labels
    if not source.is_dir():
        return source
    found = labels_file(source)
    if found is None or found.suffix.lower() not in suffixes:
        raise SourceError(
            f"Expected a label file in {source}, got none named "
            f"{' or '.join(f'{stem}{suffixes[0]}' for stem in FILE_STEMS[:2])}.",
            hint="Name the label file with --labels.",
        )
    return found


def is_named_file(source: Path, labels: Path | None, suffixes: Sequence[str]) -> bool:
    """Whether the label file of a source has one of ``suffixes``."""
    file: Path | None = labels or source
    if file is not None and file.is_dir():
        file = labels_file(file)
    return file is not None and file.suffix.lower() in suffixes
