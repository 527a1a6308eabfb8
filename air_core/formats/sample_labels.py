"""Where the label of a tar sample stands, what it says, and how to write another."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from air_core.errors import SourceError
from air_core.formats.class_list import class_name
from air_core.formats.json_text import JsonText, expect_name
from air_core.formats.shards import Sample, Splice, add_member, replace_member

CLS = "cls"
"""The member that holds a class number or name and nothing else."""

_KEYS = ("label", "labels", "class", "class_name", "category", "target", "tags")
_NUMBER = re.compile(r"-?[0-9]{1,18}")
_CONTENT = re.compile(rb"\S(?:.*\S)?", re.DOTALL)


@dataclass(slots=True)
class LabelPlace:
    """The ``.cls`` member, or the value of ``key`` in the ``.json`` member.

    ``names`` are the class names by number, if there is a list; ``numeric`` says that a label
    that was not there before is written as a number.
    """

    key: str
    names: Sequence[str]
    numeric: bool = False

    @property
    def extension(self) -> str:
        """Of the member that holds the label."""
        return CLS if self.key == CLS else "json"

    def value_of(self, sample: Sample) -> object:
        """The label of a sample as it is written: text, number, a list of them, or None.

        Raises
        ------
        SourceError
            If it is something else, or a number without a class.
        """
        data = sample.data.get(self.extension)
        if data is None:
            return None
        name = sample.members[self.extension].info.name
        if self.key == CLS:
            value = _cls(data, name)
        else:
            content = JsonText(data, name).root.value
            value = content.get(self.key) if isinstance(content, dict) else None
        self.names_of(value)
        return value

    def names_of(self, value: object) -> list[str] | None:
        """Class names of a label as it is written; None for no label."""
        if value is None:
            return None
        values = value if isinstance(value, list) else [value]
        return [self._name(each) for each in values]

    def relabel(
        self, sample: Sample, labels: Sequence[str] | None, *, multilabel: bool
    ) -> list[Splice]:
        """What changes in a shard when a sample gets other labels."""
        member = sample.members.get(self.extension)
        data = sample.data.get(self.extension, b"")
        if self.key == CLS:
            if labels is None:
                return [] if member is None else [Splice(*member.span)]
            number = str(self._written(labels[0], self.numeric)).encode()
            if member is None:
                return [add_member(sample, CLS, number)]
            found = _CONTENT.search(data)
            start, end = found.span() if found else (0, 0)
            return [replace_member(member, data[:start] + number + data[end:])]
        if member is None:
            value = self._json_value(None, labels, multilabel)
            text = json.dumps({self.key: value}, ensure_ascii=False)
            return [add_member(sample, "json", text.encode())]
        doc = JsonText(data, member.info.name)
        node = doc.child(doc.root, self.key)
        old = None if node is None else node.value
        value = self._json_value(old, labels, multilabel)
        if node is not None:
            edits = [doc.replaced(node, value)]
        else:
            added = [doc.member(self.key, value)]
            edits = doc.rebuilt(doc.root, doc.children(doc.root), gone=set(), added=added)
        return [replace_member(member, doc.edited(edits))]

    def _json_value(self, old: object, labels: Sequence[str] | None, multilabel: bool) -> object:
        """Labels in the shape and the kind of value that stood there before."""
        if labels is None:
            return None
        listed = old if isinstance(old, list) else [] if old is None else [old]
        numeric = all(isinstance(v, int) for v in listed) if listed else self.numeric
        new = [self._written(label, numeric) for label in labels]
        scalar = not multilabel or (old is not None and not isinstance(old, list))
        if scalar and len(new) == 1:
            return new[0]
        if not isinstance(old, list):
            return new
        # Those that stay keep their order.
        kept = [v for v in old if v in new]
        return [*kept, *(v for v in new if v not in kept)]

    def _name(self, value: object) -> str:
        if type(value) is int:
            return class_name(value, self.names, "the class list")
        return expect_name(value, "the label")

    def _written(self, label: str, numeric: bool) -> str | int:
        if self.names:
            return self.names.index(label) if numeric and label in self.names else label
        return int(label) if numeric and _NUMBER.fullmatch(label) else label


def find_place(samples: Iterable[Sample], chosen: str | None, names: Sequence[str]) -> LabelPlace:
    """Where samples have their label: as chosen, else ``.cls``, else a usual JSON key.

    Raises
    ------
    SourceError
        If the JSON members have no usual key or several.
    """
    if chosen is not None:
        return LabelPlace(chosen, names)
    keys: dict[str, None] = {}
    for sample in samples:
        if CLS in sample.members:
            return LabelPlace(CLS, names)
        if "json" in sample.data:
            try:
                content = JsonText(sample.data["json"], sample.key).root.value
            except SourceError:
                # It is set aside later, with the reason.
                continue
            keys.update(dict.fromkeys(content if isinstance(content, dict) else ()))
    usual = [key for key in _KEYS if key in keys]
    if len(usual) == 1:
        return LabelPlace(usual[0], names)
    if not keys:
        return LabelPlace(CLS, names)
    which = " and ".join(map(repr, usual)) or "none that is named so"
    raise SourceError(
        f"Expected one label in the JSON of a sample, got {which}; its keys are "
        f"{', '.join(map(repr, keys))}.",
        hint="Choose one with --label-column.",
    )


def class_order(names: Sequence[str], labels: Iterable[Sequence[str] | None]) -> tuple[str, ...]:
    """Listed classes first, then the others; numbers in the order of their values."""
    used = {label for each in labels for label in each or ()}
    others = used - set(names)
    if all(_NUMBER.fullmatch(name) for name in others):
        return (*names, *sorted(others, key=int))
    return (*names, *sorted(others))


def _cls(data: bytes, name: str) -> str | int | None:
    try:
        text = data.decode().strip()
    except UnicodeDecodeError:
        raise SourceError(f"Expected {name} to be a class number, got other bytes.") from None
    if _NUMBER.fullmatch(text):
        return int(text)
    return text or None
