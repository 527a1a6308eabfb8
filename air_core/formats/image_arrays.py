"""Sources whose images are arrays in a few files: what CIFAR and MNIST have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from air_core.dataset import stable_item_ids
from air_core.errors import ExportError, SourceError
from air_core.formats.base import CleanItem, CleanLabels, Listing, ReadOptions
from air_core.formats.class_list import class_name, number_of
from air_core.formats.noisy_labels import LabelColumn, read_labels
from air_core.formats.unpacked import Unpacked
from air_core.images import load_rgb

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Block:
    """The images of one file.

    Parameters
    ----------
    file : Path
        Where the pixels lie.
    split : str
        ``train`` or ``test``, or what the file calls it.
    names : tuple of str
        Paths of the images, each once in the source.
    labels : tuple of int
        Their class numbers.
    labels_file : Path
        Where these lie; may be ``file`` itself.
    pixels : callable
        Gives an array (n, height, width) or (n, height, width, 3).
    """

    file: Path
    split: str
    names: tuple[str, ...]
    labels: tuple[int, ...]
    labels_file: Path
    pixels: Callable[[], Pixels]


@dataclass(frozen=True, slots=True)
class Change:
    """What an export does to a block: class numbers by row, and the rows that go."""

    labels: Mapping[int, int]
    dropped: frozenset[int]

    def __bool__(self) -> bool:
        return bool(self.labels or self.dropped)


@dataclass(frozen=True, slots=True)
class ArraySource:
    """The files of one source.

    Parameters
    ----------
    folder : Path
        Where they lie.
    blocks : sequence of Block
        In the order of the images.
    class_names : tuple of str
        In the order of the class numbers.
    notes : sequence of str
        What was passed over and may surprise.
    """

    folder: Path
    blocks: Sequence[Block]
    class_names: tuple[str, ...]
    notes: Sequence[str] = ()

    def listing(self, options: ReadOptions, title: str) -> Listing:
        """List the images, with their own labels or those of a file named by the user.

        Raises
        ------
        SourceError
            If a label has no class, or the file of labels does not fit.
        """
        unpacked = Unpacked.of(options, title)
        column, data = None, {}
        if options.labels is not None:
            data = {options.labels.name: options.labels.read_bytes()}
            column = _column(data, options.labels.name, options, self.blocks, self.class_names)
        paths, labels, passed = _listed(self.blocks, column, self.class_names)
        notes = [*self.notes]
        if passed:
            notes.append(f"{passed:,} images without a label in that file were passed over.")
        wanted = set(paths)
        for block in self.blocks:
            _unpack(block, wanted, unpacked)
        own = () if column is not None else tuple(block.labels_file for block in self.blocks)
        return Listing(
            root=unpacked.root,
            paths=tuple(paths),
            labels=tuple(labels),
            class_names=self.class_names,
            notes=tuple(notes),
            labels_file=None if options.labels is None else options.labels.resolve(),
            originals=data,
            path_column=options.path_column,
            label_column=None if column is None else column.name,
            without_copy=own,
        )

    def rewrite(
        self, folder: Path, clean: CleanLabels, write: Callable[[Block, Change], None]
    ) -> int:
        """Write the files again: ``write`` a block at a time, the user's file of labels here.

        Returns
        -------
        int
            Images written.

        Raises
        ------
        ExportError
            If the source is no longer as it was when it was opened.
        """
        labels_file = next(iter(clean.originals), None)
        changes, labels = _plan(self.blocks, self.class_names, clean, labels_file)
        for block, change in zip(self.blocks, changes, strict=True):
            write(block, change)
        if labels is not None and labels_file is not None:
            (folder / labels_file).write_bytes(labels)
        return len(clean.items)


def sole_folder(folders: Sequence[Path], source: Path, expected: str, what: str) -> Path:
    """The folder that holds the files.

    Raises
    ------
    SourceError
        If there is none, or more than one.
    """
    if len(folders) != 1:
        which = " and ".join(map(str, folders)) or "none"
        raise SourceError(
            f"Expected {expected} in {source}, got {which}.",
            hint=f"Open the folder that holds the {what}.",
        )
    return folders[0]


def _plan(
    blocks: Sequence[Block], class_names: Sequence[str], clean: CleanLabels, labels_file: str | None
) -> tuple[list[Change], bytes | None]:
    """What the decisions change in each block, and the file of labels as it shall be.

    Raises
    ------
    ExportError
        If the source is no longer as it was when it was opened.
    """
    column = None
    if labels_file is not None:
        column = _column(clean.originals, labels_file, clean.options, blocks, class_names)
    paths, _, _ = _listed(blocks, column, class_names)
    row_of = dict(zip(stable_item_ids(paths).tolist(), range(len(paths)), strict=True))
    if not row_of.keys() >= {item.item_id for item in clean.items} | clean.excluded:
        raise ExportError(
            "Expected the source as it was when it was opened, got other images in it.",
            hint="Put it back, or open it again with the same workspace.",
        )
    new = {row_of[item]: label for item, label in clean.changed().items()}
    dropped = {row_of[item] for item in clean.excluded}
    if column is None:
        index = {name: n for n, name in enumerate(class_names)}
        numbers = {row: _number(label, index) for row, label in new.items()}
        return _by_block(blocks, numbers, dropped), None
    written = column.write(new, dropped)
    gone = {column.images[row] for row in dropped} if column.positional else set()
    return _by_block(blocks, {}, gone), written


def equal_arrays(
    items: Sequence[CleanItem], mode: str, size: tuple[int, int] | None, title: str
) -> Pixels:
    """The images of items as one array.

    Parameters
    ----------
    items : sequence of CleanItem
        Whose images to load.
    mode : str
        ``RGB``, or ``L`` for images that hold grey only.
    size : (int, int) or None
        Width and height that all must have; None for those of the first.
    title : str
        What to call the format.

    Raises
    ------
    ExportError
        If an image is of another size or not grey: nothing is scaled or thrown away unasked.
    """
    arrays = []
    for item in items:
        try:
            image = load_rgb(item.file)
        except SourceError as error:
            raise ExportError(f"{item.path} cannot be read. {error}") from error
        size = size or image.size
        if image.size != size:
            raise ExportError(
                f"Expected images of {size[0]} × {size[1]} pixels for {title}, got {item.path} "
                f"with {image.width} × {image.height}.",
                hint="Scale them first, or export as imagefolder.",
            )
        array = np.asarray(image)
        if mode == "L" and (array != array[..., :1]).any():
            raise ExportError(
                f"Expected grey images for {title}, got colours in {item.path}.",
                hint="Export as imagefolder.",
            )
        arrays.append(array[..., 0] if mode == "L" else array)
    width, height = size or (0, 0)
    shape = (0, height, width) if mode == "L" else (0, height, width, 3)
    return np.stack(arrays) if arrays else np.zeros(shape, np.uint8)


def _column(
    originals: Mapping[str, bytes],
    name: str,
    options: ReadOptions,
    blocks: Sequence[Block],
    class_names: Sequence[str],
) -> LabelColumn:
    splits: dict[str, int] = {}
    for block in blocks:
        splits[block.split] = splits.get(block.split, 0) + len(block.names)
    paths = [name for block in blocks for name in block.names]
    return read_labels(originals[name], name, options, paths, list(splits.values()), class_names)


def _listed(
    blocks: Sequence[Block], column: LabelColumn | None, class_names: Sequence[str]
) -> tuple[list[str], list[str | None], int]:
    """Paths and labels of the images that have one, and how many were passed over."""
    paths = [name for block in blocks for name in block.names]
    if column is not None:
        listed = [paths[image] for image in column.images]
        return listed, list(column.labels), len(paths) - len(listed)
    labels: list[str | None] = []
    for block in blocks:
        labels += [class_name(number, class_names, block.file.name) for number in block.labels]
    return paths, labels, 0


def _unpack(block: Block, wanted: set[str], unpacked: Unpacked) -> None:
    pixels: Pixels | None = None

    def png(row: int) -> bytes:
        nonlocal pixels
        if pixels is None:
            pixels = block.pixels()
        buffer = BytesIO()
        Image.fromarray(pixels[row]).save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()

    for row, name in enumerate(block.names):
        if name in wanted:
            unpacked.put(name, block.file, lambda row=row: png(row))  # type: ignore[misc]


def _number(label: str | None, index: Mapping[str, int]) -> int:
    if label is None:
        raise ExportError("Expected a label for every image of such a source, got none.")
    return number_of(label, index, "the source")


def _by_block(
    blocks: Sequence[Block], labels: Mapping[int, int], dropped: set[int]
) -> list[Change]:
    changes, start = [], 0
    for block in blocks:
        rows = range(start, start + len(block.names))
        changes.append(
            Change(
                {row - start: labels[row] for row in rows if row in labels},
                frozenset(row - start for row in rows if row in dropped),
            )
        )
        start = rows.stop
    return changes
