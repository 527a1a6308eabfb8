"""JSON Lines: one object an image, other keys and the way it is written untouched."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any, NamedTuple

from air_core.dataset import tags_of
from air_core.errors import SourceError
from air_core.formats.base import CleanLabels, Listing, ReadOptions
from air_core.formats.columns import KNOWN_NAMES, find_columns, is_named_file, named_file, plain
from air_core.formats.csv_text import decode
from air_core.formats.tables import TablePart, TableSet
from air_core.formats.tag_cells import DECODER, Bare, LabelCell, as_label, listed

_SPACE = re.compile(r"[ \t\r\n]*+")
_LINE = re.compile(r"[^\n]*+\n|[^\n]++\Z")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_SUFFIXES = (".jsonl", ".ndjson")


class Member(NamedTuple):
    """A key and its value, and where they stand in the text."""

    name: str
    value: Any
    name_end: int
    start: int
    end: int


def members(text: str) -> list[Member]:
    """The members of the object that a text holds, in their order, numbers as they are written.

    Raises
    ------
    ValueError
        If the text is no JSON object.
    """
    found: list[Member] = []
    at = _after(text, 0, "{")
    if text[at : at + 1] == "}":
        return _ended(text, at, found)
    while True:
        name, name_end = DECODER.raw_decode(text, at)
        if not isinstance(name, str) or isinstance(name, Bare):
            raise ValueError("a key is no text")
        start = _after(text, name_end, ":")
        value, end = DECODER.raw_decode(text, start)
        found.append(Member(name, value, name_end, start, end))
        at = _skip(text, end)
        if text[at : at + 1] == "}":
            return _ended(text, at, found)
        at = _after(text, at, ",")


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    assert space is not None
    return space.end()


def _after(text: str, at: int, sign: str) -> int:
    at = _skip(text, at)
    if text[at : at + 1] != sign:
        raise ValueError(f"there is no {sign} where one is needed")
    return _skip(text, at + 1)


def _ended(text: str, at: int, found: list[Member]) -> list[Member]:
    if _skip(text, at + 1) != len(text):
        raise ValueError("something follows the object")
    return found


class _Row(NamedTuple):
    """Where a line and its label stand in the text; ``missing`` is what a new label needs first."""

    start: int
    end: int
    label_start: int
    label_end: int
    value: Any
    missing: str


class JsonLinesTable:
    """A JSON Lines file; see :class:`air_core.formats.tables.LabelTable`.

    Raises
    ------
    SourceError
        If the file, its keys or its encoding are not clear.
    """

    class_names: tuple[str, ...] = ()

    def __init__(self, data: bytes, name: str, options: ReadOptions) -> None:
        self._encoded = decode(data, name)
        text = self._encoded.text
        # A file that escapes what is not ASCII goes on doing so.
        self._ascii = text.isascii() and "\\u" in text
        self.paths: list[str] = []
        self.cells: list[LabelCell] = []
        self.rejected: list[tuple[str, str]] = []
        self._rows: list[_Row] = []
        self._bare: set[str] = set()
        self._texts: set[str] = set()
        wanted = {options.path_column, options.label_column}
        names: dict[str, None] = {}
        objects: list[tuple[int, int, int, list[Member]]] = []
        for number, line in enumerate(_LINE.finditer(text), 1):
            if not line[0].strip():
                continue
            try:
                found = members(line[0])
            except (ValueError, RecursionError) as error:
                self.rejected.append((f"line {number}", f"It is no JSON object: {error}."))
                continue
            names |= dict.fromkeys(member.name for member in found)
            # Of each row only what can be of use, since rows may have many keys.
            few = [
                m
                for n, m in enumerate(found)
                if m.name in wanted or plain(m.name) in KNOWN_NAMES or n in (0, len(found) - 1)
            ]
            objects.append((number, line.start(), line.end(), few))
        if not objects:
            raise SourceError(
                f"Expected a JSON object in each line of {name}, got none.",
                hint="Write one object a line, such as "
                '{"path": "a.png", "label": "cat"}; --format names another format.',
            )
        columns = list(names)
        path, label = find_columns(columns, options.path_column, options.label_column, name)
        self.path_column, self.label_column = columns[path], columns[label]
        for number, start, end, found in objects:
            self._add(number, start, end, found)
        self.arrays = any(cell.is_list for cell in self.cells)

    def _add(self, number: int, start: int, end: int, found: list[Member]) -> None:
        path: Any = None
        label: Member | None = None
        for member in found:  # of a key that comes twice, the last counts, as everywhere
            if member.name == self.path_column:
                path = member.value
            elif member.name == self.label_column:
                label = member
        flaw, cell = "", LabelCell(None)
        line = self._encoded.text[start:end]
        if not isinstance(path, str) or isinstance(path, Bare) or not path:
            flaw = f"Line {number} has no text as {self.path_column!r}. Complete it."
        elif label is not None:
            cell, flaw = self._cell(label, line, number)
        if not flaw and not _is_text(path, cell.text):
            flaw = f"Line {number} holds half a character (a lone surrogate). Correct it."
        if flaw:
            shown = path if isinstance(path, str) and path else f"line {number}"
            self.rejected.append((shown.encode("utf-8", "backslashreplace").decode(), flaw))
            return
        self.paths.append(path)
        self.cells.append(cell)
        if label is not None:
            row = _Row(start, end, start + label.start, start + label.end, label.value, "")
        else:
            colon = line[found[0].name_end : found[0].start]
            comma = ", " if colon.endswith(" ") else ","
            missing = f"{comma}{self._dumps(self.label_column)}{colon}"
            row = _Row(start, end, start + found[-1].end, start + found[-1].end, None, missing)
        self._rows.append(row)

    def _cell(self, label: Member, line: str, number: int) -> tuple[LabelCell, str]:
        """The cell of a label and what is wrong with it."""
        if label.value is None:
            return LabelCell(None), ""
        text = line[label.start : label.end]
        if isinstance(label.value, list) and listed(text) is not None:
            return LabelCell(text, is_list=True), ""
        name = as_label(label.value)
        if name is None:
            return LabelCell(None), (
                f"Line {number} has neither a text, a number nor a list of these as "
                f"{self.label_column!r}. Write it as one."
            )
        if isinstance(name, Bare):
            self._bare.add(str(name))
        else:
            self._texts.add(name)
        return LabelCell(str(name) or None), ""

    def edited(self, cells: Mapping[int, LabelCell], dropped: Set[int]) -> bytes:
        """The file with other labels and without some lines; all else stays byte for byte."""
        text, parts, position = self._encoded.text, [], 0
        for number, row in enumerate(self._rows):
            if number in dropped:
                parts.append(text[position : row.start])
                position = row.end
            elif number in cells:
                new = row.missing + self._written(cells[number], row.value)
                parts += [text[position : row.label_start], new]
                position = row.label_end
        parts.append(text[position:])
        return self._encoded.encode("".join(parts))

    def _written(self, cell: LabelCell, before: Any) -> str:
        if cell.text is None:
            return "null"
        if cell.is_list:
            return _NOT_ASCII.sub(_escape, cell.text) if self._ascii else cell.text
        was_bare = isinstance(before, Bare | bool)
        if cell.text in self._bare and (was_bare or cell.text not in self._texts):
            return cell.text
        return self._dumps(cell.text)

    def _dumps(self, text: str) -> str:
        return json.dumps(text, ensure_ascii=self._ascii)


class JsonLines:
    """The ``jsonl`` format. A label that is an array stands for several tags."""

    name = "jsonl"
    title = "JSON Lines (path and label keys)"
    suffix = ".jsonl"

    def claims(self, source: Path, options: ReadOptions) -> bool:
        """Whether the label file of a source ends in ``.jsonl`` or ``.ndjson``."""
        return is_named_file(source, options.labels, _SUFFIXES)

    def read(self, source: Path, options: ReadOptions) -> Listing:
        """List the lines of a label file.

        Raises
        ------
        SourceError
            If the file, its keys or its encoding are not clear.
        """
        file = named_file(source, options.labels, _SUFFIXES)
        data = file.read_bytes()
        table = JsonLinesTable(data, file.name, options)
        found = TableSet.of([TablePart(file.name, table)], options.separator)
        return found.listing(source if source.is_dir() else source.parent, file, data)

    def compose(self, clean: CleanLabels) -> bytes:
        """The cleaned labels: the source's own file with changed labels, or ``path`` and ``label``.

        Tags are an array, "no label" is null.
        """
        for name, data in clean.originals.items():
            table = JsonLinesTable(data, name, clean.options)
            found = TableSet.of([TablePart(name, table)], clean.options.separator)
            edited = dict(found.edited(clean))[name]
            return data if edited is None else edited
        return "".join(f"{line}\n" for line in _lines(clean)).encode()


def _lines(clean: CleanLabels) -> Iterator[str]:
    for item in clean.items:
        label: str | list[str] | None = item.label
        if clean.multilabel and label is not None:
            label = list(tags_of(item.label))
        yield json.dumps({"path": item.path, "label": label}, ensure_ascii=False)


def _escape(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]


def _is_text(path: str, label: str | None) -> bool:
    """Whether names can be stored: JSON can escape half of a character, UTF-8 cannot."""
    # In a list such an escape is still to be decoded.
    tags = listed(label)
    try:
        "".join([path, label or "", *(tags or [])]).encode()
    except UnicodeEncodeError:
        return False
    return True
