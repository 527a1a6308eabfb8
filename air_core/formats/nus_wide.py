"""NUS-WIDE and NUS-WIDE-LITE: an image list, and a file of 0 and 1 for each concept."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from air_core.dataset import stable_item_ids, tags_of, tags_text
from air_core.errors import ExportError, SourceError
from air_core.formats.base import CleanItem, CleanLabels, Listing, ReadOptions
from air_core.formats.class_list import read_class_list, write_class_list
from air_core.formats.csv_text import decode
from air_core.formats.image_copies import ImageCopies
from air_core.formats.listed_labels import labels_in

IMAGES = ("Flickr", "images", "Images", "image")
"""Folders that the names in an image list are usually relative to."""

_LABELS = re.compile(r"(?:Lite_)?Labels_(.+?)(?:_(Train|Test))?\.txt")
_TAGS = re.compile(r"(?:Lite_)?(?:(Train|Test)_)?(?:All_?)?Tags81(?:_(Train|Test))?\.txt")
_LIST_NAME = re.compile(r"(Train|Test)?_?image_?list\.txt", re.IGNORECASE)
_LIST_FOLDER = re.compile(r"(.*_)?image[ _]?list", re.IGNORECASE)
_LIST_SPLIT = re.compile(r"Train|Test", re.IGNORECASE)
_FOLDER = re.compile(r"ground ?truth|label|tag|concept|list|nus.?wide", re.IGNORECASE)
_CONCEPTS = re.compile(r"Concepts?_?(?:List)?[0-9]*\.txt", re.IGNORECASE)
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r|\Z)")
_CELL = re.compile(rb"\S+")
_UNSAFE = re.compile(r"[/\\\x00-\x1f]")
_LONGEST = 200
_DEPTH = 4


@dataclass(frozen=True, slots=True)
class _Split:
    """Files that say the same of the same images: the list, and the labels beside it.

    ``labels`` maps concepts to files of one column; ``matrix`` is a file with a column for each
    concept instead.
    """

    name: str
    listed: Path
    labels: Mapping[str, Path]
    matrix: Path | None = None

    @property
    def files(self) -> list[Path]:
        """All of them, the list first."""
        return [self.listed, *([self.matrix] if self.matrix else self.labels.values())]


class NusWide:
    """The ``nus-wide`` format; LITE has the same files under other names.

    The labels are the ground truth of the concepts. With ``--labels Train_Tags81.txt``, or where
    there is no ground truth, they are the tags that Flickr's users gave.
    """

    name = "nus-wide"
    title = "NUS-WIDE or NUS-WIDE-LITE (a file of labels for each concept)"

    def claims(self, source: Path, options: ReadOptions) -> bool:
        """Whether label files of concepts, or tags of the 81 concepts, lie in a source."""
        if not source.is_dir():
            return False
        if options.labels is not None:
            return _TAGS.fullmatch(options.labels.name) is not None
        return any(_LABELS.fullmatch(f.name) or _TAGS.fullmatch(f.name) for f in _files(source))

    def read(self, source: Path, options: ReadOptions) -> Listing:
        """List the images of all splits, with the concepts that hold for each.

        Raises
        ------
        SourceError
            If a file is missing, or has another number of lines than the image list.
        """
        if not source.is_dir():
            raise SourceError(
                f"Expected the folder of NUS-WIDE, got the file {source}.",
                hint="Open the folder that holds Groundtruth and ImageList.",
            )
        files = _files(source)
        concepts_file, concepts = _concepts(files)
        splits = _splits(source, files, concepts, options)
        names = concepts or tuple(sorted({c for split in splits for c in split.labels}))
        originals: dict[str, bytes] = {}
        paths: list[str] = []
        labels: list[str] = []
        for split in splits:
            data = {file: file.read_bytes() for file in split.files}
            originals |= {_inner(file, source): content for file, content in data.items()}
            listed = _names(data[split.listed], split.listed)
            paths += listed
            labels += [tags_text(tags) for tags in _tags(split, data, names, len(listed))]
        if concepts_file is not None:
            originals[_inner(concepts_file, source)] = concepts_file.read_bytes()
        root = next((source / name for name in IMAGES if (source / name).is_dir()), source)
        return Listing(
            root=root.resolve(),
            paths=tuple(paths),
            labels=tuple(labels),
            class_names=names,
            notes=tuple(_notes(source, files, splits)),
            labels_file=None if options.labels is None else options.labels.resolve(),
            originals=originals,
            multilabel=True,
        )

    def fill(self, folder: Path, clean: CleanLabels) -> int:
        """Write the lists, the label files and copies of the images below ``Flickr``.

        Raises
        ------
        ExportError
            If a concept cannot be part of a file name.
        """
        if clean.originals:
            return _rewrite(folder, clean)
        return _compose(folder, clean)


def _files(source: Path) -> list[Path]:
    """Text files of a source, by path; folders of images are not entered."""
    found: list[Path] = []
    pending = [(source, 0)]
    while pending:
        folder, depth = pending.pop()
        # Not iterdir: a folder may hold a million images, each of which it would look at.
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.lower().endswith(".txt") and entry.is_file():
                    found.append(Path(entry.path))
                elif depth < _DEPTH and _FOLDER.search(entry.name):
                    pending += [(Path(entry.path), depth + 1)] if entry.is_dir() else []
    return sorted(found)


def _inner(file: Path, source: Path) -> str:
    """Where a file goes in an export."""
    inside = file.is_relative_to(source)
    return (file.relative_to(source) if inside else Path("NUS_WID_Tags", file.name)).as_posix()


def _concepts(files: Sequence[Path]) -> tuple[Path | None, tuple[str, ...]]:
    found = [file for file in files if _CONCEPTS.fullmatch(file.name)]
    if not found:
        return None, ()
    return found[0], read_class_list(found[0].read_bytes(), found[0].name)


def _splits(
    source: Path, files: Sequence[Path], concepts: Sequence[str], options: ReadOptions
) -> list[_Split]:
    """The splits to read: training and test where there are such files, else all images."""
    labels: dict[str, dict[str, Path]] = {}
    matrices: dict[str, Path] = {}
    for file in files:
        if (found := _LABELS.fullmatch(file.name)) is not None:
            labels.setdefault(found[2] or "All", {})[found[1]] = file
        elif (found := _TAGS.fullmatch(file.name)) is not None:
            matrices[found[1] or found[2] or "All"] = file
    if options.labels is not None:
        found = _TAGS.fullmatch(options.labels.name)
        if found is None:
            raise SourceError(
                f"Expected a file of user tags such as Train_Tags81.txt, got {options.labels}.",
                hint="Leave --labels out to read the ground truth.",
            )
        labels, matrices = {}, {found[1] or found[2] or "All": options.labels}
    kind: Mapping[str, object] = labels or matrices
    wanted = [name for name in ("Train", "Test") if name in kind] or ["All"]
    if not kind:
        raise SourceError(
            f"Expected Groundtruth/TrainTestLabels/Labels_<concept>_Train.txt in {source}, "
            "got none.",
            hint="Unpack Groundtruth.zip of NUS-WIDE into it.",
        )
    if not labels and not concepts:
        raise _missing(source, "ConceptsList/Concepts81.txt", "the names of the tags")
    splits = []
    for name in wanted:
        columns = labels.get(name, {})
        for concept in concepts if labels else ():
            if concept not in columns:
                other, file = next(iter(columns.items()))
                usual = file.name.replace(other, concept, 1)
                raise _missing(source, usual, f"the labels of {concept!r}")
        matrix = None if labels else matrices[name]
        listed = _image_list(source, files, name, matrix or next(iter(columns.values())))
        splits.append(_Split(name, listed, dict(sorted(columns.items())), matrix))
    return splits


def _missing(source: Path, name: str, what: str) -> SourceError:
    return SourceError(
        f"Expected {name} in {source}, got none: it holds {what}.",
        hint="Copy it from your NUS-WIDE and open the folder again.",
    )


def _image_list(source: Path, files: Sequence[Path], split: str, labels: Path) -> Path:
    found = []
    for file in files:
        if _LIST_NAME.fullmatch(file.name) or _LIST_FOLDER.fullmatch(file.parent.name):
            its = _LIST_SPLIT.search(file.stem)
            if (its[0] if its else "All").capitalize() == split:
                found.append(file)
    if not found:
        usual = "Imagelist.txt" if split == "All" else f"{split}Imagelist.txt"
        raise _missing(source, f"ImageList/{usual}", "the names of the images")
    if len(found) > 1:
        # Lists of subsets lie beside the published ones in many copies.
        rows = len(_names(labels.read_bytes(), labels))
        found.sort(key=lambda file: len(_names(file.read_bytes(), file)) != rows)
    return found[0]


def _names(data: bytes, file: Path) -> list[str]:
    """The lines of an image list; an empty one at the end is none."""
    names = [decode(line, file.name).text.strip() for line in _lines(data)]
    while names and not names[-1]:
        names.pop()
    return names


def _lines(data: bytes) -> list[bytes]:
    return [line for line in _LINE.findall(data) if line]


def _tags(
    split: _Split, data: Mapping[Path, bytes], names: Sequence[str], rows: int
) -> Iterator[list[str]]:
    """The concepts of each image."""
    if split.matrix is not None:
        for number, line in enumerate(_rows(data[split.matrix], split.matrix, rows), 1):
            cells = _CELL.findall(line)
            if len(cells) != len(names) or set(cells) - {b"0", b"1"}:
                raise SourceError(
                    f"Expected {len(names)} times 0 or 1 in line {number} of {split.matrix.name}, "
                    f"one for each concept, got {line[:60].decode('utf-8', 'replace')!r}."
                )
            yield [name for name, cell in zip(names, cells, strict=True) if cell == b"1"]
        return
    columns = {}
    for concept, file in split.labels.items():
        cells = [line.strip() for line in _rows(data[file], file, rows)]
        for number, cell in enumerate(cells, 1):
            if cell not in (b"0", b"1"):
                raise SourceError(
                    f"Expected 0 or 1 in line {number} of {file.name}, "
                    f"got {cell[:60].decode('utf-8', 'replace')!r}."
                )
        columns[concept] = cells
    for row in range(rows):
        yield [concept for concept, cells in columns.items() if cells[row] == b"1"]


def _rows(data: bytes, file: Path, wanted: int) -> list[bytes]:
    lines = _lines(data)
    while lines and not lines[-1].strip():
        lines.pop()
    if len(lines) != wanted:
        raise SourceError(
            f"Expected {wanted:,} lines in {file.name}, as many as the image list has, "
            f"got {len(lines):,}.",
            hint="Copy it again, or take the list that belongs to it.",
        )
    return lines


def _notes(source: Path, files: Iterable[Path], splits: Sequence[_Split]) -> Iterator[str]:
    used = {file for split in splits for file in split.files}
    others = [f for f in files if _LABELS.fullmatch(f.name) and f not in used]
    if others:
        folder = others[0].parent.relative_to(source).as_posix()
        yield (
            f"{len(others)} label files such as {folder}/{others[0].name} say the same again and "
            "were passed over; an export leaves them out."
        )


def _rewrite(folder: Path, clean: CleanLabels) -> int:
    paths: list[str] = []
    spans: dict[str, range] = {}
    current = ""
    # A list comes before the label files that belong to it.
    for name, data in clean.originals.items():
        if _is_list(name):
            listed = _names(data, Path(name))
            spans[name] = range(len(paths), len(paths) + len(listed))
            paths += listed
            current = name
        elif not _CONCEPTS.fullmatch(Path(name).name):
            spans[name] = spans[current]
    ids = stable_item_ids(paths).tolist()
    changed = {item.item_id: item for item in clean.items if item.label != item.given_label}
    for name, data in clean.originals.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        rows = [ids[n] for n in spans.get(name, ())]
        place.write_bytes(_edited(name, data, rows, changed, clean))
    copies = ImageCopies(folder / IMAGES[0])
    for item in clean.items:
        copies.add(item)
    return len(clean.items)


def _is_list(name: str) -> bool:
    file = Path(name)
    return not any(p.fullmatch(file.name) for p in (_LABELS, _TAGS, _CONCEPTS))


def _edited(
    name: str,
    data: bytes,
    rows: Sequence[str],
    changed: Mapping[str, CleanItem],
    clean: CleanLabels,
) -> bytes:
    """One file with the cells of relabelled images set and the lines of excluded ones gone."""
    labels = _LABELS.fullmatch(Path(name).name)
    concepts = [labels[1]] if labels else [] if _is_list(name) else clean.class_names
    lines = _lines(data)
    for n, item_id in enumerate(rows):
        if item_id in clean.excluded:
            lines[n] = b""
        elif item_id in changed:
            item = changed[item_id]
            given, wanted = set(tags_of(item.given_label)), set(tags_of(item.label))
            cells = {c: b"1" if c in wanted else b"0" for c in given ^ wanted}
            lines[n] = _with_cells(lines[n], concepts, cells)
    return b"".join(lines)


def _with_cells(line: bytes, concepts: Sequence[str], cells: Mapping[str, bytes]) -> bytes:
    parts, position = [], 0
    for concept, found in zip(concepts, _CELL.finditer(line), strict=False):
        if concept in cells:
            parts += [line[position : found.start()], cells[concept]]
            position = found.end()
    return b"".join([*parts, line[position:]])


def _compose(folder: Path, clean: CleanLabels) -> int:
    for name in clean.class_names:
        if _UNSAFE.search(name) or len(name.encode()) > _LONGEST:
            raise ExportError(
                f"The class {name!r} cannot be part of a file name, as NUS-WIDE needs it.",
                hint="Export as jsonl, or rename the class in the source.",
            )
    files = {"ConceptsList/Concepts81.txt": write_class_list(clean.class_names)}
    items = [item for item in clean.items if item.label is not None]
    copies = ImageCopies(folder / IMAGES[0])
    names = [copies.add(item, _writable(item)) for item in items]
    files["ImageList/TrainImagelist.txt"] = "".join(f"{name}\n" for name in names).encode()
    tags = [set(labels_in(item.label, multilabel=clean.multilabel)) for item in items]
    for concept in clean.class_names:
        column = b"".join(b"1\n" if concept in each else b"0\n" for each in tags)
        files[f"Groundtruth/TrainTestLabels/Labels_{concept}_Train.txt"] = column
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return len(items)


def _writable(item: CleanItem) -> str | None:
    """Another name for an image whose own cannot be a line."""
    path = item.path
    plain = path == path.strip() and path.isprintable()
    return None if plain else f"{item.item_id}{item.file.suffix}"
