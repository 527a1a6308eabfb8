"""Hugging Face's layout of Parquet shards: images and labels in files such as ``data/train-…``."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from air_core.errors import SourceError
from air_core.formats.base import CleanLabels, Listing, ReadOptions
from air_core.formats.class_folders import may_hold_images
from air_core.formats.hf_features import label_field, label_numbers, schema_with
from air_core.formats.parquet_images import holds_images
from air_core.formats.parquet_table import ParquetTable
from air_core.formats.tables import TablePart, TableSet
from air_core.formats.unpacked import Unpacked

CARD = "README.md"
_GROUP = 100
_COUNT = re.compile(
    rb"(?P<start>- name: *(?P<split>[^\s]+)\r?\n(?:[ ]+num_bytes:[^\n]*\n)?[ ]+num_examples: *)"
    rb"(?P<count>\d{1,18})"
)
_IMAGE = pa.field("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())]))


class HuggingFaceParquet:
    """The ``hf-parquet`` format."""

    name = "hf-parquet"
    title = "Hugging Face Parquet (folder of shards with the images in them)"

    def claims(self, source: Path, options: ReadOptions) -> bool:
        """Whether a folder holds Parquet files with images in them."""
        if options.labels is not None or not source.is_dir():
            return False
        first = next(_shards(source, options), None)
        if first is None:
            return False
        try:
            schema = pq.read_schema(first)
        except (pa.ArrowException, ValueError, OSError):
            return False
        return any(holds_images(field.type) for field in schema)

    def read(self, source: Path, options: ReadOptions) -> Listing:
        """List the rows of all shards; the images are put into ``options.unpack``.

        Raises
        ------
        SourceError
            If there is no shard, or the columns are not clear.
        """
        unpacked = Unpacked.of(options, self.title)
        found = TableSet.of(_parts(source, options, unpacked), options.separator)
        if not found.parts:
            raise SourceError(
                f"Expected Parquet files in {source}, got none.",
                hint="Open the folder that holds them, or a single file with --format parquet.",
            )
        table = found.parts[0].table
        card = source / CARD
        return Listing(
            root=unpacked.root,
            paths=found.paths(),
            labels=found.labels(),
            class_names=found.class_names(),
            rejected=found.rejected(),
            notes=found.notes(),
            originals={CARD: card.read_bytes()} if card.is_file() else {},
            path_column=table.path_column,
            label_column=table.label_column,
            separator=options.separator,
            multilabel=found.multilabel,
            without_copy=tuple(_shards(source, options)),
        )

    def fill(self, folder: Path, clean: CleanLabels) -> int:
        """Write the shards with changed labels, or all images into ``data/train-…``.

        Shards without a change are copied, as is the dataset card; where images were left out,
        its counts are corrected.

        Raises
        ------
        ExportError
            If a label does not fit the column, or the source has changed since the import.
        """
        if clean.source is None:
            place = folder / "data" / "train-00000-of-00001.parquet"
            place.parent.mkdir()
            return _compose(place, clean)
        found = TableSet.of(_parts(clean.source, clean.options, None), clean.options.separator)
        found.check_unchanged(clean)
        for name, data in found.edited(clean):
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if data is None:
                shutil.copy2(clean.source / name, place)
            else:
                place.write_bytes(data)
        for name, card in clean.originals.items():
            shards = [part.name for part in found.parts]
            before, after = _counts(clean.source, shards), _counts(folder, shards)
            (folder / name).write_bytes(_recounted(card, before, after))
        return len(clean.items)


def _shards(source: Path, options: ReadOptions) -> Iterator[Path]:
    """Parquet files below a folder, by name; links to folders are not followed."""
    for folder, folders, files in os.walk(source):
        here = Path(folder)
        folders[:] = sorted(f for f in folders if may_hold_images(here / f, options))
        for name in sorted(files):
            if name.endswith(".parquet") and not name.startswith("."):
                yield here / name


def _parts(source: Path, options: ReadOptions, unpacked: Unpacked | None) -> Iterator[TablePart]:
    for file in _shards(source, options):
        name = file.relative_to(source).as_posix()
        prefix = name.removesuffix(".parquet")

        def put(image: str, data: bytes, file: Path = file, prefix: str = prefix) -> None:
            if unpacked is not None:
                unpacked.put(f"{prefix}/{image}", file, lambda: data)

        table = ParquetTable(file, name, options, put)
        if not table.embedded and table.paths:
            raise SourceError(
                f"Expected images in {name}, got paths.",
                hint="Open the file itself with --format parquet.",
            )
        yield TablePart(name, table, prefix)


def _compose(place: Path, clean: CleanLabels) -> int:
    field, feature = label_field(clean.class_names, multilabel=clean.multilabel)
    schema = schema_with([_IMAGE, field], {"image": {"_type": "Image"}, "label": feature})
    with pq.ParquetWriter(place, schema) as writer:
        for start in range(0, len(clean.items), _GROUP):
            items = clean.items[start : start + _GROUP]
            images = [{"bytes": i.file.read_bytes(), "path": i.path} for i in items]
            columns = {"image": images, "label": label_numbers(items, clean)}
            writer.write_table(pa.Table.from_pydict(columns, schema))
    return len(clean.items)


def _counts(folder: Path, shards: Iterable[str]) -> Counter[str]:
    """Rows by split, which the names of the shards tell: ``train-00000-of-00002``, ``train/0``."""
    counts: Counter[str] = Counter()
    for name in shards:
        shard = Path(name)
        split = shard.parent.name if shard.stem.isdigit() else re.split(r"[-.]", shard.name)[0]
        counts[split] += pq.read_metadata(folder / name).num_rows
    return counts


def _recounted(card: bytes, before: Counter[str], after: Counter[str]) -> bytes:
    """The dataset card with the number of rows that each split has now.

    ``datasets`` refuses a split of another length than its card says.
    """

    def corrected(found: re.Match[bytes]) -> bytes:
        split = found["split"].decode("utf-8", "replace")
        if before[split] != int(found["count"]):
            return found[0]
        return found["start"] + str(after[split]).encode()

    return _COUNT.sub(corrected, card)
