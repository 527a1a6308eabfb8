"""MNIST and what is stored like it: images and labels as idx files, gzipped or not."""

from __future__ import annotations

import gzip
import re
import shutil
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, cast

import numpy as np

from air_core.errors import ExportError, SourceError
from air_core.formats.base import CleanLabels, Listing, ReadOptions
from air_core.formats.class_list import find_class_list, read_class_list, write_class_list
from air_core.formats.image_arrays import (
    ArraySource,
    Block,
    Change,
    Pixels,
    equal_arrays,
    sole_folder,
)

CLASS_LISTS = ("classes.txt",)
"""Class names, one a line; without it they are the numbers."""

FASHION = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
"""Classes of Fashion-MNIST, in the order of its authors."""

_IMAGES = re.compile(r"(.*?)[-._]?images[-.]idx3-ubyte(\.gz)?")
_MAX_BYTES = 1 << 32
_RATIO, _RATIO_FLOOR = 1100, 1 << 26  # deflate reaches 1032; blank images nearly do


class Mnist:
    """The ``mnist`` format: torchvision's folder (``MNIST/raw``) or one with the idx files."""

    name = "mnist"
    title = "MNIST (idx files)"

    def claims(self, source: Path, options: ReadOptions) -> bool:
        """Whether idx files of images and labels lie in a source."""
        return any(_folders(source))

    def read(self, source: Path, options: ReadOptions) -> Listing:
        """List the images of all splits; names are ``train/00000.png`` ….

        Raises
        ------
        SourceError
            If the files are not there, damaged or do not belong together.
        """
        return _look(source).listing(options, "idx files")

    def fill(self, folder: Path, clean: CleanLabels) -> int:
        """Write idx files as torchvision's ``MNIST`` reads them from this folder.

        Raises
        ------
        ExportError
            If the source has changed since, or images of another format are not grey and of
            one size.
        """
        if clean.source is None:
            return _compose(folder / "MNIST" / "raw", clean)
        found = _look(clean.source)
        target = folder / _place(found.folder)
        target.mkdir(parents=True)
        class_list = find_class_list(found.folder, CLASS_LISTS)
        if class_list is not None:
            shutil.copy2(class_list, target / class_list.name)
        return found.rewrite(folder, clean, lambda block, change: _write(block, change, target))


def _look(source: Path) -> ArraySource:
    expected = "train-images-idx3-ubyte and its labels in one folder"
    folder = sole_folder(list(_folders(source)), source, expected, "idx files")
    files = [f for f in sorted(folder.iterdir()) if _IMAGES.fullmatch(f.name)]
    if source.is_file():
        files = [f for f in files if f.name == source.name]
    names = {f.name for f in files}
    copies = [f.name for f in files if f"{f.name}.gz" in names]
    blocks = [
        _block(f) for f in files if f.name.removesuffix(".gz") not in copies or f.suffix != ".gz"
    ]
    blocks.sort(key=lambda block: ("train" not in block.split, block.split))
    notes = [f"{name} was read, not its gzipped copy." for name in copies]
    return ArraySource(folder, blocks, _class_names(folder, blocks), notes)


def _folders(source: Path) -> Iterable[Path]:
    """Folders with image files of this format, at the usual places."""
    if source.is_file():
        return [source.parent] if _IMAGES.fullmatch(source.name) else []
    places = [source, source / "raw", *sorted(source.glob("*/raw"))]
    return [place for place in places if place.is_dir() and _has_images(place)]


def _has_images(folder: Path) -> bool:
    return any(_IMAGES.fullmatch(f.name) and f.is_file() for f in folder.iterdir())


def _place(folder: Path) -> Path:
    """Where torchvision looks for the files, below the folder it is given."""
    known = folder.name == "raw" and folder.parent.name.endswith("MNIST")
    return Path(folder.parent.name if known else "MNIST") / "raw"


def _class_names(folder: Path, blocks: Iterable[Block]) -> tuple[str, ...]:
    file = find_class_list(folder, CLASS_LISTS)
    if file is not None:
        return read_class_list(file.read_bytes(), file.name)
    top = max((max(block.labels, default=0) for block in blocks), default=0)
    if "fashion" in str(folder.parent.name + folder.name).lower() and top < len(FASHION):
        return FASHION
    return tuple(map(str, range(max(10, top + 1))))


def _labels_file(images: Path) -> Path:
    """The labels of a file of images, gzipped or not."""
    name = images.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    for file in (images.with_name(name), images.with_name(f"{name}.gz")):
        if file.is_file():
            return file
    raise SourceError(f"Expected {name} beside {images.name}, got none.")


def _block(images: Path) -> Block:
    found = _IMAGES.fullmatch(images.name)
    assert found is not None  # only such files are asked for
    labels = _labels_file(images)
    (count,), numbers = _read(labels, 1)
    with _opened(images) as file:
        n = _header(file, images, 3)[0]
    if n != count:
        raise SourceError(
            f"Expected as many labels as images, got {count:,} in {labels.name} and {n:,} in "
            f"{images.name}.",
        )
    split = found[1] or "images"
    return Block(
        file=images,
        split=split,
        names=tuple(f"{split}/{row:05}.png" for row in range(n)),
        labels=tuple(numbers),
        labels_file=labels,
        pixels=lambda: _pixels(images),
    )


def _pixels(images: Path) -> Pixels:
    shape, data = _read(images, 3)
    return np.frombuffer(data, np.uint8).reshape(shape)


def _opened(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path) if path.name.endswith(".gz") else path.open("rb"))


def _header(file: IO[bytes], path: Path, dimensions: int) -> tuple[int, ...]:
    try:
        start = file.read(4)
        sizes = file.read(4 * dimensions)
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{path.name} cannot be read: {error}.", hint="Copy it again.") from None
    if start != bytes((0, 0, 8, dimensions)) or len(sizes) < 4 * dimensions:
        raise SourceError(
            f"Expected {path.name} to start as an idx file of bytes with {dimensions} "
            f"dimensions, got {start.hex(' ')}.",
            hint="Copy or download it again.",
        )
    return struct.unpack(f">{dimensions}I", sizes)


def _read(path: Path, dimensions: int) -> tuple[tuple[int, ...], bytes]:
    """Shape and bytes of an idx file."""
    with _opened(path) as file:
        shape = _header(file, path, dimensions)
        size = 1
        for length in shape:
            size *= length
        allowed = min(_MAX_BYTES, max(path.stat().st_size * _RATIO, _RATIO_FLOOR))
        try:
            data = file.read(size) if size <= allowed else b""
        except (OSError, EOFError, zlib.error):
            data = b""
    if len(data) != size or 0 in shape[1:]:
        raise SourceError(
            f"Expected {' × '.join(map(str, shape))} bytes in {path.name}, got {len(data):,}.",
            hint="Copy or download it again.",
        )
    return shape, data


def _write(block: Block, change: Change, target: Path) -> None:
    labels = block.labels_file
    if not change:
        for file in (block.file, labels):
            shutil.copy2(file, target / file.name)
        return
    numbers = bytearray(_read(labels, 1)[1])
    for row, number in change.labels.items():
        numbers[row] = number
    keep = [row for row in range(len(numbers)) if row not in change.dropped]
    _save(target / labels.name, np.frombuffer(numbers, np.uint8)[keep])
    if change.dropped:
        _save(target / block.file.name, block.pixels()[keep])
    else:
        shutil.copy2(block.file, target / block.file.name)


def _save(path: Path, array: Pixels) -> None:
    header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    data = header + array.tobytes()
    # No time inside, so that the same labels give the same file.
    path.write_bytes(gzip.compress(data, mtime=0) if path.name.endswith(".gz") else data)


def _compose(folder: Path, clean: CleanLabels) -> int:
    if clean.multilabel:
        raise ExportError(
            "Expected one label an image for MNIST, got several.", hint="Export as jsonl."
        )
    if len(clean.class_names) > 256:
        raise ExportError(
            f"Expected at most 256 classes for MNIST, got {len(clean.class_names)}.",
            hint="Export as imagefolder.",
        )
    items = [item for item in clean.items if item.label is not None]
    index = {name: n for n, name in enumerate(clean.class_names)}
    pixels = equal_arrays(items, "L", None, "MNIST")
    folder.mkdir(parents=True)
    (folder / CLASS_LISTS[0]).write_bytes(write_class_list(clean.class_names))
    numbers = np.array([index[item.label] for item in items if item.label is not None], np.uint8)
    empty = np.zeros((0, *pixels.shape[1:]), np.uint8)
    for split, images, labels in (("train", pixels, numbers), ("t10k", empty, numbers[:0])):
        _save(folder / f"{split}-images-idx3-ubyte", images)
        _save(folder / f"{split}-labels-idx1-ubyte", labels)
    return len(items)
