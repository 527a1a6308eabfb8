"""A Parquet file with a row an image, read and edited a row group at a time."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from air_core.errors import ExportError, SourceError
from air_core.formats.base import ReadOptions
from air_core.formats.columns import LABEL_NAMES, TAG_NAMES, find_label_column, plain
from air_core.formats.hf_features import class_names_of, features_of
from air_core.formats.parquet_images import ImageNames, holds_images, image_column, is_text
from air_core.formats.tag_cells import LabelCell, listed

_BATCH = 64
_CODECS = {"SNAPPY", "GZIP", "BROTLI", "ZSTD", "LZ4"}

PutImage = Callable[[str, bytes], None]
"""Takes the name and the content of an image that was found inside a file."""


@dataclass(frozen=True, slots=True)
class _Labels:
    """How a column writes its labels: one or a list, by name or by the number of a class."""

    column: str
    type: pa.DataType
    is_list: bool
    class_names: tuple[str, ...]

    @classmethod
    def of(cls, field: pa.Field, feature: Any, file: str) -> _Labels:
        kind = field.type
        is_list = bool(
            pa.types.is_list(kind)
            or pa.types.is_large_list(kind)
            or pa.types.is_fixed_size_list(kind)
        )
        value = kind.value_type if is_list else kind
        known = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_null)
        if not (is_text(value) or any(is_known(value) for is_known in known)):
            raise SourceError(
                f"Expected texts or numbers, or lists of these, in the column {field.name!r} of "
                f"{file}, got {kind}.",
                hint="Choose another with --label-column.",
            )
        names = class_names_of(feature) if pa.types.is_integer(value) else ()
        return cls(field.name, value, is_list, names)

    def cell(self, value: Any) -> LabelCell:
        """A value as a cell; ValueError says what is wrong with it."""
        if value is None or not self.is_list:
            return LabelCell(self._text(value))
        texts = [text for each in value if (text := self._text(each)) is not None]
        return LabelCell(json.dumps(texts, ensure_ascii=False), is_list=True)

    def _text(self, value: Any) -> str | None:
        if value is None or value == "":
            return None
        if isinstance(value, bool):
            return json.dumps(value)
        if isinstance(value, float):
            # Whole numbers with a gap among them become floats in pandas.
            if math.isnan(value):
                return None
            return str(int(value)) if value.is_integer() else repr(value)
        if self.class_names:
            if value == -1:  # "unknown", by the custom of datasets
                return None
            if not 0 <= value < len(self.class_names):
                raise ValueError(f"{value} is none of the {len(self.class_names)} classes.")
            return self.class_names[int(value)]
        return str(value)

    def value(self, cell: LabelCell) -> Any:
        """What to write for a cell; ValueError if the column cannot hold it."""
        if cell.text is None:
            return None
        if self.is_list:
            return [self._number(text) for text in listed(cell.text) or []]
        return self._number(cell.text)

    def _number(self, text: str) -> Any:
        if self.class_names:
            return self.class_names.index(text)
        if pa.types.is_integer(self.type):
            return int(text)
        if pa.types.is_floating(self.type):
            return float(text)
        if pa.types.is_boolean(self.type):
            return {"true": True, "false": False}[text]
        return str(text)


class ParquetTable:
    """A Parquet file; see :class:`air_core.formats.tables.LabelTable`.

    Parameters
    ----------
    source : Path or bytes
        The file.
    name : str
        What to call it in messages.
    options : ReadOptions
        Which columns to read.
    put : callable
        Takes the images that lie inside; ``paths`` are the names that it is called with.

    Attributes
    ----------
    embedded : bool
        Whether the images lie inside the file.

    Raises
    ------
    SourceError
        If it is no Parquet file or its columns are not clear.
    """

    def __init__(
        self, source: Path | bytes, name: str, options: ReadOptions, put: PutImage | None = None
    ) -> None:
        self._source, self._name = source, name
        self.paths: list[str] = []
        self.cells: list[LabelCell] = []
        self.rejected: list[tuple[str, str]] = []
        self._rows: list[int] = []
        with _reading(source, name) as file:
            schema = file.schema_arrow
            image = schema.field(image_column(schema, options.path_column, name))
            self._labels = _label_column(schema, options.label_column, name)
            self.path_column, self.label_column = image.name, self._labels.column
            if self.path_column == self.label_column:
                raise SourceError(
                    f"Expected two columns of {name}, got {image.name!r} for images and labels.",
                    hint="Choose with --path-column and --label-column.",
                )
            self.arrays = self._labels.is_list
            column = file.read(columns=[self.label_column]).column(0)
            self.class_names = self._labels.class_names or _categories(column)
            labels = column.to_pylist()
            self.embedded = holds_images(image.type) and _has_bytes(file, image.name)
            found = _contents(file, image.name) if self.embedded else _paths(file, image.name)
            for row, (value, content) in enumerate(zip(labels, found, strict=True)):
                self._add(row, value, content, put)

    def _add(self, row: int, value: Any, content: Any, put: PutImage | None) -> None:
        where = f"Row {row + 1}"
        try:
            cell = self._labels.cell(value)
        except ValueError as error:
            self.rejected.append((f"row {row + 1}", f"{where}: {error} Correct the label."))
            return
        if isinstance(content, tuple):
            path, data = content
            if put is not None:
                put(path, data)
        elif content is None:
            what = "image" if self.embedded else "path"
            self.rejected.append((f"row {row + 1}", f"{where} has no {what}. Complete it."))
            return
        else:
            path = content
        self.paths.append(path)
        self.cells.append(cell)
        self._rows.append(row)

    def edited(self, cells: Mapping[int, LabelCell], dropped: Set[int]) -> bytes:
        """The file with other labels and without some rows; all else has the same content.

        Raises
        ------
        ExportError
            If a label does not fit the type of the column.
        """
        new: dict[int, Any] = {}
        for number, cell in cells.items():
            try:
                new[self._rows[number]] = self._labels.value(cell)
            except (ValueError, KeyError):
                raise self._misfit(cell.text) from None
        gone = {self._rows[number] for number in dropped}
        sink = pa.BufferOutputStream()
        with (
            _reading(self._source, self._name) as file,
            pq.ParquetWriter(sink, file.schema_arrow, compression=_codec(file)) as writer,
        ):
            first = 0
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                rows = range(first, first + table.num_rows)
                table = self._replaced(table, {r - first: new[r] for r in rows if r in new})
                keep = [row not in gone for row in rows]
                if not all(keep):
                    table = table.filter(pa.array(keep, pa.bool_()))
                if table.num_rows:
                    writer.write_table(table, row_group_size=table.num_rows)
                first = rows.stop
        return bytes(sink.getvalue())

    def _replaced(self, table: pa.Table, new: Mapping[int, Any]) -> pa.Table:
        if not new:
            return table
        index = table.schema.names.index(self.label_column)
        field, column = table.schema.field(index), table.column(index)
        values = column.to_pylist()
        for row, value in new.items():
            values[row] = value
        try:
            if pa.types.is_dictionary(field.type):
                array = _dictionary(column, values, field.type)
            else:
                array = pa.array(values, field.type)
        except (pa.ArrowException, OverflowError) as error:
            raise self._misfit(str(error)) from error
        return table.set_column(index, field, array)

    def _misfit(self, text: str | None) -> ExportError:
        return ExportError(
            f"The column {self.label_column!r} of {self._name} ({self._labels.type}) cannot hold "
            f"the label {text!r}.",
            hint="Export as csv or jsonl.",
        )


@contextmanager
def _reading(source: Path | bytes, name: str) -> Iterator[pq.ParquetFile]:
    try:
        opened = pq.ParquetFile(source if isinstance(source, Path) else pa.BufferReader(source))
    except FileNotFoundError:
        raise SourceError(f"Expected the file {name}, got nothing there.") from None
    except (pa.ArrowException, ValueError, OSError) as error:
        raise _damaged(name, error) from error
    try:
        with opened as file:
            yield file
    except (pa.ArrowException, ValueError) as error:  # names and texts that are no UTF-8, too
        raise _damaged(name, error) from error
    except OSError as error:
        if error.errno is None:  # Arrow's own, for a damaged page; not one of writing an image
            raise _damaged(name, error) from error
        raise


def _damaged(name: str, error: Exception) -> SourceError:
    detail = " ".join(str(error).split())[:120].rstrip(".")
    return SourceError(
        f"Expected a Parquet file, {name} cannot be read as one: {detail}.",
        hint="Copy or download it again.",
    )


def _label_column(schema: pa.Schema, chosen: str | None, name: str) -> _Labels:
    features = features_of(schema)
    if chosen is None and not any(plain(n) in LABEL_NAMES | TAG_NAMES for n in schema.names):
        classed = [n for n in schema.names if class_names_of(features.get(n))]
        chosen = classed[0] if len(classed) == 1 else None
    index = find_label_column(schema.names, chosen, name)
    field = schema.field(index)
    return _Labels.of(field, features.get(field.name), name)


def _has_bytes(file: pq.ParquetFile, column: str) -> bool:
    """Whether any image lies inside; a struct may hold paths only."""
    if not pa.types.is_struct(file.schema_arrow.field(column).type):
        return True
    for batch in file.iter_batches(_BATCH, columns=[column]):
        if any(value and value["bytes"] for value in batch.column(0).to_pylist()):
            return True
    return False


def _contents(file: pq.ParquetFile, column: str) -> Iterator[tuple[str, bytes] | None]:
    """Name and content of the image of each row."""
    names, row = ImageNames(), 0
    for batch in file.iter_batches(_BATCH, columns=[column]):
        for value in batch.column(0).to_pylist():
            path = value.get("path") if isinstance(value, dict) else None
            data = value.get("bytes") if isinstance(value, dict) else value
            path = path if isinstance(path, str) else None
            yield (names.give(row, path, data), data) if data else None
            row += 1


def _paths(file: pq.ParquetFile, column: str) -> Iterator[str | None]:
    for batch in file.iter_batches(columns=[column]):
        for value in batch.column(0).to_pylist():
            path = value.get("path") if isinstance(value, dict) else value
            yield path if isinstance(path, str) and path else None


def _codec(file: pq.ParquetFile) -> str:
    """The compression of the file, as far as one name can say it."""
    if not file.num_row_groups:
        return "snappy"
    codec = str(file.metadata.row_group(0).column(0).compression)
    if codec == "UNCOMPRESSED":
        return "none"
    return codec.lower() if codec in _CODECS else "snappy"


def _categories(column: pa.ChunkedArray) -> tuple[str, ...]:
    """The texts that a column numbers, those of no row too; empty for any other column."""
    if not (pa.types.is_dictionary(column.type) and is_text(column.type)):
        return ()
    chunks = column.unify_dictionaries().chunks
    return tuple(text for text in chunks[0].dictionary.to_pylist() if text) if chunks else ()


def _dictionary(
    column: pa.ChunkedArray, values: Sequence[str | None], kind: pa.DictionaryType
) -> pa.DictionaryArray:
    """Values by a dictionary that goes on from the one there was."""
    known = list(dict.fromkeys([*_categories(column), *(v for v in values if v is not None)]))
    position = {value: n for n, value in enumerate(known)}
    indices = [None if value is None else position[value] for value in values]
    return pa.DictionaryArray.from_arrays(
        pa.array(indices, kind.index_type), pa.array(known, kind.value_type), ordered=kind.ordered
    )
