"""NUS-WIDE and NUS-WIDE-LITE: an image list, and a file of 0 and 1 for each concept."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from air_core.dataset import stable_item_ids, tags_of, tags_text
from air_core.errors import ExportError, SourceError
from air_core.formats.base import CleanItem, CleanLabels, Listing, ReadOptions
from air_core.formats.class_list import write_class_list
from air_core.formats.image_copies import ImageCopies
from air_core.formats.listed_labels import labels_in
from air_core.formats.nus_wide_files import (
    CONCEPTS,
    IMAGES,
    LABELS,
    TAGS,
    Split,
    find_splits,
    inner_name,
    is_image_list,
    lines_of,
    listed_names,
    passed_over,
    read_concepts,
    text_files,
)

_CELL = re.compile(rb"\S+")
_UNSAFE = re.compile(r"[/\\\x00-\x1f]")
_LONGEST = 200


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
            return TAGS.fullmatch(options.labels.name) is not None
        return any(LABELS.fullmatch(f.name) or TAGS.fullmatch(f.name) for f in text_files(source))

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
        files = text_files(source)
        concepts_file, concepts = read_concepts(files)
        splits = find_splits(source, files, concepts, options)
        names = concepts or tuple(sorted({c for split in splits for c in split.labels}))
        originals: dict[str, bytes] = {}
        paths: list[str] = []
        labels: list[str] = []
        for split in splits:
            data = {file: file.read_bytes() for file in split.files}
            originals |= {inner_name(file, source): content for file, content in data.items()}
            listed = listed_names(data[split.listed], split.listed)
            paths += listed
            labels += [tags_text(tags) for tags in _tags(split, data, names, len(listed))]
        if concepts_file is not None:
            originals[inner_name(concepts_file, source)] = concepts_file.read_bytes()
        root = next((source / name for name in IMAGES if (source / name).is_dir()), source)
        return Listing(
            root=root.resolve(),
            paths=tuple(paths),
            labels=tuple(labels),
            class_names=names,
            notes=tuple(passed_over(source, files, splits)),
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


def _tags(
    split: Split, data: Mapping[Path, bytes], names: Sequence[str], rows: int
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
    lines = lines_of(data)
    while lines and not lines[-1].strip():
        lines.pop()
    if len(lines) != wanted:
        raise SourceError(
            f"Expected {wanted:,} lines in {file.name}, as many as the image list has, "
            f"got {len(lines):,}.",
            hint="Copy it again, or take the list that belongs to it.",
        )
    return lines


def _rewrite(folder: Path, clean: CleanLabels) -> int:
    paths: list[str] = []
    spans: dict[str, range] = {}
    current = ""
    # A list comes before the label files that belong to it.
    for name, data in clean.originals.items():
        if is_image_list(name):
            listed = listed_names(data, Path(name))
            spans[name] = range(len(paths), len(paths) + len(listed))
            paths += listed
            current = name
        elif not CONCEPTS.fullmatch(Path(name).name):
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


def _edited(
    name: str,
    data: bytes,
    rows: Sequence[str],
    changed: Mapping[str, CleanItem],
    clean: CleanLabels,
) -> bytes:
    """One file with the cells of relabelled images set and the lines of excluded ones gone."""
    labels = LABELS.fullmatch(Path(name).name)
    concepts = [labels[1]] if labels else [] if is_image_list(name) else clean.class_names
    lines = lines_of(data)
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
