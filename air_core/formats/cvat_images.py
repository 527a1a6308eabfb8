"""CVAT for images 1.1: one XML file whose images carry tags."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from air_core.errors import SourceError
from air_core.formats.base import CleanLabels, Listing, ReadOptions
from air_core.formats.image_paths import (
    choose_root,
    first_there,
    keep_paths,
    label_file,
    size_of,
)
from air_core.formats.json_text import expect_name, read_label_file
from air_core.formats.listed_labels import (
    class_order,
    is_multilabel,
    label_text,
    labels_in,
    still_listed,
)
from air_core.formats.xml_text import Edit, Element, XmlText, escaped, quoted

_USUAL = ("annotations.xml", "*.xml")
_ROOT = re.compile(rb"<annotations[\s/>]")
_TAG_TYPES = ("", "any", "tag")


class CvatImages:
    """The ``cvat-images`` format. Shapes are left alone; they label regions, not images."""

    name = "cvat-images"
    title = "CVAT for images 1.1 (XML with tags)"
    suffix = ".xml"

    def claims(self, source: Path, options: ReadOptions) -> bool:
        """Whether the label file is XML with annotations."""
        return label_file(source, options, _USUAL, _suits) is not None

    def read(self, source: Path, options: ReadOptions) -> Listing:
        """List the images with their tags.

        Where an image has several tags, one without any has none of them; elsewhere it is
        unlabelled.

        Raises
        ------
        SourceError
            If the file is not of this kind, or annotates a video.
        """
        file = label_file(source, options, _USUAL, _suits)
        if file is None:
            raise SourceError(
                f"Expected CVAT's annotations.xml in {source}, got none.",
                hint="Open the XML file itself, or name it with --labels.",
            )
        data = read_label_file(file)
        content = _Content(XmlText(data, file.name))
        root = choose_root(_folders(source, file), [image.places for image in content.images])
        paths = [first_there(root, image.places) for image in content.images]
        multilabel = is_multilabel((image.labels for image in content.images), options)
        return Listing(
            root=root,
            paths=tuple(paths),
            labels=tuple(label_text(i.labels, multilabel=multilabel) for i in content.images),
            class_names=class_order(
                content.classes, (label for image in content.images for label in image.labels)
            ),
            rejected=tuple(content.flaws),
            labels_file=file.resolve(),
            originals={file.name: data, **keep_paths(paths)},
            separator=options.separator,
            multilabel=multilabel,
        )

    def compose(self, clean: CleanLabels) -> bytes:
        """The source's own file with changed tags, or a new one.

        Raises
        ------
        ExportError
            For a name with a character that XML cannot hold.
        """
        if clean.original is not None:
            return _rewrite(clean)
        labels = "".join(f"        {_label(name)}\n" for name in clean.class_names)
        parts = [_HEAD.format(size=len(clean.items), labels=labels)]
        for number, item in enumerate(clean.items):
            size = size_of(item.file)
            measures = "" if size is None else f' width="{size[0]}" height="{size[1]}"'
            parts.append(f'  <image id="{number}" name={quoted(item.path)}{measures}>\n')
            for label in labels_in(item.label, multilabel=clean.multilabel):
                parts.append(f"    {_tag(label)}\n")
            parts.append("  </image>\n")
        parts.append("</annotations>\n")
        return "".join(parts).encode()


_HEAD = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <name>air-audit</name>
      <size>{size}</size>
      <mode>annotation</mode>
      <labels>
{labels}      </labels>
    </task>
  </meta>
"""


def _label(name: str) -> str:
    return f"<label><name>{escaped(name)}</name><attributes></attributes></label>"


def _tag(label: str) -> str:
    return f'<tag label={quoted(label)} source="manual"></tag>'


def _suits(file: Path) -> bool:
    if file.suffix.lower() != ".xml":
        return False
    try:
        with file.open("rb") as opened:
            head = opened.read(4096)
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror or error}.") from error
    # A file in UTF-16 has a NUL beside every character of its tags.
    return _ROOT.search(head.replace(b"\0", b"")) is not None


def _folders(source: Path, file: Path) -> list[Path]:
    tops = [source] if source.is_dir() else []
    tops.append(file.parent)
    return [top / name for top in tops for name in ("", "images", f"images/{file.stem}", "data")]


@dataclass(frozen=True, slots=True)
class _Image:
    """One image, the paths it may have, and its tags."""

    element: Element
    places: list[str]
    tags: list[Element]
    labels: list[str]


class _Content:
    """What the document says, checked."""

    def __init__(self, doc: XmlText) -> None:
        self.doc = doc
        if doc.root.tag != "annotations":
            raise SourceError(
                f"Expected the annotations of CVAT in {doc.name}, got <{doc.root.tag}>."
            )
        elements = doc.root.all("image")
        if not elements and doc.root.all("track"):
            raise SourceError(
                f"Expected images in {doc.name}, got the tracks of a video.",
                hint="Export from CVAT as “CVAT for images 1.1”.",
            )
        self.lists = [
            labels
            for meta in doc.root.all("meta")
            for job in meta.children
            for labels in job.all("labels")
        ]
        self.classes = list(dict.fromkeys(self._names()))
        self.images: list[_Image] = []
        self.flaws: list[tuple[str, str]] = []
        for number, element in enumerate(elements):
            name = element.attributes.get("name", "")
            try:
                self.images.append(self._read_image(element, name))
            except SourceError as error:
                self.flaws.append((name or f"image {number}", str(error)))

    def _names(self) -> list[str]:
        """Names of the labels that tags may have, as opposed to shapes."""
        names = []
        for label in (label for labels in self.lists for label in labels.all("label")):
            kind = "".join(child.text for child in label.all("type")).strip()
            if kind in _TAG_TYPES:
                name = "".join(child.text for child in label.all("name"))
                names.append(expect_name(name, f"the name of a label in {self.doc.name}"))
        return names

    @staticmethod
    def _read_image(element: Element, name: str) -> _Image:
        places = [expect_name(name, "its name")]
        subset = element.attributes.get("subset")
        if subset:
            places += [f"{subset}/{name}"]
        tags = element.all("tag")
        labels = [expect_name(t.attributes.get("label", ""), "the label of a tag") for t in tags]
        return _Image(element, places, tags, labels)


def _rewrite(clean: CleanLabels) -> bytes:
    name, data = next(iter(clean.originals.items()))
    doc = XmlText(data, name)
    content = _Content(doc)
    edits: list[Edit] = []
    used: dict[str, None] = {}
    for image, _, item, excluded in still_listed(content.images, clean):
        if excluded:
            edits.append(doc.dropped(image.element))
        elif item is not None and item.label != item.given_label:
            wanted = labels_in(item.label, multilabel=clean.multilabel)
            used |= dict.fromkeys(wanted)
            edits += _relabel(doc, image, wanted)
    # CVAT refuses tags whose label it does not know. Tags of the source may be unknown as well.
    given = {label for image in content.images for label in image.labels}
    fresh = [label for label in used if label not in content.classes and label not in given]
    if content.lists:
        edits += doc.added(content.lists[0], map(_label, fresh), depth=4)
    return doc.edited(edits)


def _relabel(doc: XmlText, image: _Image, wanted: Sequence[str]) -> list[Edit]:
    if len(set(image.labels)) == len(wanted) == 1:
        return [doc.relabelled(tag, "label", wanted[0]) for tag in image.tags]
    pairs = zip(image.tags, image.labels, strict=True)
    edits = [doc.dropped(tag) for tag, label in pairs if label not in wanted]
    added = [_tag(label) for label in wanted if label not in image.labels]
    return edits + doc.added(image.element, added, depth=2)
