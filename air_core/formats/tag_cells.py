"""One label or several in a cell: which it is, and how to write the cell anew."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from air_core.dataset import parse_tags, tags_of, tags_text
from air_core.errors import SourceError

_USUAL_SEPARATORS = (";", "|", ",")


class LabelCell(NamedTuple):
    """What stands for the label of a row; None where nothing does.

    ``is_list``: the text is a JSON list, by its type or by its looks.
    """

    text: str | None
    is_list: bool = False


class Bare(str):
    """A number or truth value of a JSON text, as it is written there."""

    __slots__ = ()


DECODER = json.JSONDecoder(parse_int=Bare, parse_float=Bare, parse_constant=Bare)
"""Reads JSON and keeps numbers as they are written."""


def as_label(value: Any) -> str | None:
    """A JSON value as a label: text, :class:`Bare` for numbers and truth values, else None."""
    if isinstance(value, bool):
        return Bare(json.dumps(value))
    return value if isinstance(value, str) else None


def listed(text: str | None) -> list[str] | None:
    """The labels in a JSON list of texts or numbers; None for any other text.

    Examples
    --------
    >>> listed('["cat", 7]'), listed("cat;dog")
    (['cat', '7'], None)
    """
    if text is None or not text.strip(" ").startswith("["):
        return None
    try:
        found, end = DECODER.raw_decode(text.strip())
    except (ValueError, RecursionError):
        return None
    labels = [as_label(value) for value in found]
    if end != len(text.strip()) or None in labels:
        return None
    return [label for label in labels if label is not None]


@dataclass(frozen=True, slots=True)
class TagCells:
    """How the tags of a file stand in its cells.

    Parameters
    ----------
    separator : str or None
        What parts them, where it is not a JSON list.
    bare : frozenset of str
        Tags that its JSON lists write as numbers, without quotes.
    """

    separator: str | None
    bare: frozenset[str] = frozenset()

    @classmethod
    def find(cls, cells: Iterable[LabelCell], separator: str | None) -> TagCells | None:
        """How these cells hold tags; None if each holds one label.

        They hold tags if there is a separator to part them or if any is a JSON list.

        Raises
        ------
        SourceError
            For a separator without a character.
        """
        if separator == "":
            raise SourceError(
                "Expected a separator of at least one character, got none.",
                hint="Give the one that parts the tags in a cell, for instance --separator ';'.",
            )
        lists = [listed(cell.text) or [] for cell in cells if cell.is_list]
        if not lists and separator is None:
            return None
        bare = {str(tag) for tags in lists for tag in tags if isinstance(tag, Bare)}
        texts = {tag for tags in lists for tag in tags if not isinstance(tag, Bare)}
        return cls(separator, frozenset(bare - texts))

    def tags(self, cell: LabelCell) -> list[str]:
        """The tags in a cell, in its order; empty ones and repetitions are left out."""
        text = cell.text or ""
        found = listed(text) if cell.is_list or self.separator is not None else None
        if found is None:
            separator = self.separator
            found = [text] if separator is None else parse_tags(text, separator=separator)
        return list(dict.fromkeys(str(tag) for tag in found if tag))

    def label(self, cell: LabelCell) -> str | None:
        """The label of a cell; a cell with nothing in it has none, ``[]`` is "no tag at all"."""
        if cell.text is None or not cell.text.strip():
            return None
        return tags_text(self.tags(cell))

    def write(self, label: str | None, before: LabelCell, *, arrays: bool = False) -> LabelCell:
        """The cell that stands for a label, as near to what stood there before as can be.

        ``arrays`` says that the file has lists by type, which a text cannot stand for.
        """
        if label is None:
            return LabelCell(None)
        wanted = tags_of(label)
        kept = [tag for tag in self.tags(before) if tag in wanted]
        tags = [*kept, *(tag for tag in wanted if tag not in kept)]
        # In a file of parted texts, [] is but the way to write "no tag".
        as_list = before.is_list and (arrays or self.separator is None or bool(self.tags(before)))
        plain = LabelCell(self._joined(tags, before.text or ""))
        if not as_list and not (arrays and not before.text) and self.label(plain) == label:
            return plain
        return LabelCell(self._list(tags, before.text or ""), is_list=True)

    def _joined(self, tags: list[str], before: str) -> str:
        if self.separator is None:
            # Without a separator a text is one tag; anything else has to be a list.
            return tags[0] if len(tags) == 1 and listed(tags[0]) is None and before else ""
        joint = self.separator + " " if f"{self.separator} " in before else self.separator
        return joint.join(tags)

    def _list(self, tags: list[str], before: str) -> str:
        joint = "," if re.search(r",(?! )", before) and ", " not in before else ", "
        quoted = (tag if tag in self.bare else json.dumps(tag, ensure_ascii=False) for tag in tags)
        return f"[{joint.join(quoted)}]"


def separator_notes(labels: Iterable[str | None], separator: str | None) -> tuple[str, ...]:
    """What may surprise in how the labels of a file were taken; ``labels`` as in the cells."""
    known = {label for label in labels if label}
    if separator is not None:
        if known and not any(separator in x or listed(x) is not None for x in known):
            return (f"No label holds the separator {separator!r}: no image has several tags.",)
        return ()
    for usual in _USUAL_SEPARATORS:
        parted = [{part.strip() for part in x.split(usual)} for x in known if usual in x]
        counts = Counter(part for parts in parted for part in parts)
        # A lone "Boots, leather" is a name; parts that come back in other labels are tags.
        if any(count > 1 or part in known for part, count in counts.items()):
            return (
                f"{len(parted)} labels hold {usual!r} and are taken as one label each. If it "
                f"parts several labels of an image, open with --separator {usual!r} and a new "
                f"workspace.",
            )
    return ()
