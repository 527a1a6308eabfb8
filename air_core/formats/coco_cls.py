"""COCO's images, categories and annotations, where an annotation is an image's label: no boxes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from air_core.errors import SourceError
from air_core.formats.base import CleanLabels, Listing, ReadOptions
from air_core.formats.image_paths import choose_root, keep_paths, label_file
from air_core.formats.json_text import (
    Edit,
    JsonText,
    Node,
    expect,
    expect_name,
    kind_of,
    outline,
    read_label_file,
)
from air_core.formats.listed_labels import (
    class_order,
    is_multilabel,
    label_text,
    labels_in,
    still_listed,
)

_USUAL = ("annotations/*.json", "labels.json", "annotations.json", "_annotations.coco.json")
_REGIONS = ("bbox", "segmentation", "keypoints", "caption", "segments_info")

Id = int | str


@dataclass(slots=True)
class _Image:
    """One image and the positions of its annotations in the document."""

    position: int
    image_id: Id
    name: str
    annotations: list[int] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)


class CocoClassification:
    """The ``coco-cls`` format: what datumaro calls ``coco_labels``."""

    name = "coco-cls"
    title = "COCO with labels of whole images"
    suffix = ".json"

    def claims(self, source: Path, options: ReadOptions) -> bool:
        """Whether the label file has images and categories."""
        return label_file(source, options, _USUAL, _suits) is not None

    def read(self, source: Path, options: ReadOptions) -> Listing:
        """List the images with the categories of their annotations.

        In a file where an image has several, an image without any has none of them; elsewhere
        it is unlabelled.

        Raises
        ------
        SourceError
            If the file is not of this kind, or its annotations are boxes or captions.
        """
        file = label_file(source, options, _USUAL, _suits)
        if file is None:
            raise SourceError(
                f"Expected COCO's images, categories and annotations in {source}, got none.",
                hint="Open the JSON file itself, or name it with --labels.",
            )
        data = read_label_file(file)
        content = _Content(JsonText(data, file.name).root.value, file.name)
        paths = [image.name for image in content.images]
        multilabel = is_multilabel((image.labels for image in content.images), options)
        return Listing(
            root=choose_root(_folders(source, file), [[path] for path in paths]),
            paths=tuple(paths),
            labels=tuple(label_text(i.labels, multilabel=multilabel) for i in content.images),
            class_names=class_order(content.categories.values(), ()),
            rejected=tuple(content.flaws),
            labels_file=file.resolve(),
            originals={file.name: data, **keep_paths(paths)},
            separator=options.separator,
            multilabel=multilabel,
        )

    def compose(self, clean: CleanLabels) -> bytes:
        """The source's own file with changed annotations, or a new one."""
        if clean.original is not None:
            return _rewrite(clean)
        ids = {name: n for n, name in enumerate(clean.class_names, start=1)}
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for number, item in enumerate(clean.items, start=1):
            images.append({"id": number, "file_name": item.path})
            for label in labels_in(item.label, multilabel=clean.multilabel):
                annotation = {"image_id": number, "category_id": ids[label]}
                annotations.append({"id": len(annotations) + 1, **annotation})
        content = {
            "images": images,
            "annotations": annotations,
            "categories": [{"id": n, "name": x, "supercategory": ""} for x, n in ids.items()],
        }
        return json.dumps(content, ensure_ascii=False).encode()


def _suits(file: Path) -> bool:
    if file.suffix.lower() != ".json":
        return False
    found = outline(file)
    keys = found.keys
    return found.kind == "dict" and keys.get("images") == keys.get("categories") == "list"


def _folders(source: Path, file: Path) -> list[Path]:
    """Where images of a COCO file usually lie, the likeliest first."""
    beside = file.parent
    above = beside.parent if beside.name == "annotations" else beside
    tops = [source] if source.is_dir() else []
    tops += [above, beside]
    subset = file.stem.partition("_")[2] or file.stem
    below = ("", "images", f"images/{subset}", subset, "data", "train", "val", "test")
    return [top / name for top in tops for name in below]


class _Content:
    """What a COCO document says, checked."""

    def __init__(self, top: object, name: str) -> None:
        lists = expect(top, dict, f"the top of {name}")
        self.flaws: list[tuple[str, str]] = []
        self.categories: dict[Id, str] = {}
        for n, category in enumerate(expect(lists.get("categories"), list, "the categories")):
            content = expect(category, dict, f"category {n} of {name}")
            key = _id(content, "id", f"category {n} of {name}")
            self.categories[key] = expect_name(content.get("name"), f"the name of category {key}")
        # Class indices follow the ids, whatever the order of the list.
        if all(type(key) is int for key in self.categories):
            self.categories = dict(sorted(self.categories.items()))
        annotations = expect(lists.get("annotations", []), list, f"the annotations of {name}")
        owned = self._by_image(annotations, name)
        self.images: list[_Image] = []
        known: set[Id] = set()
        for position, entry in enumerate(
            expect(lists.get("images"), list, f"the images of {name}")
        ):
            shown = f"image {position}"
            try:
                content = expect(entry, dict, "it")
                path = expect_name(content.get("file_name"), "its file_name")
                shown = path
                image = _Image(position, _id(content, "id", "it"), path)
                if image.image_id in known:
                    raise SourceError(f"Expected every id once, got {image.image_id!r} again.")
                known.add(image.image_id)
                for number, category in owned.get(image.image_id, ()):
                    if category not in self.categories:
                        raise SourceError(f"Expected a known category, got {category!r}.")
                    image.annotations.append(number)
                    image.labels.append(self.categories[category])
                self.images.append(image)
            except SourceError as error:
                self.flaws.append((shown, str(error)))

    @staticmethod
    def _by_image(annotations: list[Any], name: str) -> Mapping[Id, list[tuple[int, Id]]]:
        owned: dict[Id, list[tuple[int, Id]]] = {}
        for n, annotation in enumerate(annotations):
            what = f"annotation {n} of {name}"
            content = expect(annotation, dict, what)
            region = next((key for key in _REGIONS if content.get(key)), None)
            if region is not None:
                raise SourceError(
                    f"Expected annotations that label whole images in {name}, got one with "
                    f"a {region}.",
                    hint="Images are audited, not regions of them; cut the regions out first.",
                )
            image = _id(content, "image_id", what)
            owned.setdefault(image, []).append((n, _id(content, "category_id", what)))
        return owned


def _id(content: Mapping[str, Any], key: str, of: str) -> Id:
    value = content.get(key)
    if type(value) is not int and not isinstance(value, str):
        raise SourceError(f"Expected a number or a text as {key} of {of}, got {kind_of(value)}.")
    return value


def _rewrite(clean: CleanLabels) -> bytes:
    name, data = next(iter(clean.originals.items()))
    doc = JsonText(data, name)
    content = _Content(doc.root.value, name)
    parents = {child.key: child for child in doc.children(doc.root)}
    nodes = doc.children(parents["annotations"]) if "annotations" in parents else []
    notes = _Annotations(doc, content, nodes)
    dropped: set[int] = set()
    for image, _, item, excluded in still_listed(content.images, clean):
        if excluded:
            dropped.add(image.position)
            notes.drop(image)
        elif item is not None and item.label != item.given_label:
            notes.relabel(image, labels_in(item.label, multilabel=clean.multilabel))
    plan: dict[str, tuple[set[int], list[str]]] = {
        "images": (dropped, []),
        "categories": (set(), notes.new_categories),
        "annotations": (notes.dropped, notes.added),
    }
    edits = list(notes.edits)
    for key, (gone, added) in plan.items():
        if key in parents:
            edits += doc.rebuilt(parents[key], doc.children(parents[key]), gone=gone, added=added)
        elif added:
            member = f"{doc.member(key, [])[:-1]}{', '.join(added)}]"
            edits += doc.rebuilt(doc.root, doc.children(doc.root), gone=set(), added=[member])
    return doc.edited(edits)


class _Annotations:
    """The edits of annotations that decisions ask for."""

    def __init__(self, doc: JsonText, content: _Content, nodes: Sequence[Node]) -> None:
        self._doc = doc
        self._nodes = nodes
        self._ids = {name: key for key, name in reversed(content.categories.items())}
        self._categories = content.categories
        ids = [node.value.get("id") for node in nodes]
        self._next = max((n for n in ids if type(n) is int), default=0) + 1
        self._used = {node.value["category_id"] for node in nodes}
        self.edits: list[Edit] = []
        self.dropped: set[int] = set()
        self.added: list[str] = []
        self.new_categories: list[str] = []

    def drop(self, image: _Image) -> None:
        """Drop all annotations of an image."""
        self.dropped.update(image.annotations)

    def relabel(self, image: _Image, wanted: Sequence[str]) -> None:
        """Give an image these labels and no others."""
        if len(set(image.labels)) == len(wanted) == 1:
            for number in image.annotations:
                category = self._doc.child(self._nodes[number], "category_id")
                # The reader found it there.
                assert category is not None
                self.edits.append(self._doc.replaced(category, self._id_of(wanted[0])))
            return
        for number, label in zip(image.annotations, image.labels, strict=True):
            if label not in wanted:
                self.dropped.add(number)
        for label in wanted:
            if label not in image.labels:
                annotation = {"image_id": image.image_id, "category_id": self._id_of(label)}
                self.added.append(self._doc.write({"id": self._next, **annotation}))
                self._next += 1

    def _id_of(self, label: str) -> Id:
        if label not in self._ids:
            # Not the id of a category that is missing, which would give others this label.
            known = {*self._ids.values(), *self._used}
            numbers = [key for key in known if type(key) is int]
            new: Id = max(numbers, default=0) + 1 if numbers or not self._ids else label
            self._ids[label] = new
            category = {"id": new, "name": label, "supercategory": ""}
            self.new_categories.append(self._doc.write(category))
        return self._ids[label]
