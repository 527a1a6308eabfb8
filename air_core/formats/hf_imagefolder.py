"""Hugging Face's ImageFolder: metadata files beside the images, else one folder a label."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from air_core.dataset import stable_item_ids
from air_core.errors import SourceError
from air_core.formats.base import CleanItem, CleanLabels, Listing, ReadOptions
from air_core.formats.class_folders import (
    Walk,
    check_class_name,
    copy_into_classes,
    may_hold_images,
)
from air_core.formats.columns import labels_file
from air_core.formats.csv_file import DelimitedTable
from air_core.formats.hf_features import label_field, label_numbers, schema_with
from air_core.formats.image_copies import ImageCopies
from air_core.formats.image_paths import copy_image, copy_unaudited, inner_parts
from air_core.formats.jsonl import JsonLinesTable
from air_core.formats.parquet_table import ParquetTable
from air_core.formats.tables import LabelTable, TablePart, TableSet
from air_core.formats.yolo_cls import SPLITS as YOLO_SPLITS

CARD = "README.md"
SPLITS = {
    **{"train": "train", "training": "train"},
    **{"validation": "validation", "valid": "validation", "dev": "validation", "val": "validation"},
    **{"test": "test", "testing": "test", "eval": "test", "evaluation": "test"},
}
"""Which split ``datasets`` takes a folder of that name for."""

_TABLES: Mapping[str, Callable[[bytes, str, ReadOptions], LabelTable]] = {
    "metadata.csv": DelimitedTable,
    "metadata.jsonl": JsonLinesTable,
    "metadata.parquet": ParquetTable,
}
_FILE_NAME = "file_name"


class HuggingFaceImageFolder:
    """The ``hf-imagefolder`` format.

    With ``metadata.csv``, ``.jsonl`` or ``.parquet`` the labels stand in its label column and
    folder names mean nothing. Without, the folder that an image lies in is its label.
    """

    name = "hf-imagefolder"
    title = "Hugging Face ImageFolder (metadata file, or a folder a split and label)"

    def claims(self, source: Path, options: ReadOptions) -> bool:
        """Whether a folder has metadata files that name images, or only folders of splits.

        With the splits of ``yolo-cls`` alone, it is left to that format.
        """
        if options.labels is not None or not source.is_dir():
            return False
        own = labels_file(source)
        if own is not None and own.name not in _TABLES:
            return False
        if any(_names_images(file) for file in _metadata(source, options)):
            return True
        walk = Walk(source.resolve(), options.ignore)
        folders = walk.folders(walk.root)
        names = {folder.name for folder in folders}
        if not names or not names <= set(SPLITS):
            return False
        if "train" in names and names <= set(YOLO_SPLITS):
            return False
        labels = (folder for split in folders for folder in walk.folders(split))
        return any(any(walk.images(folder)) for folder in labels)

    def read(self, source: Path, options: ReadOptions) -> Listing:
        """List the rows of the metadata files, else the images by folder.

        Raises
        ------
        SourceError
            If there are metadata files of two kinds, or it is not clear what they say.
        """
        if not source.is_dir():
            raise SourceError(f"Expected a folder of images, got the file {source}.")
        walk = Walk(source.resolve(), options.ignore)
        files, card = _metadata(walk.root, options), walk.root / CARD
        _check_one_kind(files, walk.root)
        originals = {f.relative_to(walk.root).as_posix(): f.read_bytes() for f in files}
        if card.is_file():
            originals[CARD] = card.read_bytes()
        if not files:
            return _list_folders(walk, originals)
        found = _tables(originals, options)
        table, paths = found.parts[0].table, found.paths()
        unlisted = _unlisted(walk, paths)
        notes = list(found.notes())
        if unlisted:
            notes.append(f"{unlisted} images are in no metadata file and were passed over.")
        return Listing(
            root=walk.root,
            paths=paths,
            labels=found.labels(),
            class_names=found.class_names(),
            rejected=found.rejected(),
            notes=tuple(notes),
            originals=originals,
            path_column=table.path_column,
            label_column=table.label_column,
            separator=options.separator,
            multilabel=found.multilabel,
        )

    def fill(self, folder: Path, clean: CleanLabels) -> int:
        """Write metadata files with changed labels, or move images between folders.

        Another format's images go to a folder a split with a ``metadata.parquet`` that names all
        classes. So do the folders of labels when one of them has lost its last image, since
        ``datasets`` would give the others new numbers.

        Raises
        ------
        ExportError
            If a label cannot be written.
        """
        if any(PurePosixPath(name).name in _TABLES for name in clean.originals):
            return _fill_again(folder, clean)
        if clean.source is None:
            return _fill_anew(folder, clean)
        items = [item for item in clean.items if item.label is not None]
        for item in items:
            check_class_name(item.label or "")
        placed = copy_into_classes(folder, items, [_moved(item) for item in items])
        if {item.label for item in items} != set(clean.class_names):
            _describe_folders(folder, placed, clean)
        for name, data in clean.originals.items():
            (folder / name).write_bytes(data)
        return len(placed)


def _metadata(root: Path, options: ReadOptions) -> list[Path]:
    """Metadata files below a folder, by path; links to folders are not followed."""
    found: list[Path] = []
    for current, folders, files in os.walk(root):
        here = Path(current)
        folders[:] = sorted(name for name in folders if may_hold_images(here / name, options))
        found += [here / name for name in _TABLES if name in files]
    return found


def _check_one_kind(files: Sequence[Path], root: Path) -> None:
    kinds = sorted({file.name for file in files})
    if len(kinds) > 1:
        raise SourceError(
            f"Expected one kind of metadata file in {root}, got {' and '.join(kinds)}.",
            hint="Keep one of them; datasets refuses both together.",
        )


def _names_images(file: Path) -> bool:
    """Whether a metadata file has a column of file names, and so is one of this format."""
    try:
        if file.suffix == ".parquet":
            names = pq.read_schema(file).names
        else:
            # The first line of a large file will do: column names, or one object.
            with file.open("rb") as lines:
                names = [lines.readline(1 << 20).decode("utf-8", "replace")]
            return _FILE_NAME in names[0]
    except (pa.ArrowException, ValueError, OSError):
        return False
    return any(name.endswith(_FILE_NAME) for name in names)


def _tables(originals: Mapping[str, bytes], options: ReadOptions) -> TableSet:
    parts = []
    for name, data in originals.items():
        path = PurePosixPath(name)
        if path.name not in _TABLES:
            continue
        if options.path_column is None:
            options = replace(options, path_column=_FILE_NAME)
        prefix = "" if str(path.parent) == "." else str(path.parent)
        parts.append(TablePart(name, _TABLES[path.name](data, name, options), prefix))
    return TableSet.of(parts, options.separator)


def _unlisted(walk: Walk, paths: Sequence[str]) -> int:
    listed = {PurePosixPath(os.path.normpath(path)) for path in paths}
    files = (PurePosixPath(f.relative_to(walk.root)) for f in walk.images(walk.root))
    return sum(file not in listed for file in files)


def _list_folders(walk: Walk, originals: Mapping[str, bytes]) -> Listing:
    paths, labels = [], []
    for file in walk.images(walk.root):
        if file.parent == walk.root:
            walk.reject(file, "It lies in no folder of a label. Move it into one.")
        else:
            paths.append(file.relative_to(walk.root).as_posix())
            labels.append(file.parent.name)
    if not paths:
        raise SourceError(
            f"Expected images in folders of labels in {walk.root}, got none.",
            hint="Sort the images into <split>/<label>, or add a metadata.csv with file_name "
            "and label.",
        )
    notes = (f"{walk.others} files that are no images were passed over.",)
    return Listing(
        root=walk.root,
        paths=tuple(paths),
        labels=tuple(labels),
        class_names=tuple(sorted(set(labels))),
        rejected=tuple(walk.rejected),
        notes=notes if walk.others else (),
        originals=originals,
    )


def _fill_again(folder: Path, clean: CleanLabels) -> int:
    """The source's metadata files with changed labels, and the images where they were."""
    assert clean.source is not None
    found, root = _tables(clean.originals, clean.options), clean.source.resolve()
    files = {item.item_id: item.file for item in clean.items}
    for path, item_id in zip(found.paths(), stable_item_ids(found.paths()).tolist(), strict=True):
        if item_id in files:
            place = folder / files[item_id].relative_to(root)
            if not place.exists():
                copy_image(files[item_id], place)
        elif item_id not in clean.excluded:
            # Its row stays, so its image does, although nobody could look at it.
            copy_unaudited(root, path, folder.joinpath(*inner_parts(path)))
    edited = dict(found.edited(clean))
    for name, data in clean.originals.items():
        new = edited.get(name)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data if new is None else new)
    return len(clean.items)


def _fill_anew(folder: Path, clean: CleanLabels) -> int:
    """Images in a folder a split, with metadata."""
    copies = ImageCopies(folder)
    splits: dict[str, list[tuple[str, CleanItem]]] = defaultdict(list)
    for item in clean.items:
        inner = inner_parts(item.path)
        split = SPLITS.get(inner[0], "") if len(inner) > 1 else ""
        rest = inner[1:] if split else inner
        name = copies.add(item, str(PurePosixPath(split or "train", *rest)))
        splits[split or "train"].append((name.partition("/")[2], item))
    for split, rows in splits.items():
        _write_metadata(folder / split, rows, clean)
    # Said outright, since datasets would take the file name test_1.png for a split.
    lines = [f"  - split: {split}\n    path: {split}/**\n" for split in sorted(splits)]
    card = f"---\nconfigs:\n- config_name: default\n  data_files:\n{''.join(lines)}---\n"
    (folder / CARD).write_text(card, encoding="utf-8")
    return len(clean.items)


def _describe_folders(
    folder: Path, placed: Sequence[tuple[CleanItem, PurePosixPath]], clean: CleanLabels
) -> None:
    """Metadata for each split of class folders, so that every class keeps its number."""
    splits: dict[str, list[tuple[str, CleanItem]]] = defaultdict(list)
    for item, place in placed:
        split = place.parts[0] if place.parts[0] in SPLITS and len(place.parts) > 2 else "."
        splits[split].append((place.relative_to(split).as_posix(), item))
    for split, rows in splits.items():
        _write_metadata(folder / split, rows, clean)


def _moved(item: CleanItem) -> PurePosixPath:
    """The path of an image with its label as the folder that it lies in."""
    *above, _, name = inner_parts(item.path)
    return PurePosixPath(*above, item.label or "", name)


def _write_metadata(
    folder: Path, rows: Sequence[tuple[str, CleanItem]], clean: CleanLabels
) -> None:
    field, feature = label_field(clean.class_names, multilabel=clean.multilabel)
    text = {"dtype": "string", "_type": "Value"}
    schema = schema_with(
        [pa.field(_FILE_NAME, pa.string()), field], {_FILE_NAME: text, "label": feature}
    )
    table = pa.Table.from_pydict(
        {
            _FILE_NAME: [name for name, _ in rows],
            "label": label_numbers([item for _, item in rows], clean),
        },
        schema,
    )
    pq.write_table(table, folder / "metadata.parquet")
