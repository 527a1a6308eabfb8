"""CSV and TSV: one row an image, columns for the path and the label, any others untouched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from air_core.errors import ExportError, SourceError
from air_core.formats.base import CleanLabels, Listing, ReadOptions
from air_core.formats.columns import (
    KNOWN_NAMES,
    find_columns,
    is_named_file,
    named_file,
    plain,
)
from air_core.formats.csv_text import (
    APOSTROPHES,
    DELIMITERS,
    Cell,
    Dialect,
    Encoded,
    Record,
    decode,
    records,
    starts_formula,
    table_text,
)
from air_core.formats.tables import TablePart, TableSet
from air_core.formats.tag_cells import Bare, LabelCell, TagCells, listed


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the path and the label stand in each row."""

    names: tuple[str, ...]
    path: int
    label: int
    marks: int | None

    def flaw(self, record: Record) -> str | None:
        """Why a row cannot be an item, if it cannot."""
        wanted, got = len(self.names), len(record.cells)
        if got <= max(self.path, self.label):
            return f"Row {record.number} has {got} of {wanted} cells. Complete it."
        if any(cell.value for cell in record.cells[wanted:]):
            return (
                f"Row {record.number} has {got} cells for {wanted} columns. "
                f"Put quotes round a name that holds the delimiter."
            )
        if not record.cells[self.path].value:
            return f"Row {record.number} has no path. Complete it."
        return None

    def marked(self, record: Record) -> list[str]:
        """Columns of a row whose text got an apostrophe when we composed it."""
        if self.marks is None or len(record.cells) <= self.marks:
            return []
        return [name for name in record.cells[self.marks].value.split(";") if name]

    def value(self, record: Record, column: int) -> str:
        """A cell without an apostrophe that we put there."""
        text = record.cells[column].value
        return text[1:] if text[:1] == "'" and self.names[column] in self.marked(record) else text


class _Row(NamedTuple):
    """Where a row and what can change in it stand in the text."""

    start: int
    end: int
    label: Cell
    mark: Cell | None


class DelimitedTable:
    """A CSV or TSV file; see :class:`air_core.formats.tables.LabelTable`.

    Raises
    ------
    SourceError
        If the file, its columns or its encoding are not clear.
    """

    class_names: tuple[str, ...] = ()
    arrays = False

    def __init__(self, data: bytes, name: str, options: ReadOptions) -> None:
        self._encoded, self._dialect, self._layout, rows = _open(data, name, options)
        layout = self._layout
        self.path_column = layout.names[layout.path]
        self.label_column = layout.names[layout.label]
        self.paths: list[str] = []
        self.cells: list[LabelCell] = []
        self.rejected: list[tuple[str, str]] = []
        self._rows: list[_Row] = []
        for record in rows:
            flaw = layout.flaw(record)
            if flaw is not None:
                shown = record.cells[layout.path].value if layout.path < len(record.cells) else ""
                self.rejected.append((shown or f"row {record.number}", flaw))
                continue
            self.paths.append(layout.value(record, layout.path))
            self.cells.append(self._label(record))
            marks = layout.marks
            mark = None if marks is None or len(record.cells) <= marks else record.cells[marks]
            self._rows.append(_Row(record.start, record.end, record.cells[layout.label], mark))
        if not _hold_lists(self.cells):
            self.cells = [LabelCell(cell.text) for cell in self.cells]

    def _label(self, record: Record) -> LabelCell:
        written = record.cells[self._layout.label].value
        text = self._layout.value(record, self._layout.label)
        return LabelCell(text or None, is_list=text == written and listed(text) is not None)

    def edited(self, cells: Mapping[int, LabelCell], dropped: Set[int]) -> bytes:
        """The file with other label cells and without some rows; all else stays byte for byte.

        Raises
        ------
        ExportError
            If a label cannot be written in the file's encoding.
        """
        text, parts, position = self._encoded.text, [], 0
        for number, row in enumerate(self._rows):
            if number in dropped:
                parts.append(text[position : row.start])
                position = row.end
            elif number in cells:
                for start, end, new in sorted(self._replacements(row, cells[number])):
                    parts += [text[position:start], new]
                    position = end
        parts.append(text[position:])
        try:
            return self._encoded.encode("".join(parts))
        except UnicodeEncodeError as error:
            raise ExportError(
                f"A label cannot be written as {self._encoded.encoding.upper()}: {error.object!r}."
            ) from None

    def _replacements(self, row: _Row, cell: LabelCell) -> Iterator[tuple[int, int, str]]:
        """Spans of the text to replace for a new label, in a file of ours its mark as well."""
        label = cell.text or ""
        if row.mark is not None:
            before = [name for name in row.mark.value.split(";") if name]
            after = [name for name in before if name != self.label_column]
            if _needs_apostrophe(label) and not cell.is_list:
                label, after = f"'{label}", [*after, self.label_column]
            if after != before:
                new = self._dialect.write(";".join(after), quoted=row.mark.quoted)
                yield row.mark.start, row.mark.end, new
        yield row.label.start, row.label.end, self._dialect.write(label, quoted=row.label.quoted)


class DelimitedText:
    """The ``csv`` and ``tsv`` formats.

    The delimiter of an existing file is found in its first line, whatever its name ends in;
    ``delimiter`` is for files composed anew. Cells hold tags if a separator is named, if any is a
    JSON list of texts, or if all are JSON lists; an empty cell is then unlabelled, ``[]`` has no
    tag.
    """

    def __init__(self, name: str, title: str, suffix: str, delimiter: str) -> None:
        self.name = name
        self.title = title
        self.suffix = suffix
        self.delimiter = delimiter

    def claims(self, source: Path, options: ReadOptions) -> bool:
        """Whether the label file of a source ends in ``.csv`` or ``.tsv``."""
        return is_named_file(source, options.labels, (self.suffix,))

    def read(self, source: Path, options: ReadOptions) -> Listing:
        """List the rows of a label file.

        Raises
        ------
        SourceError
            If the file, its columns or its encoding are not clear.
        """
        file = named_file(source, options.labels, (self.suffix, ".csv", ".tsv"))
        data = file.read_bytes()
        table = DelimitedTable(data, file.name, options)
        found = TableSet.of([TablePart(file.name, table)], options.separator)
        return found.listing(source if source.is_dir() else source.parent, file, data)

    def compose(self, clean: CleanLabels) -> bytes:
        """The cleaned labels: the source's own file with changed cells, or ``path,label``.

        Raises
        ------
        ExportError
            If a label cannot be written.
        """
        for name, data in clean.originals.items():
            table = DelimitedTable(data, name, clean.options)
            found = TableSet.of([TablePart(name, table)], clean.options.separator)
            edited = dict(found.edited(clean))[name]
            return data if edited is None else edited
        tags = TagCells(clean.options.separator) if clean.multilabel else None
        empty = LabelCell(None)
        rows = (
            (i.path, (i.label if tags is None else tags.write(i.label, empty).text) or "")
            for i in clean.items
        )
        guard = starts_formula if clean.multilabel else _needs_apostrophe
        return table_text(("path", "label"), rows, self.delimiter, guard=guard).encode()


def _hold_lists(cells: Sequence[LabelCell]) -> bool:
    """Whether cells that look like JSON lists are meant so; a class may be called ``[1]``."""
    found = [listed(cell.text) or [] for cell in cells if cell.is_list]
    if any(not isinstance(tag, Bare) for tags in found for tag in tags):
        return True
    return all(cell.is_list for cell in cells if cell.text)


def _needs_apostrophe(text: str) -> bool:
    """Whether a plain text would be taken for a formula or for a list of tags."""
    return starts_formula(text) or listed(text) is not None


def _open(
    data: bytes, name: str, options: ReadOptions
) -> tuple[Encoded, Dialect, _Layout, Iterator[Record]]:
    encoded = decode(data, name)
    dialect, header = _sniff(encoded.text, name, options)
    names = tuple(cell.value for cell in header.cells)
    path, label = find_columns(names, options.path_column, options.label_column, name)
    marks = names.index(APOSTROPHES) if APOSTROPHES in names else None
    rows = (r for r in records(encoded.text, dialect) if r.number > header.number and not r.blank)
    return encoded, dialect, _Layout(names, path, label, marks), rows


def _sniff(text: str, name: str, options: ReadOptions) -> tuple[Dialect, Record]:
    """The delimiter under which the first row has the most columns that we know."""
    candidates = []
    for rank, delimiter in enumerate(DELIMITERS):
        dialect = Dialect(delimiter)
        header = next((r for r in records(text, dialect) if not r.blank), None)
        if header is None:
            raise SourceError(f"Expected a first row with column names in {name}, got no rows.")
        rest = header.cells[1:]
        if rest and all(cell.value.startswith(" ") for cell in rest):
            dialect = Dialect(delimiter, skip_space=True)
            header = next(r for r in records(text, dialect) if not r.blank)
        wanted = {options.path_column, options.label_column}
        known = sum(
            cell.value in wanted or plain(cell.value) in KNOWN_NAMES for cell in header.cells
        )
        candidates.append((known, len(header.cells), -rank, dialect, header))
    *_, dialect, header = max(candidates, key=lambda c: c[:3])
    return dialect, header
