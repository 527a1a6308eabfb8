"""Datumaro's own format: ``annotations/<subset>.json`` and images below ``images/<subset>``."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

from air_core.errors import SourceError
from air_core.formats.base import CleanLabels, Listing, ReadOptions
from air_core.formats.datumaro_text import (
    IMAGES,
    DatumaroItem,
    Subset,
    SubsetEditor,
    annotation,
    categories,
)
from air_core.formats.image_paths import (
    PATHS,
    copy_image,
    copy_unaudited,
    first_there,
    free_name,
    image_root,
    inner_parts,
    keep_paths,
    size_of,
)
from air_core.formats.json_text import (
    JsonText,
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

ANNOTATIONS = "annotations"
_SUBSET = "default"


class Datumaro:
    """The ``datumaro`` format; a subset is a file of its own."""

    name = "datumaro"
    title = "Datumaro (annotations and images folders)"

    def claims(self, source: Path, options: ReadOptions) -> bool:
        """Whether there is a file with items and categories."""
        return bool(_files(source, options))

    def read(self, source: Path, options: ReadOptions) -> Listing:
        """List the images of all subsets with their labels.

        Where an image has several labels, one without any has none of them; elsewhere it is
        unlabelled.

        Raises
        ------
        SourceError
            If there are no such files, or one is of another shape.
        """
        files = _files(source, options)
        if not files:
            raise SourceError(
                f"Expected Datumaro's {ANNOTATIONS} folder with a JSON file in {source}, got none.",
                hint="Open the folder above it, or the JSON file itself.",
            )
        beside = files[0].parent
        above = beside.parent if beside.name == ANNOTATIONS else beside
        root = (source if source.is_dir() else above).resolve()
        originals = {_name_of(file, root): read_label_file(file) for file in files}
        contents = [Subset(JsonText(data, name)) for name, data in originals.items()]
        items = [item for content in contents for item in content.items]
        paths = [first_there(root, item.places) for item in items]
        multilabel = is_multilabel((item.labels for item in items), options)
        return Listing(
            root=root,
            paths=tuple(paths),
            labels=tuple(label_text(item.labels, multilabel=multilabel) for item in items),
            class_names=class_order((c for x in contents for c in x.classes), ()),
            rejected=tuple(flaw for content in contents for flaw in content.flaws),
            labels_file=files[0].resolve() if options.labels or not source.is_dir() else None,
            originals={**originals, **keep_paths(paths)},
            separator=options.separator,
            multilabel=multilabel,
        )

    def fill(self, folder: Path, clean: CleanLabels) -> int:
        """Write the annotations, and copies of the images where Datumaro looks for them."""
        if clean.originals:
            return _rewrite(folder, clean)
        index = {name: n for n, name in enumerate(clean.class_names)}
        items: list[dict[str, Any]] = []
        taken: set[str] = set()
        for item in clean.items:
            place = PurePosixPath(*(inner_parts(item.path) or (item.item_id,)))
            place = free_name(place, item.item_id, taken)
            copy_image(item.file, folder / IMAGES / _SUBSET / place)
            image: dict[str, Any] = {"path": str(place)}
            if (size := size_of(item.file)) is not None:
                image["size"] = [size[1], size[0]]
            labels = labels_in(item.label, multilabel=clean.multilabel)
            notes = [annotation(index[label]) for label in labels]
            stem = str(place.with_suffix(""))
            items.append({"id": stem, "annotations": notes, "image": image})
        content = {
            "dm_format_version": "1.0",
            "media_type": 2,
            "infos": {},
            "categories": {"label": categories(clean.class_names)},
            "items": items,
        }
        (folder / ANNOTATIONS).mkdir()
        file = folder / ANNOTATIONS / f"{_SUBSET}.json"
        file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        return len(items)


def _files(source: Path, options: ReadOptions) -> list[Path]:
    named = options.labels or source
    if not named.is_dir():
        return [named] if _suits(named) else []
    found = []
    for file in sorted(named.glob(f"{ANNOTATIONS}/*.json")):
        # What is wrong with a file that nobody named concerns nobody.
        try:
            if file.is_file() and _suits(file):
                found.append(file)
        except SourceError:
            continue
    return found


def _suits(file: Path) -> bool:
    if file.suffix.lower() != ".json":
        return False
    found = outline(file)
    keys = found.keys
    return found.kind == "dict" and (keys.get("items"), keys.get("categories")) == ("list", "dict")


def _name_of(file: Path, root: Path) -> str:
    real = file.resolve()
    inside = real.is_relative_to(root) and real.parent.name == ANNOTATIONS
    return f"{ANNOTATIONS}/{file.name}" if inside else file.name


def _rewrite(folder: Path, clean: CleanLabels) -> int:
    contents = {
        name: Subset(JsonText(data, name))
        for name, data in clean.originals.items()
        if name != PATHS
    }
    items = [item for content in contents.values() for item in content.items]
    editors = {content.subset: SubsetEditor(content) for content in contents.values()}
    root, copied = image_root(clean), 0
    for entry, path, item, excluded in still_listed(items, clean):
        place = folder / _place(entry, path)
        if excluded:
            editors[entry.subset].gone.add(entry.position)
        elif item is None:
            copy_unaudited(root, path, place)
        else:
            copy_image(item.file, place)
            copied += 1
            if item.label != item.given_label:
                wanted = labels_in(item.label, multilabel=clean.multilabel)
                editors[entry.subset].relabel(entry, wanted)
    (folder / ANNOTATIONS).mkdir()
    for name, content in contents.items():
        target = folder / ANNOTATIONS / PurePosixPath(name).name
        target.write_bytes(editors[content.subset].edited())
    return copied


def _place(item: DatumaroItem, path: str) -> PurePosixPath:
    """Where Datumaro looks for an image."""
    parts = inner_parts(path)
    if parts[0] == IMAGES:
        return PurePosixPath(*parts)
    return PurePosixPath(IMAGES, item.subset, *parts)
