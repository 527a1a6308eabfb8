"""CIFAR-10 and CIFAR-100 as torchvision has them, with CIFAR-N's labels if they are named."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from air_core.entries import inner_path
from air_core.errors import ExportError, SourceError
from air_core.formats.base import CleanLabels, Listing, ReadOptions
from air_core.formats.image_arrays import (
    ArraySource,
    Block,
    Change,
    Pixels,
    equal_arrays,
    sole_folder,
)
from air_core.formats.plain_pickle import Placed, read_pickle, write_pickle

_SIDE = 32
_ROW = 3 * _SIDE * _SIDE


@dataclass(frozen=True, slots=True)
class _Kind:
    """The layout of one of the two data sets."""

    folder: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    meta: str
    class_names: str
    labels: str


_TEN = _Kind(
    folder="cifar-10-batches-py",
    train=tuple(f"data_batch_{n}" for n in range(1, 6)),
    test=("test_batch",),
    meta="batches.meta",
    class_names="label_names",
    labels="labels",
)
_HUNDRED = _Kind(
    folder="cifar-100-python",
    train=("train",),
    test=("test",),
    meta="meta",
    class_names="fine_label_names",
    labels="fine_labels",
)


class Cifar:
    """The ``cifar`` format: torchvision's root, or the folder with the batches.

    Labels of the batches, or those of CIFAR-N's ``.pt`` file or a CSV file that the user names;
    then the batches stay as they are. torchvision checks the MD5 of each batch: to open batches
    with changed labels, give it None in the place of the sums.
    """

    name = "cifar"
    title = "CIFAR-10 or CIFAR-100 (Python batches)"

    def claims(self, source: Path, options: ReadOptions) -> bool:
        """Whether the batches lie in a source."""
        return bool(_folders(source))

    def read(self, source: Path, options: ReadOptions) -> Listing:
        """List the images of all batches, those to train with first.

        Raises
        ------
        SourceError
            If files are missing or damaged.
        """
        return _look(source)[0].listing(options, "CIFAR")

    def fill(self, folder: Path, clean: CleanLabels) -> int:
        """Write batches below the folder that torchvision looks for.

        Raises
        ------
        ExportError
            If the source has changed since, or images of another format do not have 32 × 32
            pixels.
        """
        if clean.source is None:
            return _compose(folder / _TEN.folder, clean)
        found, kind = _look(clean.source)
        target = folder / kind.folder
        target.mkdir()
        shutil.copy2(found.folder / kind.meta, target / kind.meta)

        def write(block: Block, change: Change) -> None:
            if change:
                (target / block.file.name).write_bytes(_changed(block, change, kind))
            else:
                shutil.copy2(block.file, target / block.file.name)

        return found.rewrite(folder, clean, write)


def _look(source: Path) -> tuple[ArraySource, _Kind]:
    folders = _folders(source)
    expected = f"{_TEN.folder} or {_HUNDRED.folder}"
    folder = sole_folder([folder for folder, _ in folders], source, expected, "batches")
    kind = dict(folders)[folder]
    meta = read_pickle((folder / kind.meta).read_bytes(), kind.meta)
    names = _texts(meta.get(kind.class_names), f"{kind.class_names} of {kind.meta}")
    blocks: list[Block] = []
    for split, files in (("train", kind.train), ("test", kind.test)):
        count, taken = 0, set[str]()
        for name in files:
            if (folder / name).is_file():
                block = _block(folder / name, split, kind, count, taken)
                blocks.append(block)
                count += len(block.names)
    missing = [n for n in (*kind.train, *kind.test) if not (folder / n).is_file()]
    if not blocks:
        raise SourceError(f"Expected {missing[0]} in {folder}, got none.")
    notes = [f"{', '.join(missing)} of {kind.folder} is missing."] if missing else []
    return ArraySource(folder, blocks, tuple(names), notes), kind


def _folders(source: Path) -> list[tuple[Path, _Kind]]:
    if not source.is_dir():
        return []
    found = []
    for kind in (_TEN, _HUNDRED):
        for folder in (source / kind.folder, source):
            batches = any((folder / name).is_file() for name in (*kind.train, *kind.test))
            if batches and (folder / kind.meta).is_file():
                found.append((folder, kind))
    return found


def _texts(value: Any, what: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise SourceError(f"Expected {what} to be a list of names, got something else.")
    if len(set(value)) != len(value):
        raise SourceError(f"Expected each name once in {what}, got some of them twice.")
    return value


def _batch(file: Path, kind: _Kind) -> tuple[dict[str, Any], Pixels, list[int]]:
    content = read_pickle(file.read_bytes(), file.name)
    pixels, labels = content.get("data"), content.get(kind.labels)
    if not isinstance(pixels, np.ndarray) or pixels.ndim != 2 or pixels.shape[1] != _ROW:
        raise SourceError(f"Expected rows of {_ROW} bytes as data of {file.name}, got none.")
    if not isinstance(labels, list) or not all(type(x) in (int, Placed) for x in labels):
        raise SourceError(f"Expected a list of numbers as {kind.labels} of {file.name}, got none.")
    if len(labels) != len(pixels):
        raise SourceError(
            f"Expected a label for each of {len(pixels):,} images of {file.name}, "
            f"got {len(labels):,}."
        )
    return content, pixels, labels


def _block(file: Path, split: str, kind: _Kind, start: int, taken: set[str]) -> Block:
    content, pixels, labels = _batch(file, kind)
    names = content.get("filenames")
    listed = names if isinstance(names, list) and len(names) == len(labels) else []
    # Pixels are read again when they are needed: all batches at once are 180 MB.
    return Block(
        file=file,
        split=split,
        names=tuple(
            _name(split, start + row, listed[row] if listed else None, taken)
            for row in range(len(pixels))
        ),
        labels=tuple(map(int, labels)),
        labels_file=file,
        pixels=lambda: _batch(file, kind)[1].reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1),
    )


def _name(split: str, row: int, filename: object, taken: set[str]) -> str:
    """The name that the batch gives an image if it is usable and new, else its number."""
    name = f"{row:05}.png"
    if isinstance(filename, str) and len(filename) < 200:
        try:
            inner = inner_path(filename)
        except SourceError:
            inner = PurePosixPath(name)
        if inner.suffix.lower() == ".png" and str(inner).isprintable():
            name = str(inner)
    if name.casefold() in taken:
        name = f"{row:05}.png"
    taken.add(name.casefold())
    return f"{split}/{name}"


def _changed(block: Block, change: Change, kind: _Kind) -> bytes:
    """A batch with other labels: only their bytes differ, unless images go."""
    data = bytearray(block.file.read_bytes())
    content, _, labels = _batch(block.file, kind)
    new = {row: [(labels, number)] for row, number in change.labels.items()}
    coarse = content.get("coarse_labels")
    if isinstance(coarse, list) and len(coarse) == len(labels):
        above = _superclasses(labels, coarse)
        for row, number in change.labels.items():
            if number in above:
                new[row].append((coarse, above[number]))
    in_place = not change.dropped
    for row, changes in new.items():
        for column, number in changes:
            old = column[row]
            if isinstance(old, Placed) and number < 256:
                data[old.at] = number
            else:
                in_place = False
    if in_place:
        return bytes(data)
    for row, changes in new.items():
        for column, number in changes:
            column[row] = number
    keep = [row for row in range(len(labels)) if row not in change.dropped]
    return write_pickle({key: _kept(value, keep, len(labels)) for key, value in content.items()})


def _superclasses(labels: Sequence[int], coarse: Sequence[int]) -> dict[int, int]:
    """The superclass that each class mostly stands with in a batch."""
    pairs = Counter(zip(map(int, labels), map(int, coarse), strict=True))
    return {label: above for (label, above), _ in reversed(pairs.most_common())}


def _kept(value: Any, keep: Sequence[int], rows: int) -> Any:
    if isinstance(value, np.ndarray) and len(value) == rows:
        return value[keep]
    if isinstance(value, list) and len(value) == rows:
        return [value[row] for row in keep]
    return value


def _compose(folder: Path, clean: CleanLabels) -> int:
    if clean.multilabel:
        raise ExportError(
            "Expected one label an image for CIFAR, got several.", hint="Export as jsonl."
        )
    items = [item for item in clean.items if item.label is not None]
    index = {name: n for n, name in enumerate(clean.class_names)}
    pixels = equal_arrays(items, "RGB", (_SIDE, _SIDE), "CIFAR")
    rows = pixels.transpose(0, 3, 1, 2).reshape(-1, _ROW)
    labels = [index[item.label] for item in items if item.label is not None]
    names = [_ascii(item.path, item.item_id) for item in items]
    folder.mkdir(parents=True)
    size = -(-len(items) // len(_TEN.train))
    starts = [size * n for n in range(len(_TEN.train))]
    spans = [*((start, start + size) for start in starts), (len(items), len(items))]
    for file, (start, end) in zip((*_TEN.train, *_TEN.test), spans, strict=True):
        batch: Mapping[str, Any] = {
            "batch_label": file,
            "labels": labels[start:end],
            "data": rows[start:end],
            "filenames": names[start:end],
        }
        (folder / file).write_bytes(write_pickle(batch))
    meta = {
        "num_cases_per_batch": size,
        "label_names": [_class(name) for name in clean.class_names],
        "num_vis": _ROW,
    }
    (folder / _TEN.meta).write_bytes(write_pickle(meta))
    return len(items)


def _ascii(path: str, item_id: str) -> str:
    name = str(PurePosixPath(path.replace("\\", "/")).with_suffix(".png"))
    return name if name.isascii() and name.isprintable() else f"{item_id}.png"


def _class(name: str) -> str:
    try:
        name.encode("latin-1")
    except UnicodeEncodeError:
        raise ExportError(
            f"The class {name!r} cannot be written in a CIFAR batch, which holds Latin letters.",
            hint="Export as imagefolder, or rename the class in the source.",
        ) from None
    return name
