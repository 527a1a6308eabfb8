"""XML with the place of every element, so that one can be changed and all else stays as it was."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from air_core.errors import ExportError, SourceError
from air_core.formats.csv_text import decode

_DECLARED = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([^"']*)["']""")
_NAMES = {"UTF-8", "UTF8", "UTF-16", "UTF-16LE", "UTF-16BE", "US-ASCII", "ASCII"}
_START = re.compile(
    rb"""<[^\s/>]++(?P<attributes>(?:\s++[^\s=/>]++\s*+=\s*+(?:"[^"]*+"|'[^']*+'))*+)"""
    rb"""\s*+(?P<empty>/?)>"""
)
_ATTRIBUTE = re.compile(rb"""([^\s=]++)\s*+=\s*+("[^"]*+"|'[^']*+')""")
_UNFIT = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WHITE = b" \t\r\n"

Edit = tuple[int, int, str]
"""First and last byte (exclusive) to replace, and what to put there."""


@dataclass(slots=True)
class Element:
    """An element and the bytes it spans, from its ``<`` to behind its last ``>``.

    ``inner_end`` is where its end tag begins; for an element without one, where it ends.
    """

    tag: str
    attributes: dict[str, str]
    start: int
    inner_end: int = 0
    end: int = 0
    texts: list[str] = field(default_factory=list)
    children: list[Element] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text before the first child."""
        return "".join(self.texts)

    def all(self, tag: str) -> list[Element]:
        """The children of that tag."""
        return [child for child in self.children if child.tag == tag]


class XmlText:
    """An XML document that can be edited in place.

    A document type is refused: with it come entities, which can grow without end or name other
    files, and no annotation needs them.

    Parameters
    ----------
    data : bytes
        UTF-8, or UTF-16 with a byte order mark.
    name : str
        What to call it in messages.

    Raises
    ------
    SourceError
        If it is not well-formed, in another encoding, or has a document type.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self.name = name
        declared = _DECLARED.match(data.lstrip(b"\xef\xbb\xbf"))
        if declared and (got := declared[1].decode("latin-1").upper()) not in _NAMES:
            raise SourceError(
                f"Expected {name} to be in UTF-8, it says {got}.", hint="Save it as UTF-8."
            )
        self._encoded = decode(data, name)
        self._bytes = self._encoded.text.encode()
        self._open = [Element("", {}, 0)]
        self._parse()
        self.root = self._open[0].children[0]
        first = next(iter(self.root.children), self.root)
        self._indented = self._bytes[first.start - 1 : first.start] in (b" ", b"\n", b"\t")

    def relabelled(self, element: Element, attribute: str, value: str) -> Edit:
        """The edit that gives an attribute another value."""
        head = _START.match(self._bytes, element.start)
        # The parser has found the element there.
        assert head is not None
        for found in _ATTRIBUTE.finditer(self._bytes, *head.span("attributes")):
            if found[1].decode() == attribute:
                return *found.span(2), quoted(value)
        return head.start("attributes"), head.start("attributes"), f" {attribute}={quoted(value)}"

    def dropped(self, element: Element) -> Edit:
        """The edit that drops an element with the white space before it."""
        start = element.start
        while start > 0 and self._bytes[start - 1] in _WHITE:
            start -= 1
        return start, element.end, ""

    def added(self, parent: Element, texts: Iterable[str], *, depth: int) -> list[Edit]:
        """The edits that put more elements at the end of one, each on its own line.

        Parameters
        ----------
        parent : Element
        texts : iterable of str
            The elements as XML.
        depth : int
            How deep they lie, to indent them where the document is indented.
        """
        step = "\n" + "  " * depth if self._indented else ""
        new = "".join(step + text for text in texts)
        if not new:
            return []
        if parent.inner_end == parent.end:
            close = f"{step[:-2]}</{parent.tag}>"
            return [(self._bytes.rindex(b"/", 0, parent.end), parent.end, f">{new}{close}")]
        at = parent.inner_end
        while self._bytes[at - 1] in _WHITE:
            at -= 1
        return [(at, at, new)]

    def edited(self, edits: Iterable[Edit]) -> bytes:
        """The document with edits that do not overlap."""
        parts, position = [], 0
        for start, end, new in sorted(edits, key=lambda e: e[:2]):
            parts += [self._bytes[position:start], new.encode()]
            position = end
        parts.append(self._bytes[position:])
        return self._encoded.encode(b"".join(parts).decode())

    def _parse(self) -> None:
        # The encoding is known by now, whatever the first line says of the bytes as they were.
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartElementHandler = lambda tag, attributes: self._enter(
            tag, attributes, parser.CurrentByteIndex
        )
        parser.EndElementHandler = lambda tag: self._leave(parser.CurrentByteIndex)
        parser.CharacterDataHandler = self._say
        parser.StartDoctypeDeclHandler = self._refuse
        try:
            parser.Parse(self._bytes, True)
        except expat.ExpatError as error:
            raise SourceError(
                f"Expected {self.name} to be XML, got '{expat.ErrorString(error.code)}' in line "
                f"{error.lineno}, column {error.offset + 1}.",
                hint="Export or download it again.",
            ) from None

    def _enter(self, tag: str, attributes: dict[str, str], start: int) -> None:
        head = _START.match(self._bytes, start)
        # The parser has accepted the tag.
        assert head is not None
        element = Element(tag, attributes, start)
        if head["empty"]:
            element.end = element.inner_end = head.end()
        self._open[-1].children.append(element)
        self._open.append(element)

    def _leave(self, at: int) -> None:
        element = self._open.pop()
        if not element.end:
            element.inner_end = at
            element.end = self._bytes.index(b">", at) + 1

    def _say(self, text: str) -> None:
        # Names stand in elements that hold nothing else; the rest is white space.
        if not self._open[-1].children:
            self._open[-1].texts.append(text)

    def _refuse(self, *_: object) -> None:
        raise SourceError(
            f"Expected no document type in {self.name}, got a DOCTYPE.",
            hint="Take that line out, if you trust the file.",
        )


def quoted(value: str) -> str:
    """A text as the value of an attribute, with its quotes.

    Raises
    ------
    ExportError
        For a character that XML cannot hold.
    """
    return quoteattr(_fit(value))


def escaped(value: str) -> str:
    """A text as the content of an element.

    Raises
    ------
    ExportError
        For a character that XML cannot hold.
    """
    return escape(_fit(value), {"\r": "&#13;"})


def _fit(value: str) -> str:
    if (found := _UNFIT.search(value)) is not None:
        raise ExportError(
            f"XML cannot hold the character {found[0]!r} of {value!r}.",
            hint="Rename it, or export to another format.",
        )
    return value
