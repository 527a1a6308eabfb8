"""JSON with the place of every value, so that one can be replaced and all else stays as it was."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence, Set
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from air_core.errors import SourceError
from air_core.formats.csv_text import decode

MAX_BYTES = 1 << 30
"""Larger label files are refused: decoded, they would take ten times as much memory."""

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*+")
_KINDS: dict[type, str] = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "a truth value",
    int: "a number",
    float: "a number",
    type(None): "null",
}

Edit = tuple[int, int, str]
"""First and last position (exclusive) of the text to replace, and what to put there."""


class Node(NamedTuple):
    """A value in the text; ``start`` is where its key begins, if it has one, else ``at``."""

    key: str | None
    start: int
    at: int
    end: int
    value: Any


class JsonText:
    """A JSON document that can be edited in place.

    Parameters
    ----------
    data : bytes
        UTF-8, or UTF-16 or UTF-32 with a byte order mark.
    name : str
        What to call it in messages.

    Raises
    ------
    SourceError
        If it is not JSON, or nested too deeply.

    Examples
    --------
    >>> doc = JsonText(b'{"a": [1,  2]}', "x.json")
    >>> a = doc.child(doc.root, "a")
    >>> doc.edited(doc.rebuilt(a, doc.children(a), gone={0}, added=["3"]))
    b'{"a": [2,  3]}'
    """

    def __init__(self, data: bytes, name: str) -> None:
        self.name = name
        self._encoded = decode(data, name)
        self.text = self._encoded.text
        at = self._skip(0)
        value, end = self._value(at)
        if self._skip(end) != len(self.text):
            raise self._malformed("more text after its end", end)
        self.root = Node(None, at, at, end, value)
        self._separators = (", ", ": ") if '": ' in self.text else (",", ":")

    def children(self, node: Node) -> list[Node]:
        """The elements of a list or the members of an object; none for other values."""
        if not isinstance(node.value, (dict, list)):
            return []
        keyed, found = isinstance(node.value, dict), []
        position = self._skip(node.at + 1)
        while position < node.end - 1:
            start, key = position, None
            if keyed:
                key, position = self._value(position)
                position = self._skip(self._skip(position) + 1)
            value, end = self._value(position)
            found.append(Node(key, start, position, end, value))
            position = self._skip(end)
            if self.text[position] == ",":
                position = self._skip(position + 1)
        return found

    def child(self, node: Node, key: str) -> Node | None:
        """A member of an object; the last where a key occurs twice, as JSON readers have it."""
        return next((c for c in reversed(self.children(node)) if c.key == key), None)

    def write(self, value: object) -> str:
        """A value as text, as the document writes its own: ASCII only, or compact."""
        ascii_only = self.text.isascii()
        return json.dumps(value, ensure_ascii=ascii_only, separators=self._separators)

    def member(self, key: str, value: object) -> str:
        """A key and its value as text, to be added to an object."""
        return self.write({key: value})[1:-1]

    def replaced(self, node: Node, value: object) -> Edit:
        """The edit that puts another value in place of one."""
        return node.at, node.end, self.write(value)

    def rebuilt(
        self, parent: Node, children: Sequence[Node], *, gone: Set[int], added: Sequence[str] = ()
    ) -> list[Edit]:
        """The edits that drop some children of a list or object and add others at its end.

        Parameters
        ----------
        parent : Node
        children : sequence of Node
            All of them, from :meth:`children`.
        gone : set of int
            Which to drop, by position.
        added : sequence of str
            JSON texts; for an object as :meth:`member` gives them.
        """
        kept = [c for n, c in enumerate(children) if n not in gone]
        comma = self._separators[0]
        if not kept:
            if not gone and not added:
                return []
            return [(parent.at + 1, parent.end - 1, comma.join(added))]
        edits: list[Edit] = []
        for n in sorted(gone):
            if children[n].start < kept[0].start:
                edits.append((children[n].start, children[n + 1].start, ""))
            else:
                edits.append((children[n - 1].end, children[n].end, ""))
        if len(children) > 1:
            comma = self.text[children[-2].end : children[-1].start]
        elif "\n" in (lead := self.text[parent.at + 1 : children[0].start]):
            comma = "," + lead
        edits.extend((kept[-1].end, kept[-1].end, comma + new) for new in added)
        return edits

    def edited(self, edits: Iterable[Edit]) -> bytes:
        """The document with edits that do not overlap; those at one place keep their order."""
        parts, position = [], 0
        for start, end, new in sorted(edits, key=lambda e: e[:2]):
            parts += [self.text[position:start], new]
            position = end
        return self._encoded.encode("".join(parts) + self.text[position:])

    def _skip(self, position: int) -> int:
        found = _SPACE.match(self.text, position)
        return position if found is None else found.end()

    def _value(self, at: int) -> tuple[Any, int]:
        try:
            return _DECODER.raw_decode(self.text, at)
        except json.JSONDecodeError as error:
            raise self._malformed(f"'{error.msg}'", error.pos) from None
        except RecursionError:
            raise SourceError(
                f"Expected lists and objects in {self.name} to be nested less than a few hundred "
                "deep, got more.",
                hint="Check that it is the label file.",
            ) from None
        except (ValueError, MemoryError) as error:
            raise SourceError(
                f"{self.name} cannot be read: {error or 'there is not enough memory'}.",
                hint="Check that it is the label file, or split it.",
            ) from None

    def _malformed(self, what: str, position: int) -> SourceError:
        line = self.text.count("\n", 0, position) + 1
        column = position - self.text.rfind("\n", 0, position)
        return SourceError(
            f"Expected {self.name} to be JSON, got {what} in line {line}, column {column}.",
            hint="Export or download it again.",
        )


class Outline(NamedTuple):
    """What a JSON file holds at its top: enough to tell whose it is.

    ``keys`` are those of the object, or of the first object in a list, with the kind of each
    value: ``dict``, ``list``, ``str`` ….
    """

    kind: str
    keys: dict[str, str]


def read_label_file(file: Path) -> bytes:
    """The bytes of a label file.

    Raises
    ------
    SourceError
        If it is no regular file, may not be read or exceeds :data:`MAX_BYTES`.
    """
    if not file.is_file():
        raise SourceError(f"Expected a label file at {file}, got something else.")
    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise SourceError(
                f"Expected a label file of at most {MAX_BYTES >> 20} MiB, "
                f"{file.name} has {size >> 20}.",
                hint="Split it.",
            )
        return file.read_bytes()
    except OSError as error:
        raise SourceError(
            f"{file} cannot be read: {error.strerror or error}.", hint="Check its permissions."
        ) from error


def outline(file: Path) -> Outline:
    """What a JSON file holds at its top.

    Raises
    ------
    SourceError
        If it cannot be read or is not JSON.
    """
    try:
        info = file.stat()
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror or error}.") from error
    return _outline(file, info.st_size, info.st_mtime_ns)


# Every JSON format is asked in turn whether a file is its own; the file is decoded once.
@lru_cache(maxsize=64)
def _outline(file: Path, size: int, mtime_ns: int) -> Outline:
    value = JsonText(read_label_file(file), file.name).root.value
    first = value[0] if isinstance(value, list) and value else value
    keys = first if isinstance(first, dict) else {}
    return Outline(type(value).__name__, {k: type(v).__name__ for k, v in keys.items()})


def expect(value: object, kind: type, what: str) -> Any:
    """The value, if it is of a kind.

    Parameters
    ----------
    value : object
        As decoded.
    kind : type
        ``dict``, ``list``, ``str`` or ``int``.
    what : str
        What it is, for the message.

    Raises
    ------
    SourceError
        If it is of another kind.
    """
    # A truth value is an int to Python, not to JSON.
    if type(value) is not kind:
        raise SourceError(f"Expected {what} to be {_KINDS[kind]}, got {kind_of(value)}.")
    return value


def expect_name(value: object, what: str) -> str:
    """The value, if it is a text that can name a class or a path.

    Raises
    ------
    SourceError
        If it is no text, empty, or holds half a character (a lone surrogate).
    """
    name: str = expect(value, str, what)
    try:
        name.encode()
    except UnicodeEncodeError:
        raise SourceError(f"Expected {what} to be text, got half a character in it.") from None
    if not name:
        raise SourceError(f"Expected {what} to be a name, got an empty text.")
    return name


def kind_of(value: object) -> str:
    """What JSON calls a value, with its article."""
    return _KINDS.get(type(value), type(value).__name__)
