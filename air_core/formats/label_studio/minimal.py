"""Label Studio's JSON-MIN: one flat object for each annotation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from air_core.errors import SourceError
from air_core.formats.base import CleanLabels, Listing, ReadOptions
from air_core.formats.json_text import (
    Edit,
    JsonText,
    Node,
    expect,
    expect_name,
    outline,
)
from air_core.formats.label_studio.choices import (
    CONTROL,
    FIXED,
    IMAGE,
    pick_address,
    pick_control,
    read_short,
    short,
)
from air_core.formats.label_studio.config import WithConfig
from air_core.formats.label_studio.image_urls import image_places, local_files_url
from air_core.formats.label_studio.listing import chosen_file, read_json
from air_core.formats.listed_labels import labels_in, still_listed


class LabelStudioMin(WithConfig):
    """The ``label-studio-min`` format."""

    name = "label-studio-min"
    title = "Label Studio JSON-MIN"
    suffix = ".json"

    def claims(self, source: Path, options: ReadOptions) -> bool:
        """Whether the label file is a list of flat objects with an annotation id."""
        return chosen_file(source, options, _suits) is not None

    def read(self, source: Path, options: ReadOptions) -> Listing:
        """List the annotations with their images.

        Raises
        ------
        SourceError
            If the file is not of this kind, or it is not clear which choices to take.
        """
        return read_json(
            source,
            options,
            _suits,
            _Content,
            expected="annotations as Label Studio exports them as JSON-MIN",
            hint="For its JSON say --format label-studio.",
        )

    def compose(self, clean: CleanLabels) -> bytes:
        """The source's own file with changed choices, or a new one."""
        if clean.original is not None:
            return _rewrite(clean)
        records = []
        for number, item in enumerate(clean.items, start=1):
            record: dict[str, Any] = {IMAGE: local_files_url(item.path), "id": number}
            labels = labels_in(item.label, multilabel=clean.multilabel)
            if labels:
                record[CONTROL] = short(labels)
            when = None if item.review is None else item.review.decided_at
            record |= {
                "annotator": None if item.review is None else item.review.reviewer,
                "annotation_id": None if item.label is None else number,
                **{"created_at": when, "updated_at": when, "lead_time": None},
            }
            records.append(record)
        return json.dumps(records, ensure_ascii=False, indent=2).encode()


def _suits(file: Path) -> bool:
    if file.suffix.lower() != ".json":
        return False
    found = outline(file)
    return found.kind == "list" and "annotation_id" in found.keys and "data" not in found.keys


@dataclass(frozen=True, slots=True)
class _Entry:
    """One record."""

    position: int
    places: list[str]
    labels: list[str] | None
    annotated: bool


class _Content:
    """What the records say, checked."""

    def __init__(self, top: object, name: str, options: ReadOptions) -> None:
        records = expect(top, list, f"the top of {name}")
        sound = [record for record in records if isinstance(record, dict)]
        outputs = [key for record in sound for key in _outputs(record)]
        if not outputs and options.label_column is None:
            self.control = CONTROL
        else:
            self.control = pick_control(outputs, options.label_column, name)
        known = FIXED | {self.control}
        rows = [{k: v for k, v in record.items() if k not in known} for record in sound]
        self.key = pick_address(rows, options.path_column, name)
        self.entries: list[_Entry] = []
        self.flaws: list[tuple[str, str]] = []
        for position, record in enumerate(records):
            try:
                content = expect(record, dict, "it")
                address = expect_name(content.get(self.key), f"its {self.key}")
                annotated = content.get("annotation_id") is not None
                labels = self._labels(content, annotated)
                self.entries.append(_Entry(position, image_places(address), labels, annotated))
            except SourceError as error:
                self.flaws.append((f"record {position + 1}", str(error)))

    def _labels(self, record: dict[str, Any], annotated: bool) -> list[str] | None:
        if record.get(self.control) is not None:
            return read_short(record[self.control], f"its {self.control}")
        return [] if annotated else None


def _outputs(record: dict[str, Any]) -> Sequence[str]:
    """Keys of what people chose: Label Studio puts them after the id and before the annotator."""
    keys = list(record)
    if "id" in record and "annotator" in record:
        between = keys[keys.index("id") + 1 : keys.index("annotator")]
        return [key for key in between if key not in FIXED and _is_choice(record[key])]
    return [key for key in keys if key not in FIXED and isinstance(record[key], dict)]


def _is_choice(value: object) -> bool:
    try:
        read_short(value, "it")
    except SourceError:
        return False
    return True


def _rewrite(clean: CleanLabels) -> bytes:
    name, data = next(iter(clean.originals.items()))
    doc = JsonText(data, name)
    content = _Content(doc.root.value, name, clean.options)
    records = doc.children(doc.root)
    edits: list[Edit] = []
    gone: set[int] = set()
    for entry, _, item, excluded in still_listed(content.entries, clean):
        if excluded:
            gone.add(entry.position)
        elif item is not None and item.label != item.given_label:
            labels = labels_in(item.label, multilabel=clean.multilabel)
            # Without an annotation, an absent choice says that nobody has looked.
            says_none = item.label is not None and not entry.annotated
            shown = short(labels) if labels or says_none else None
            edits += _relabel(doc, records[entry.position], content.control, shown)
    return doc.edited([*edits, *doc.rebuilt(doc.root, records, gone=gone)])


def _relabel(doc: JsonText, record: Node, control: str, choice: object) -> list[Edit]:
    old = doc.child(record, control)
    if old is not None and choice is not None:
        return [doc.replaced(old, choice)]
    children = doc.children(record)
    gone = {n for n, child in enumerate(children) if child.key == control}
    added = [] if choice is None else [doc.member(control, choice)]
    return doc.rebuilt(record, children, gone=gone, added=added)
