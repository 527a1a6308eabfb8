"""Labels in a file of their own for images that come with others: CIFAR-N's ``.pt``, or CSV."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from air_core.errors import ExportError, SourceError
from air_core.formats.base import ReadOptions
from air_core.formats.class_list import class_name
from air_core.formats.columns import PATH_NAMES, find_label_column, plain
from air_core.formats.csv_text import DELIMITERS, Dialect, Record, decode, records

INDEX_NAMES = frozenset(("index", "idx", "imageindex"))
"""Columns that number the images of the first split, as torchvision does."""

Write = Callable[[Mapping[int, str | None], Set[int]], bytes]
"""The file with new labels by row and without the dropped rows."""


@dataclass(frozen=True, slots=True)
class LabelColumn:
    """One column of such a file.

    Parameters
    ----------
    name : str
        Of the column.
    images : tuple of int
        The image that each row is for.
    labels : tuple of (str or None)
        One for each row.
    positional : bool
        Rows belong to images by their order alone: an image that goes takes its row with it.
    write : callable
        See :data:`Write`.
    """

    name: str
    images: tuple[int, ...]
    labels: tuple[str | None, ...]
    positional: bool
    write: Write


def read_labels(
    data: bytes,
    name: str,
    options: ReadOptions,
    paths: Sequence[str],
    splits: Sequence[int],
    class_names: Sequence[str],
) -> LabelColumn:
    """The chosen column of a file of labels.

    Parameters
    ----------
    data : bytes
        The file.
    name : str
        Its name; ``.pt`` and ``.pth`` are torch's, anything else is delimited text.
    options : ReadOptions
        ``label_column`` chooses among several, ``path_column`` names the one of paths.
    paths : sequence of str
        Of all images, in order.
    splits : sequence of int
        How many images each split has, in order.
    class_names : sequence of str
        Names by class number.

    Raises
    ------
    SourceError
        If the file cannot be read, the column is not clear or the rows do not fit the images.
    """
    if PurePosixPath(name).suffix.lower() in (".pt", ".pth"):
        return _read_tensors(data, name, options, splits, class_names)
    return _read_text(data, name, options, paths, splits, class_names)


def _images_by_position(rows: int, splits: Sequence[int], name: str) -> tuple[int, ...]:
    """The split that has as many images as there are rows, or all of them."""
    start = 0
    for size in splits:
        if size == rows:
            return tuple(range(start, start + size))
        start += size
    if start == rows:
        return tuple(range(rows))
    raise SourceError(
        f"Expected {' or '.join(f'{n:,}' for n in (*splits, start))} labels in {name}, one for "
        f"each image, got {rows:,}.",
        hint="Give it a column of paths or of indices, or complete it.",
    )


def _label(cell: str, class_names: Sequence[str], name: str) -> str | None:
    if not cell or cell in class_names:
        return cell or None
    if cell.isascii() and cell.isdigit() and len(cell) < 10:
        return class_name(int(cell), class_names, name)
    raise SourceError(
        f"Expected a class name or number in {name}, got {cell[:80]!r}.",
        hint=f"The classes are {', '.join(class_names[:10])}{' …' * (len(class_names) > 10)}.",
    )


# -- delimited text --------------------------------------------------------------------------------


def _read_text(
    data: bytes,
    name: str,
    options: ReadOptions,
    paths: Sequence[str],
    splits: Sequence[int],
    class_names: Sequence[str],
) -> LabelColumn:
    encoded = decode(data, name)
    dialect = max(map(Dialect, DELIMITERS), key=lambda d: len(_first(encoded.text, d, name).cells))
    header = _first(encoded.text, dialect, name)
    names = [cell.value for cell in header.cells]
    column = 0 if len(names) == 1 else find_label_column(names, options.label_column, name)
    rows = [r for r in records(encoded.text, dialect) if r.number > header.number and not r.blank]
    for row in rows:
        if len(row.cells) != len(names):
            raise SourceError(
                f"Expected {len(names)} cells in row {row.number} of {name}, got {len(row.cells)}."
            )
    key = _key_column(names, column, options.path_column, name)
    cells = [row.cells[column].value.strip() for row in rows]
    labels = tuple(_label(cell, class_names, name) for cell in cells)
    numeric = all(cell.isdigit() for cell in cells if cell)
    if key is None:
        images = _images_by_position(len(rows), splits, name)
    else:
        index = _image_index(names[key], paths, splits[0])
        images = tuple(_find_image(row.cells[key].value, index, row, name) for row in rows)
        if len(set(images)) != len(images):
            raise SourceError(f"Expected each image once in {name}, got some of them twice.")

    def write(new: Mapping[int, str | None], dropped: Set[int]) -> bytes:
        parts, position = [], 0
        for number, row in enumerate(rows):
            if number in dropped:
                parts.append(encoded.text[position : row.start])
                position = row.end
            elif number in new:
                cell, label = row.cells[column], new[number]
                text = "" if label is None else label
                if numeric and label is not None:
                    text = str(class_names.index(label))
                written = dialect.write(text, quoted=cell.quoted)
                parts += [encoded.text[position : cell.start], written]
                position = cell.end
        return encoded.encode("".join([*parts, encoded.text[position:]]))

    return LabelColumn(names[column], images, labels, key is None, write)


def _first(text: str, dialect: Dialect, name: str) -> Record:
    found = next((row for row in records(text, dialect) if not row.blank), None)
    if found is None:
        raise SourceError(f"Expected a first row with column names in {name}, got no rows.")
    return found


def _key_column(names: Sequence[str], label: int, chosen: str | None, file: str) -> int | None:
    if chosen is not None:
        if chosen not in names:
            raise SourceError(
                f"Expected a column {chosen!r} in {file}, got {', '.join(map(repr, names))}."
            )
        return names.index(chosen)
    usual = PATH_NAMES | INDEX_NAMES
    return next((n for n, x in enumerate(names) if n != label and plain(x) in usual), None)


def _image_index(column: str, paths: Sequence[str], first_split: int) -> dict[str, int]:
    if plain(column) in INDEX_NAMES:
        return {str(n): n for n in range(first_split)}
    # Whoever took the images out may have saved them in another format than we do.
    stems = {str(PurePosixPath(path).with_suffix("")): n for n, path in enumerate(paths)}
    return stems | {path: n for n, path in enumerate(paths)}


def _find_image(cell: str, index: Mapping[str, int], row: Record, name: str) -> int:
    found = index.get(cell, index.get(str(PurePosixPath(cell).with_suffix("")) if cell else ""))
    if found is None:
        raise SourceError(
            f"Expected an image of the source in row {row.number} of {name}, got {cell[:80]!r}.",
            hint=f"Images are named like {next(iter(index), 'train/00000')!r}.",
        )
    return found


# -- torch's files ---------------------------------------------------------------------------------


def _read_tensors(
    data: bytes,
    name: str,
    options: ReadOptions,
    splits: Sequence[int],
    class_names: Sequence[str],
) -> LabelColumn:
    content = _load(data, name)
    columns = {key: _vector(value) for key, value in content.items()}
    known = {key: vector for key, vector in columns.items() if vector is not None}
    chosen = _choose(list(known), options.label_column, name)
    vector = known[chosen]
    images = _images_by_position(len(vector), splits, name)
    labels = tuple(class_name(int(n), class_names, name) for n in vector)

    def write(new: Mapping[int, str | None], dropped: Set[int]) -> bytes:
        if not new and not dropped:
            return data
        changed = vector.copy()
        for row, label in new.items():
            if label is None:
                raise ExportError(f"Expected a label for every image of {name}, got none.")
            changed[row] = class_names.index(label)
        keep = [row for row in range(len(vector)) if row not in dropped]
        written = {
            key: _like(content[key], (changed if key == chosen else column)[keep])
            if column is not None and len(column) == len(vector)
            else content[key]
            for key, column in columns.items()
        }
        return _save(written)

    return LabelColumn(chosen, images, labels, True, write)


def _load(data: bytes, name: str) -> dict[str, Any]:
    # Here, since loading torch takes seconds and few sources need it.
    import torch

    reconstruct = np.array(0).__reduce__()[0]
    old_names: list[Any] = [
        (reconstruct, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")
    ]
    kinds = [type(np.dtype(kind)) for kind in ("i8", "i4", "i2", "i1", "u1", "u2", "u4", "u8")]
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            torch.serialization.safe_globals([*old_names, np.ndarray, np.dtype, *kinds]),
        ):
            content = torch.load(BytesIO(data), map_location="cpu", weights_only=True)
    # Whatever a damaged or hostile file makes of it: nothing in it is run.
    except Exception as error:
        detail = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SourceError(
            f"Expected {name} to be a torch file of label arrays, got one that cannot be read: "
            f"{detail[:200]}",
            hint="Save the labels as CSV and name that file.",
        ) from None
    if not isinstance(content, dict):
        content = {"labels": content}
    return {str(key): value for key, value in content.items()}


def _save(content: dict[str, Any]) -> bytes:
    import torch

    buffer = BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def _vector(value: Any) -> Any:
    """One integer for each image as an array (n,), or None for anything else."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError):
        return None
    return array if array.ndim == 1 and array.dtype.kind in "iu" else None


def _like(old: Any, new: Any) -> Any:
    if isinstance(old, np.ndarray):
        return new
    if isinstance(old, list | tuple):
        return type(old)(new.tolist())
    import torch

    return torch.from_numpy(np.ascontiguousarray(new))


def _choose(names: Sequence[str], chosen: str | None, file: str) -> str:
    shown = ", ".join(map(repr, names)) or "none"
    if chosen is not None:
        if chosen in names:
            return chosen
        raise SourceError(f"Expected an array {chosen!r} in {file}, got {shown}.")
    noisy = [name for name in names if not name.startswith("clean")]
    if len(noisy) == 1 or "noisy_label" in noisy:
        return noisy[0] if len(noisy) == 1 else "noisy_label"
    raise SourceError(
        f"Expected one array of labels in {file}, got {shown}.",
        hint="Choose one with --label-column.",
    )
