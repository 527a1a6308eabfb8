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

_SPACES = (" ", "\t", "\r", "\n")
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
    while text[at : at + 1] in _SPACES:
        at += 1
    return at


def _after(text: str, at: int, sign: str) -> int:
    at = _skip(text, at)
    if text[at : at + 1] != sign:
        raise ValueError(f"there is no {sign} where one is needed")
    return _skip(text, at + 1)


def _ended(text: str, at: int, found: list[Member]) -> list[Member]:
    if _skip(text, at + 1) != len(text):
        raise ValueError("something follows the object")
    return found


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
        self._lines: list[tuple[int, int]] = []
        self._bare: set[str] = set()
        self._texts: set[str] = set()
        objects: list[tuple[int, int, int, dict[str, Any]]] = []
        of_use: dict[str, bool] = {}
        chosen = {options.path_column, options.label_column}
        for number, line in enumerate(_LINE.finditer(text), 1):
            if not line[0].strip():
                continue
            try:
                found = DECODER.decode(line[0])
            except (ValueError, RecursionError) as error:
                self.rejected.append((f"line {number}", f"It is no JSON object: {error}."))
                continue
            if not isinstance(found, dict):
                self.rejected.append((f"line {number}", "It is no JSON object but another value."))
                continue
            for key in found:
                if key not in of_use:
                    of_use[key] = key in chosen or plain(key) in KNOWN_NAMES
            # Of each row only what can be of use, since rows may have many keys.
            few = {key: value for key, value in found.items() if of_use[key]}
            objects.append((number, line.start(), line.end(), few))
        if not objects:
            raise SourceError(
                f"Expected a JSON object in each line of {name}, got none.",
                hint="Write one object a line, such as "
                '{"path": "a.png", "label": "cat"}; --format names another format.',
            )
        columns = list(of_use)
        path, label = find_columns(columns, options.path_column, options.label_column, name)
        self.path_column, self.label_column = columns[path], columns[label]
        for number, start, end, few in objects:
            self._add(number, start, end, few)
        self.arrays = any(cell.is_list for cell in self.cells)

    def _add(self, number: int, start: int, end: int, found: dict[str, Any]) -> None:
        path: Any = found.get(self.path_column)
        cell, flaw = LabelCell(None), ""
        if not isinstance(path, str) or isinstance(path, Bare) or not path:
            flaw = f"Line {number} has no text as {self.path_column!r}. Complete it."
        else:
            cell, flaw = self._cell(found.get(self.label_column), start, end, number)
        if not flaw and not _is_text(path, cell.text):
            flaw = f"Line {number} holds half a character (a lone surrogate). Correct it."
        if flaw:
            shown = path if isinstance(path, str) and path else f"line {number}"
            self.rejected.append((shown.encode("utf-8", "backslashreplace").decode(), flaw))
            return
        self.paths.append(str(path))
        self.cells.append(cell)
        self._lines.append((start, end))

    def _cell(self, value: Any, start: int, end: int, number: int) -> tuple[LabelCell, str]:
        """The cell of a label and what is wrong with it."""
        if value is None:
            return LabelCell(None), ""
        if isinstance(value, list):
            line = self._encoded.text[start:end]
            label = self._label(members(line))
            text = None if label is None else line[label.start : label.end]
            if listed(text) is not None:
                return LabelCell(text, is_list=True), ""
        name = as_label(value)
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

    def _label(self, found: list[Member]) -> Member | None:
        """The member that holds the label; of a key that comes twice, the last counts."""
        return next((m for m in reversed(found) if m.name == self.label_column), None)

    def edited(self, cells: Mapping[int, LabelCell], dropped: Set[int]) -> bytes:
        """The file with other labels and without some lines; all else stays byte for byte."""
        text, parts, position = self._encoded.text, [], 0
        for number, (start, end) in enumerate(self._lines):
            if number in dropped:
                parts.append(text[position:start])
                position = end
            elif number in cells:
                first, last, new = self._replacement(text[start:end], cells[number])
                parts += [text[position : start + first], new]
                position = start + last
        parts.append(text[position:])
        return self._encoded.encode("".join(parts))

    def _replacement(self, line: str, cell: LabelCell) -> tuple[int, int, str]:
        """Span of a line to replace for a new label."""
        found = members(line)
        label = self._label(found)
        if label is not None:
            return label.start, label.end, self._written(cell, label.value)
        colon = line[found[0].name_end : found[0].start]
        comma = ", " if colon.endswith(" ") else ","
        key = f"{comma}{self._dumps(self.label_column)}{colon}"
        return found[-1].end, found[-1].end, key + self._written(cell, None)

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
    names = [path, label or "", *(listed(label) or [])]
    try:
        "".join(names).encode()
    except UnicodeEncodeError:
        return False
    return True
