"""One subset in Datumaro's JSON: its items and label categories, read and edited in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from air_core.errors import SourceError
from air_core.formats.json_text import Edit, JsonText, Node, expect, expect_name
from air_core.images import IMAGE_EXTENSIONS

IMAGES = "images"
_OTHER_MEDIA = ("video_frame", "video", "point_cloud", "media")


@dataclass(slots=True)
class DatumaroItem:
    """One image, and the positions of its label annotations in its document.

    ``places`` are the paths below the dataset's folder at which the image may lie.
    """

    subset: str
    position: int
    places: list[str]
    notes: list[int] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)


class Subset:
    """What the document of one subset says, checked.

    Raises
    ------
    SourceError
        If it is of another shape; a single bad item goes to ``flaws``.
    """

    def __init__(self, doc: JsonText) -> None:
        self.doc = doc
        top = expect(doc.root.value, dict, f"the top of {doc.name}")
        kinds = expect(top.get("categories"), dict, f"the categories of {doc.name}")
        self.classes = self._read_classes(kinds.get("label"))
        self.subset = PurePosixPath(doc.name).stem
        self.items: list[DatumaroItem] = []
        self.flaws: list[tuple[str, str]] = []
        entries = expect(top.get("items"), list, f"the items of {doc.name}")
        for position, entry in enumerate(entries):
            shown = f"{self.subset}: item {position}"
            try:
                content = expect(entry, dict, "it")
                shown = expect_name(content.get("id"), "its id")
                self.items.append(self._read_item(position, shown, content))
            except SourceError as error:
                self.flaws.append((shown, str(error)))

    def _read_classes(self, label: object) -> list[str]:
        if label is None:
            return []
        name = self.doc.name
        content: Mapping[str, Any] = expect(label, dict, f"the label categories of {name}")
        labels = expect(content.get("labels"), list, f"the labels of {name}")
        return [
            expect_name(
                expect(entry, dict, f"label {n} of {name}").get("name"), f"label {n} of {name}"
            )
            for n, entry in enumerate(labels)
        ]

    def _read_item(self, position: int, item_id: str, content: Mapping[str, Any]) -> DatumaroItem:
        other = next((key for key in _OTHER_MEDIA if content.get(key)), None)
        image = content.get("image")
        if image is None and other is not None:
            raise SourceError(f"It is no image but a {other.replace('_', ' ')}.")
        path = None if image is None else expect(image, dict, "its image").get("path")
        if path:
            names = [expect_name(path, "its path")]
        else:
            names = [item_id + suffix for suffix in (".jpg", *sorted(IMAGE_EXTENSIONS))]
        below = [f"{IMAGES}/{self.subset}/", f"{IMAGES}/", ""]
        folders = [""] if names[0].startswith("/") else below
        item = DatumaroItem(self.subset, position, [f + name for f in folders for name in names])
        notes = expect(content.get("annotations", []), list, "its annotations")
        for number, note in enumerate(notes):
            found = expect(note, dict, f"annotation {number}")
            if found.get("type") != "label" or found.get("label_id") is None:
                continue
            label_id = expect(found["label_id"], int, f"the label_id of annotation {number}")
            if not 0 <= label_id < len(self.classes):
                raise SourceError(
                    f"Expected a label_id below {len(self.classes)}, the number of labels, "
                    f"got {label_id}."
                )
            item.notes.append(number)
            item.labels.append(self.classes[label_id])
        return item


class SubsetEditor:
    """The edits of one document that decisions ask for."""

    def __init__(self, content: Subset) -> None:
        self._doc = content.doc
        self._top = {child.key: child for child in self._doc.children(self._doc.root)}
        self._nodes = self._doc.children(self._top["items"])
        self._index = {name: n for n, name in reversed([*enumerate(content.classes)])}
        self._known = len(content.classes)
        self._fresh: list[str] = []
        self._edits: list[Edit] = []
        self.gone: set[int] = set()

    def relabel(self, item: DatumaroItem, wanted: Sequence[str]) -> None:
        """Give an item these labels and no others."""
        doc, node = self._doc, self._nodes[item.position]
        parent = doc.child(node, "annotations")
        notes = [] if parent is None else doc.children(parent)
        if len(set(item.labels)) == len(wanted) == 1:
            for number in item.notes:
                self._edits.append(self._replaced(notes[number], wanted[0]))
            return
        kept = zip(item.notes, item.labels, strict=True)
        gone = {number for number, label in kept if label not in wanted}
        added = [
            doc.write(annotation(self._index_of(label)))
            for label in wanted
            if label not in item.labels
        ]
        if parent is not None:
            self._edits += doc.rebuilt(parent, notes, gone=gone, added=added)
        elif added:
            member = f"{doc.member('annotations', [])[:-1]}{', '.join(added)}]"
            self._edits += doc.rebuilt(node, doc.children(node), gone=set(), added=[member])

    def edited(self) -> bytes:
        """The document with all edits."""
        items = self._top["items"]
        edits = [*self._edits, *self._doc.rebuilt(items, self._nodes, gone=self.gone)]
        if self._fresh:
            edits += self._new_categories(self._fresh)
        return self._doc.edited(edits)

    def _replaced(self, note: Node, label: str) -> Edit:
        old = self._doc.child(note, "label_id")
        # The reader found it there.
        assert old is not None
        return self._doc.replaced(old, self._index_of(label))

    def _index_of(self, label: str) -> int:
        if label not in self._index:
            self._index[label] = self._known + len(self._fresh)
            self._fresh.append(label)
        return self._index[label]

    def _new_categories(self, names: Sequence[str]) -> list[Edit]:
        doc, parent = self._doc, self._top["categories"]
        label = doc.child(parent, "label")
        if label is None or label.value is None:
            member = doc.member("label", categories(names))
            children = doc.children(parent)
            gone = {n for n, child in enumerate(children) if child.key == "label"}
            return doc.rebuilt(parent, children, gone=gone, added=[member])
        labels = doc.child(label, "labels")
        # The reader found it there.
        assert labels is not None
        added = [doc.write(category(name)) for name in names]
        return doc.rebuilt(labels, doc.children(labels), gone=set(), added=added)


def annotation(label_id: int) -> dict[str, Any]:
    """A label of a whole image, as Datumaro writes it."""
    return {"id": 0, "type": "label", "attributes": {}, "group": 0, "label_id": label_id}


def categories(names: Sequence[str]) -> dict[str, Any]:
    """Label categories, as Datumaro writes them."""
    labels = [category(name) for name in names]
    return {"labels": labels, "label_groups": [], "attributes": []}


def category(name: str) -> dict[str, Any]:
    return {"name": name, "parent": "", "attributes": []}
