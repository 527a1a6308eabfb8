"""Parquet: one row an image, as a path or, as ``datasets`` writes it, as the image itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from air_core.dataset import tags_of
from air_core.errors import ExportError
from air_core.formats.base import CleanLabels, Listing, ReadOptions
from air_core.formats.columns import is_named_file, named_file
from air_core.formats.parquet_table import ParquetTable
from air_core.formats.tables import TablePart, TableSet
from air_core.formats.unpacked import Unpacked

_SUFFIXES = (".parquet",)


class Parquet:
    """The ``parquet`` format. A label column of lists stands for several tags.

    Labels may be numbers of classes that the schema names (``ClassLabel``); they stay numbers.
    """

    name = "parquet"
    title = "Parquet (path or image, and label columns)"
    suffix = ".parquet"

    def claims(self, source: Path, options: ReadOptions) -> bool:
        """Whether the label file of a source ends in ``.parquet``."""
        return is_named_file(source, options.labels, _SUFFIXES)

    def read(self, source: Path, options: ReadOptions) -> Listing:
        """List the rows of a file; images inside it are put into ``options.unpack``.

        Raises
        ------
        SourceError
            If it is no Parquet file or its columns are not clear.
        """
        file = named_file(source, options.labels, _SUFFIXES)

        def put(name: str, data: bytes) -> None:
            Unpacked.of(options, self.title).put(name, file, lambda: data)

        table = ParquetTable(file, file.name, options, put)
        found = TableSet.of([TablePart(file.name, table)], options.separator)
        if not table.embedded:
            root = source if source.is_dir() else source.parent
            return found.listing(root, file, file.read_bytes())
        return found.listing(Unpacked.of(options, self.title).root, file, None)

    def compose(self, clean: CleanLabels) -> bytes:
        """The cleaned labels: the source's own file with changed labels, or ``path`` and ``label``.

        Raises
        ------
        ExportError
            If a label does not fit the column, or images lie in the source's file and it has
            changed since the import.
        """
        if clean.originals:
            name, data = next(iter(clean.originals.items()))
            return _edited(data, name, clean) or data
        if clean.source is not None:
            file = named_file(clean.source, clean.options.labels, _SUFFIXES)
            if not file.is_file():
                raise ExportError(
                    f"Expected the source {file}, which holds the images, got nothing there.",
                    hint="Put it back, or export to another format.",
                )
            return _edited(file, file.name, clean) or file.read_bytes()
        kind = pa.list_(pa.string()) if clean.multilabel else pa.string()
        labels = [
            list(tags_of(i.label)) if clean.multilabel and i.label is not None else i.label
            for i in clean.items
        ]
        paths = pa.array([i.path for i in clean.items], pa.string())
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table({"path": paths, "label": pa.array(labels, kind)}), sink)
        return bytes(sink.getvalue())


def _edited(source: Path | bytes, name: str, clean: CleanLabels) -> bytes | None:
    table = ParquetTable(source, name, replace(clean.options, unpack=None))
    found = TableSet.of([TablePart(name, table)], clean.options.separator)
    found.check_unchanged(clean)
    return dict(found.edited(clean))[name]
