"""Delimited text, cut into records and cells without losing a byte of it.

The csv module forgets quotes, line ends and byte order marks. Here every cell is a span of the
original text, so that one cell can be replaced and all else stays as its owner wrote it.

Tables that we compose for people are another matter: a spreadsheet runs a cell that starts like
a formula. :func:`table_text` puts an apostrophe before such text and says so in a column of its
own, so that a label that really starts with an apostrophe is never taken for one of ours.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from air_core.errors import ExportError, SourceError

DELIMITERS = (",", ";", "\t", "|")
APOSTROPHES = "apostrophe_added"
"""Column of a composed table that names the cells of its row that got an apostrophe."""

# What OWASP lists under CSV injection; the last four are the full-width forms.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

# Leading zeros go, exponents become 1.2E+12, and the sixteenth digit becomes a zero.
_NUMBER_REWRITTEN = re.compile(r"0[0-9]+|[0-9]+(\.[0-9]+)?[eE][+-]?[0-9]+|[0-9]{12,}")

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class Encoded:
    """Text with what is needed to turn it back into the same bytes."""

    text: str
    encoding: str
    mark: bytes

    def encode(self, text: str) -> bytes:
        """Bytes of ``text`` in the same encoding, with the same byte order mark."""
        return self.mark + text.encode(self.encoding)


def decode(data: bytes, name: str) -> Encoded:
    """Decode by byte order mark; UTF-8 without one.

    Raises
    ------
    SourceError
        If the bytes are not valid in that encoding. Guessing another would turn names into
        other names without anyone noticing.
    """
    mark, encoding = next(((m, e) for m, e in _MARKS if data.startswith(m)), (b"", "utf-8"))
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: len(mark) + error.start].count(b"\n") + 1
        raise SourceError(
            f"Expected {name} to be {encoding.upper()} text, got the byte "
            f"0x{error.object[error.start]:02x} near line {line}.",
            hint="Save it as UTF-8 and open it again.",
        ) from None
    if "\0" in text:
        raise SourceError(
            f"Expected {name} to be text, got NUL characters.",
            hint="Save it as UTF-8 (UTF-16 needs a byte order mark) and open it again.",
        )
    return Encoded(text, encoding, mark)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How cells are set apart: the delimiter, and whether a space follows it."""

    delimiter: str
    skip_space: bool = False

    def pattern(self) -> re.Pattern[str]:
        """One cell and what ends it; possessive, so that no input makes it slow."""
        d = re.escape(self.delimiter)
        space = "[ ]*+" if self.skip_space else ""
        return re.compile(
            rf'{space}(?:(?:(?P<quoted>"(?:[^"]|"")*+")(?P<after>[^{d}\r\n]*+)'
            rf'|(?P<plain>(?!")[^{d}\r\n]*+))(?P<end>{d}|\r\n|\n|\r|\Z)|(?P<open>"))'
        )

    def write(self, value: str, *, quoted: bool) -> str:
        """A cell that reads back as ``value``; quoted where it was before or has to be."""
        special = {self.delimiter, '"', "\r", "\n"}
        if quoted or special & set(value) or (self.skip_space and value.startswith(" ")):
            return '"' + value.replace('"', '""') + '"'
        return value


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a cell stands in the text, and what it says."""

    start: int
    end: int
    value: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Record:
    """One row: its span with the line end, and its cells."""

    number: int
    start: int
    end: int
    cells: tuple[Cell, ...]

    @property
    def blank(self) -> bool:
        """Whether the row is an empty line."""
        return len(self.cells) == 1 and self.cells[0].start == self.cells[0].end


def records(text: str, dialect: Dialect) -> Iterator[Record]:
    """Cut text into records, numbered from 1 as a spreadsheet shows them.

    Raises
    ------
    SourceError
        At a quoted cell that never ends.
    """
    match = dialect.pattern().match
    position, number = 0, 0
    while position < len(text):
        number, start, cells = number + 1, position, []
        while True:
            found = match(text, position)
            # The pattern matches anywhere: its cell may be empty and its end the end of text.
            assert found is not None
            if found["open"]:
                line = text.count("\n", 0, position) + 1
                raise SourceError(
                    f"Expected a closing quote for the cell that opens in line {line}.",
                    hint='Close it, or write a quote that belongs to the cell as "".',
                )
            quoted = found["quoted"]
            if quoted is None:
                first, last = found.span("plain")
                cells.append(Cell(first, last, found["plain"], False))
            else:
                value = quoted[1:-1].replace('""', '"') + found["after"]
                cells.append(Cell(found.start("quoted"), found.end("after"), value, True))
            position = found.end()
            if found["end"] != dialect.delimiter:
                break
        yield Record(number, start, position, tuple(cells))


def starts_formula(value: str) -> bool:
    """Whether a spreadsheet may take a cell for a formula and run it.

    Examples
    --------
    >>> starts_formula("=1+1"), starts_formula("'=1+1"), starts_formula("1-1")
    (True, False, False)
    """
    return value.startswith(_FORMULA_STARTS)


def is_rewritten(value: str) -> bool:
    """Whether a spreadsheet changes a cell when the file is opened and saved: run, or as a number.

    Examples
    --------
    >>> [is_rewritten(text) for text in ("007", "12e45678", "1234567890123456", "=1+1")]
    [True, True, True, True]
    >>> is_rewritten("7") or is_rewritten("0.png") or is_rewritten("0a1f")
    False
    """
    return starts_formula(value) or _NUMBER_REWRITTEN.fullmatch(value) is not None


def table_text(
    names: Sequence[str],
    rows: Iterable[Sequence[str]],
    delimiter: str = ",",
    *,
    guard: Callable[[str], bool] = starts_formula,
) -> str:
    """A table for people to open in a spreadsheet, which our reader takes back unchanged.

    Parameters
    ----------
    names : sequence of str
        Column names.
    rows : iterable of sequence of str
        Cells; those for which ``guard`` holds get an apostrophe in front. Only if there are any,
        a column :data:`APOSTROPHES` follows the others and names them, parted by ``;``.
    delimiter : str
        What parts the cells.
    guard : callable
        Which cells need an apostrophe.

    Raises
    ------
    ExportError
        If a cell holds a NUL character, which no delimited text can.

    Examples
    --------
    >>> print(table_text(["path", "label"], [["a.png", "=1+1"], ["b.png", "cat"]]), end="")
    path,label,apostrophe_added
    a.png,'=1+1,label
    b.png,cat,
    """
    table, marks = [], []
    for row in rows:
        guarded = [guard(cell) for cell in row]
        marks.append(";".join(n for n, g in zip(names, guarded, strict=True) if g))
        table.append([f"'{c}" if g else c for c, g in zip(row, guarded, strict=True)])
    header = list(names)
    if any(marks):
        header.append(APOSTROPHES)
        table = [[*row, mark] for row, mark in zip(table, marks, strict=True)]
    dialect = Dialect(delimiter)
    lines = (
        delimiter.join(dialect.write(cell, quoted=False) for cell in row)
        for row in [header, *table]
    )
    text = "".join(f"{line}\n" for line in lines)
    if "\0" in text:
        raise ExportError(
            "A label or path holds a NUL character, which delimited text cannot hold.",
            hint="Export as jsonl.",
        )
    return text
