"""Label Studio's CSV and TSV: one row for each annotation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from air_core.errors import ExportError, SourceError
from air_core.formats.base import CleanItem, CleanLabels, Listing, ReadOptions
from air_core.formats.csv_text import Cell, Dialect, Record, decode, records, starts_formula
from air_core.formats.json_text import read_label_file
from air_core.formats.label_studio.choices import (
    CONTROL,
    EMPTY,
    FIXED,
    IMAGE,
    pick_address,
    pick_control,
    read_cell,
    write_cell,
)
from air_core.formats.label_studio.config import WithConfig
from air_core.formats.label_studio.image_urls import image_places, local_files_url
from air_core.formats.label_studio.listing import listing_of
from air_core.formats.listed_labels import labels_in, still_listed

_TELLING = ("annotation_id", "annotator", "lead_time")
_HEAD = 1 << 16


class LabelStudioCsv(WithConfig):
    """The ``label-studio-csv`` format. Several choices stand in a cell as JSON."""

    name = "label-studio-csv"
    title = "Label Studio CSV"
    suffix = ".csv"

    def claims(self, source: Path, options: ReadOptions) -> bool:
        """Whether a file that is named has the columns that Label Studio adds."""
        file = options.labels or source
        return not file.is_dir() and _suits(file)

    def read(self, source: Path, options: ReadOptions) -> Listing:
        """List the annotations with their images.

        Raises
        ------
        SourceError
            If the file is not of this kind, or it is not clear which column to take.
        """
        file = options.labels or source
        if file.is_dir():
            raise SourceError(
                f"Expected a file that Label Studio exported as CSV, got the folder {file}.",
                hint="Open the file itself, or name it with --labels.",
            )
        data = read_label_file(file)
        content = _Content(data, file.name, options)
        return listing_of(source, file, data, options, content)

    def compose(self, clean: CleanLabels) -> bytes:
        """The source's own file with changed choices, or a new one.

        In a new one, a choice that a spreadsheet would take for a formula stands as JSON, which
        Label Studio's own readers take as well.

        Raises
        ------
        ExportError
            If a new label cannot be written in the file's encoding.
        """
        if clean.original is not None:
            return _rewrite(clean)
        dialect = Dialect(",")
        rows = [_row(n, item, clean.multilabel) for n, item in enumerate(clean.items, start=1)]
        names = sorted((*(_TELLING), CONTROL, "created_at", "id", IMAGE, "updated_at"))
        cells = [names, *([row.get(name, "") for name in names] for row in rows)]
        lines = (",".join(dialect.write(cell, quoted=True) for cell in row) for row in cells)
        return "".join(f"{line}\r\n" for line in lines).encode()


def _suits(file: Path) -> bool:
    if file.suffix.lower() not in (".csv", ".tsv"):
        return False
    try:
        with file.open("rb") as opened:
            head = opened.read(_HEAD).replace(b"\0", b"")
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror or error}.") from error
    first = next(iter(head.lstrip().splitlines()), b"")
    return all(name.encode() in first for name in _TELLING)


def _row(number: int, item: CleanItem, multilabel: bool) -> Mapping[str, str]:
    labels = labels_in(item.label, multilabel=multilabel)
    row = {
        "id": str(number),
        IMAGE: local_files_url(item.path),
        CONTROL: write_cell(labels, guarded=True),
        "annotation_id": "" if item.label is None else str(number),
    }
    review = item.review
    if review is not None:
        row |= {"created_at": review.decided_at, "updated_at": review.decided_at}
        # A reviewer's name has no form that a spreadsheet would not run and others would read.
        row["annotator"] = "" if starts_formula(review.reviewer) else review.reviewer
    return row


@dataclass(frozen=True, slots=True)
class _Entry:
    """One row."""

    record: Record
    cell: Cell
    places: list[str]
    labels: list[str] | None
    annotated: bool


class _Content:
    """What the rows say, checked."""

    def __init__(self, data: bytes, name: str, options: ReadOptions) -> None:
        self.encoded = decode(data, name)
        self.dialect = Dialect("\t" if "\t" in self.encoded.text.partition("\n")[0] else ",")
        found = (r for r in records(self.encoded.text, self.dialect) if not r.blank)
        header = next(found, None)
        names = [] if header is None else [cell.value for cell in header.cells]
        if not set(_TELLING) <= set(names):
            raise SourceError(
                f"Expected the columns {', '.join(_TELLING)} of Label Studio in {name}, "
                f"got {', '.join(map(repr, names)) or 'none'}.",
                hint="For other tables say --format csv.",
            )
        sound = list(self._sound(found, len(names)))
        free = [n for n in names if n not in FIXED and not n.endswith("_transcript")]
        rows = [
            {n: c.value for n, c in zip(names, r.cells, strict=True) if n in free and c.value}
            for r, flaw in sound
            if flaw is None
        ]
        address_rows = [{n: v for n, v in r.items() if n != options.label_column} for r in rows]
        self.key = pick_address(
            address_rows or [dict.fromkeys(free, "")], options.path_column, name
        )
        others = [n for n in free if n != self.key]
        self.control = pick_control(others, options.label_column, name)
        self.entries: list[_Entry] = []
        self.flaws: list[tuple[str, str]] = []
        columns = [names.index(n) for n in (self.key, self.control, "annotation_id")]
        for record, flaw in sound:
            try:
                if flaw is not None:
                    raise SourceError(flaw)
                address, cell, annotation = (record.cells[n] for n in columns)
                labels = read_cell(cell.value) if cell.value else []
                known = labels if annotation.value or cell.value else None
                places, annotated = image_places(address.value), bool(annotation.value)
                self.entries.append(_Entry(record, cell, places, known, annotated))
            except SourceError as error:
                self.flaws.append((f"row {record.number}", str(error)))

    @staticmethod
    def _sound(found: Iterator[Record], width: int) -> Iterator[tuple[Record, str | None]]:
        """Rows, and why those with other than ``width`` cells cannot be items."""
        for record in found:
            got = len(record.cells)
            flaw = f"Row {record.number} has {got} of {width} cells. Correct it."
            yield record, None if got == width else flaw


def _rewrite(clean: CleanLabels) -> bytes:
    name, data = next(iter(clean.originals.items()))
    content = _Content(data, name, clean.options)
    text, parts, position = content.encoded.text, [], 0
    for entry, _, item, excluded in still_listed(content.entries, clean):
        if excluded:
            parts.append(text[position : entry.record.start])
            position = entry.record.end
        elif item is not None and item.label != item.given_label:
            labels = labels_in(item.label, multilabel=clean.multilabel)
            new = write_cell(labels, guarded=False)
            if item.label is not None and not entry.annotated and not labels:
                # Without an annotation, an empty cell says that nobody has looked.
                new = EMPTY
            written = content.dialect.write(new, quoted=entry.cell.quoted)
            parts += [text[position : entry.cell.start], written]
            position = entry.cell.end
    parts.append(text[position:])
    try:
        return content.encoded.encode("".join(parts))
    except UnicodeEncodeError as error:
        raise ExportError(
            f"A label cannot be written as {content.encoded.encoding.upper()}: {error.object!r}."
        ) from None
