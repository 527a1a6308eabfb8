"""FiftyOneImageClassificationDataset: a ``data`` folder of images and ``labels.json``."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from air_core.errors import SourceError
from air_core.formats.base import CleanLabels, Listing, ReadOptions
from air_core.formats.image_paths import (
    copy_image,
    copy_unaudited,
    free_name,
    image_root,
    inner_parts,
    keep_paths,
    label_file,
)
from air_core.formats.json_text import (
    Edit,
    JsonText,
    Node,
    expect,
    expect_name,
    outline,
    read_label_file,
)
from air_core.formats.listed_labels import class_order, label_text, labels_in, still_listed
from air_core.images import IMAGE_EXTENSIONS

LABELS = "labels.json"
DATA = "data"
_MANIFEST = "data.json"
_NUMBER = re.compile("0|-?[1-9][0-9]*")


@dataclass(frozen=True, slots=True)
class _Target:
    """What stands at one key: its labels, and whether as a list."""

    key: str
    node: Node | None
    labels: list[str] | None
    listed: bool


class FiftyOne:
    """The ``fiftyone`` format.

    Keys are paths below ``data`` without their extension. A label is an index into ``classes``
    where there are any, else a text; either may stand in an object with a confidence and
    attributes, which are kept. A list says that images may have several.
    """

    name = "fiftyone"
    title = "FiftyOne image classification (data folder and labels.json)"

    def claims(self, source: Path, options: ReadOptions) -> bool:
        """Whether the label file holds an object of labels by key."""
        return self._labels_file(source, options) is not None

    def read(self, source: Path, options: ReadOptions) -> Listing:
        """List the labelled images; those in ``data`` without an entry are passed over.

        Raises
        ------
        SourceError
            If there is no such label file, or it is of another shape.
        """
        file = self._labels_file(source, options)
        if file is None:
            raise SourceError(
                f"Expected FiftyOne's {LABELS}, an object with labels by key, in {source}.",
                hint="Open the folder that holds it, or name it with --labels.",
            )
        root = (source if source.is_dir() else file.parent).resolve()
        data = read_label_file(file)
        classes, targets, flaws = _targets(JsonText(data, file.name), places=False)
        images = _Images(root, options.ignore)
        paths = [images.path(target.key) for target in targets]
        multilabel = options.separator is not None or any(target.listed for target in targets)
        labels = [label_text(target.labels, multilabel=multilabel) for target in targets]
        return Listing(
            root=root,
            paths=tuple(paths),
            labels=tuple(labels),
            class_names=class_order(classes or (), (x for t in targets for x in t.labels or ())),
            rejected=tuple(flaws.items()),
            notes=images.notes(paths),
            labels_file=file.resolve(),
            originals={file.name: data, **keep_paths(paths)},
            separator=options.separator,
            multilabel=multilabel,
        )

    def fill(self, folder: Path, clean: CleanLabels) -> int:
        """Write ``labels.json`` and copies of the images below ``data``."""
        if clean.original is not None:
            return _rewrite(folder, clean)
        index = {name: n for n, name in enumerate(clean.class_names)}
        labels: dict[str, Any] = {}
        taken: set[str] = set()
        for item in clean.items:
            parts = inner_parts(item.path) or (item.item_id,)
            place = PurePosixPath(*parts[len(parts) > 1 and parts[0] == DATA :])
            place = free_name(place, item.item_id, taken)
            found = [index[x] for x in labels_in(item.label, multilabel=clean.multilabel)]
            labels[_stem(place)] = (
                None if item.label is None else found if clean.multilabel else found[0]
            )
            copy_image(item.file, folder / DATA / place)
        content = {"classes": list(clean.class_names), "labels": labels}
        (folder / LABELS).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        return len(clean.items)

    def _labels_file(self, source: Path, options: ReadOptions) -> Path | None:
        return label_file(source, options, (LABELS,), _suits)


def _suits(file: Path) -> bool:
    if file.suffix.lower() != ".json":
        return False
    found = outline(file)
    classes = found.keys.get("classes", "NoneType")
    return (
        found.kind == "dict"
        and found.keys.get("labels") == "dict"
        and classes in ("list", "NoneType")
    )


class _Images:
    """The images of a source by key, as FiftyOne finds them."""

    def __init__(self, root: Path, ignore: Set[Path]) -> None:
        self._root = root
        self._ignore = ignore
        self._prefix = f"{DATA}/" if (root / DATA).is_dir() else ""
        manifest = None if self._prefix else self._read_manifest()
        self._manifest = manifest
        self._files: dict[str, list[str]] = {}
        for path in self._walk() if manifest is None else ():
            self._files.setdefault(_stem(path), []).append(path)

    def path(self, key: str) -> str:
        """Path below the root of the image of a key, whether or not it is there."""
        if key.startswith("/"):
            return key
        if self._manifest is not None:
            return self._manifest.get(key, key)
        return self._prefix + self._files.get(key, [key])[0]

    def notes(self, listed: Sequence[str]) -> tuple[str, ...]:
        """What was passed over."""
        known = set(listed)
        others = [
            p for found in self._files.values() for p in found if self._prefix + p not in known
        ]
        if not others:
            return ()
        shown = ", ".join(others[:3]) + (" …" if len(others) > 3 else "")
        shown = shown.encode(errors="backslashreplace").decode()
        return (f"{len(others)} images that {LABELS} does not name were passed over: {shown}.",)

    def _walk(self) -> Iterator[str]:
        top = self._root / self._prefix
        for folder, folders, files in os.walk(top):
            folders[:] = sorted(
                name
                for name in folders
                if not name.startswith(".") and Path(folder, name) not in self._ignore
            )
            for name in sorted(files):
                path = Path(folder, name)
                if path.suffix.lower() in IMAGE_EXTENSIONS and not name.startswith("."):
                    yield path.relative_to(top).as_posix()

    def _read_manifest(self) -> dict[str, str] | None:
        file = self._root / _MANIFEST
        if not file.is_file():
            return None
        content = JsonText(read_label_file(file), file.name).root.value
        paths = expect(content, dict, f"the top of {file.name}")
        checked = {k: expect_name(v, f"{file.name}'s path of {k!r}") for k, v in paths.items()}
        return {_stem(key): path for key, path in checked.items()} | checked


def _stem(path: str | PurePosixPath) -> str:
    """What FiftyOne takes for the key of an image: its path without the extension."""
    pure = PurePosixPath(path)
    return str(pure.with_suffix("")) if pure.name else str(path)


def _targets(
    doc: JsonText, *, places: bool
) -> tuple[list[str] | None, list[_Target], dict[str, str]]:
    """Classes if there are any, what stands at each usable key, and why others are not usable.

    Places cost time, and are only needed to edit.
    """
    top = expect(doc.root.value, dict, f"the top of {doc.name}")
    classes = top.get("classes")
    if classes is not None:
        classes = [
            expect_name(name, f"class {n} of {doc.name}")
            for n, name in enumerate(expect(classes, list, f"the classes of {doc.name}"))
        ]
    labels = expect(top.get("labels"), dict, f"the labels of {doc.name}")
    nodes: Mapping[str | None, Node] = {}
    if places and (parent := doc.child(doc.root, "labels")) is not None:
        nodes = {child.key: child for child in doc.children(parent)}
    targets, flaws = [], {}
    for key, value in labels.items():
        try:
            expect_name(key, "the key")
            found = _labels(value, classes)
            targets.append(_Target(key, nodes.get(key), found, isinstance(value, list)))
        except SourceError as error:
            flaws[key.encode(errors="backslashreplace").decode()] = str(error)
    return classes, targets, flaws


def _labels(value: object, classes: list[str] | None) -> list[str] | None:
    if isinstance(value, list):
        return [_name(_bare(x), classes) for x in value]
    return None if _bare(value) is None else [_name(_bare(value), classes)]


def _bare(value: object) -> object:
    return value.get("label") if isinstance(value, dict) else value


def _name(value: object, classes: list[str] | None) -> str:
    if type(value) is not int:
        return expect_name(value, "the label")
    if classes is None:
        return str(value)
    if not 0 <= value < len(classes):
        raise SourceError(
            f"Expected the label to be below {len(classes)}, the number of classes, got {value}.",
            hint="Correct it or add the class.",
        )
    return classes[value]


def _rewrite(folder: Path, clean: CleanLabels) -> int:
    name, data = next(iter(clean.originals.items()))
    doc = JsonText(data, name)
    classes, targets, _ = _targets(doc, places=True)
    parent = doc.child(doc.root, "labels")
    # The reader found it there.
    assert parent is not None
    root = image_root(clean)
    copied, dropped = 0, set()
    edits: list[Edit] = []
    for target, path, item, excluded in still_listed(targets, clean):
        place = folder / _place(target.key, path)
        if excluded:
            dropped.add(target.key)
        elif item is None:
            copy_unaudited(root, path, place)
        else:
            copy_image(item.file, place)
            copied += 1
            if item.label != item.given_label and target.node is not None:
                edits += _relabel(doc, target.node, item.label, classes, clean.multilabel)
    children = doc.children(parent)
    gone = {n for n, child in enumerate(children) if child.key in dropped}
    edits += doc.rebuilt(parent, children, gone=gone)
    (folder / LABELS).write_bytes(doc.edited(edits))
    return copied


def _place(key: str, path: str) -> PurePosixPath:
    """Where FiftyOne looks for the image of a key."""
    parts = inner_parts(path)
    if parts[0] == DATA:
        return PurePosixPath(*parts)
    if key.startswith("/"):
        return PurePosixPath(DATA, parts[-1])
    return PurePosixPath(DATA, *inner_parts(key + PurePosixPath(path).suffix))


def _relabel(
    doc: JsonText, node: Node, label: str | None, classes: list[str] | None, multilabel: bool
) -> list[Edit]:
    """Edits that put new labels where the old ones stand, in the same shape."""
    if label is None:
        return [doc.replaced(node, None)]
    wanted = labels_in(label, multilabel=multilabel)
    listed = isinstance(node.value, list)
    holders = doc.children(node) if listed else [node] if node.value is not None else []
    if len(holders) == len(wanted) == 1:
        return _relabel_one(doc, holders[0], wanted[0], classes)
    names = [None if (bare := _bare(h.value)) is None else _name(bare, classes) for h in holders]
    gone = {n for n, name in enumerate(names) if name not in wanted}
    shaped = any(isinstance(holder.value, dict) for holder in holders)
    new = [_written(name, classes) for name in wanted if name not in names]
    added = [doc.write({"label": value} if shaped else value) for value in new]
    if listed:
        return doc.rebuilt(node, holders, gone=gone, added=added)
    if not multilabel:
        return [(node.at, node.end, added[0])]
    kept = [doc.text[h.at : h.end] for n, h in enumerate(holders) if n not in gone]
    return [(node.at, node.end, f"[{', '.join([*kept, *added])}]")]


def _relabel_one(doc: JsonText, holder: Node, label: str, classes: list[str] | None) -> list[Edit]:
    new = _written(label, classes)
    if not isinstance(holder.value, dict):
        if classes is None and type(holder.value) is int and _NUMBER.fullmatch(label):
            return [(holder.at, holder.end, label)]
        return [doc.replaced(holder, new)]
    inner = doc.child(holder, "label")
    if inner is not None:
        return [doc.replaced(inner, new)]
    return doc.rebuilt(holder, doc.children(holder), gone=set(), added=[doc.member("label", new)])


def _written(label: str, classes: list[str] | None) -> str | int:
    return classes.index(label) if classes is not None and label in classes else label
