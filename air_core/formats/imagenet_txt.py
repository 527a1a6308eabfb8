"""ImageNet's text lists: ``train.txt`` with an image and its class numbers in each line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from air_core.dataset import stable_item_ids
from air_core.errors import SourceError
from air_core.formats.base import CleanItem, CleanLabels, Listing, ReadOptions
from air_core.formats.class_list import (
    class_name,
    find_class_list,
    number_of,
    read_class_list,
    write_class_list,
)
from air_core.formats.csv_text import decode
from air_core.formats.image_copies import ImageCopies
from air_core.formats.image_paths import copy_unaudited, image_root, inner_parts
from air_core.formats.listed_labels import is_multilabel, label_text, labels_in

CLASS_LISTS = ("synsets.txt", "synset_words.txt")
"""Class names, one a line; the line number is the class number."""

IMAGES = "images"
"""The folder that names are relative to; where it is missing they are relative to the list."""

_LINE = re.compile(r"([^\r\n]*)(\r\n|\n|\r|\Z)")
_TOKEN = re.compile(r"\S+")
_NUMBER = re.compile(r"[0-9]{1,9}")
_PLAIN_NAME = re.compile(r'[^\s"]+')
_SPACED_NAME = re.compile(r'([^"\x00-\x1f]*?)(\.[^\s".]+)?')
_PEEK = 50


@dataclass(frozen=True, slots=True)
class _Row:
    """One line: its span with the line end, where its numbers stand, and what it says."""

    number: int
    start: int
    end: int
    name: str
    ids: tuple[int, ...]
    ids_start: int
    ids_end: int


class ImageNetText:
    """The ``imagenet-txt`` format, as Datumaro and Caffe have it.

    A name with spaces stands in quotes, its ending behind them: ``"my cat".jpg 3``. Several
    numbers in a line say that images may have several labels; a line without one has no label.
    """

    name = "imagenet-txt"
    title = "ImageNet text lists (train.txt and synsets.txt)"

    def claims(self, source: Path, options: ReadOptions) -> bool:
        """Whether a list of images lies beside a list of classes."""
        return find_class_list(_folder(source, options), CLASS_LISTS) is not None and bool(
            _lists(source, options)
        )

    def read(self, source: Path, options: ReadOptions) -> Listing:
        """List the lines of ``train.txt``, ``val.txt`` …, in the order of their names.

        Raises
        ------
        SourceError
            If there is no such list, or one is not text.
        """
        lists = _lists(source, options)
        if not lists:
            raise SourceError(
                f"Expected a list such as train.txt in {source}, with lines like '1.jpg 0', "
                "got none.",
                hint="Name it with --labels.",
            )
        originals = {file.name: file.read_bytes() for file in lists}
        folder = _folder(source, options)
        names: tuple[str, ...] = ()
        classes = find_class_list(folder, CLASS_LISTS)
        if classes is not None:
            originals[classes.name] = classes.read_bytes()
            names = read_class_list(originals[classes.name], classes.name)
        paths, found, rejected = [], [], []
        for file in lists:
            for row in _rows(originals[file.name], file.name):
                try:
                    found.append(_labels(row, names, file.name))
                    paths.append(row.name)
                except SourceError as error:
                    rejected.append((row.name, str(error)))
        multilabel = is_multilabel(found, options)
        used = {label for labels in found for label in labels}
        base = source if options.labels is not None and source.is_dir() else folder
        return Listing(
            root=(base / IMAGES if (base / IMAGES).is_dir() else base).resolve(),
            paths=tuple(paths),
            labels=tuple(label_text(labels, multilabel=multilabel) for labels in found),
            class_names=names or tuple(sorted(used, key=int)),
            rejected=tuple(rejected),
            labels_file=None if options.labels is None else options.labels.resolve(),
            originals=originals,
            separator=options.separator,
            multilabel=multilabel,
        )

    def fill(self, folder: Path, clean: CleanLabels) -> int:
        """Write the lists and copies of the images below ``images``."""
        copies = ImageCopies(folder / IMAGES)
        if clean.originals:
            return _rewrite(folder, clean, copies)
        (folder / CLASS_LISTS[0]).write_bytes(write_class_list(clean.class_names))
        index = {name: n for n, name in enumerate(clean.class_names)}
        lines = []
        for item in clean.items:
            name = copies.add(item, _writable(item))
            numbers = [index[label] for label in labels_in(item.label, multilabel=clean.multilabel)]
            lines.append(" ".join([_quoted(name), *map(str, numbers)]))
        text = "".join(f"{line}\n" for line in lines)
        (folder / "train.txt").write_text(text, encoding="utf-8", newline="")
        return len(clean.items)


def _folder(source: Path, options: ReadOptions) -> Path:
    """Where the lists lie."""
    file = options.labels or source
    return file if file.is_dir() else file.parent


def _lists(source: Path, options: ReadOptions) -> list[Path]:
    file = options.labels or source
    if not file.is_dir():
        return [file] if file.suffix.lower() == ".txt" and _looks_like_a_list(file) else []
    found = sorted(f for f in file.glob("*.txt") if f.is_file() and f.name not in CLASS_LISTS)
    return [f for f in found if not f.name.startswith(".") and _looks_like_a_list(f)]


def _looks_like_a_list(file: Path) -> bool:
    """Whether most of the first lines are a name and a number."""
    with file.open("rb") as opened:
        start = opened.read(1 << 16)
    if len(start) == 1 << 16:
        start = start[: start.rfind(b"\n") + 1]
    try:
        rows = [row for row, _ in zip(_rows(start, file.name), range(_PEEK), strict=False)]
    except SourceError:
        return False
    return sum(bool(row.ids) for row in rows) * 2 > len(rows)


def _rows(data: bytes, name: str) -> Iterator[_Row]:
    """The lines of a list that are not empty."""
    text = decode(data, name).text
    for number, found in enumerate(_LINE.finditer(text), 1):
        if found[1].strip():
            yield _row(found, number)


def _row(found: re.Match[str], number: int) -> _Row:
    line, start = found[1], found.start()
    tokens = list(_TOKEN.finditer(line))
    first = 1
    opening, closing = line.find('"'), line.rfind('"')
    name_end = tokens[0].end()
    if opening == tokens[0].start() and closing > opening:
        ending = _TOKEN.match(line, closing + 1)
        name_end = ending.end() if ending else closing + 1
        first = next((n for n, t in enumerate(tokens) if t.start() >= name_end), len(tokens))
        name = line[opening + 1 : closing] + (ending[0] if ending else "")
    else:
        # Names with spaces should be quoted; where they are not, the numbers end the line.
        first = len(tokens)
        while first > 1 and _NUMBER.fullmatch(tokens[first - 1][0]):
            first -= 1
        name_end = tokens[first - 1].end()
        name = line[tokens[0].start() : name_end]
    ids = tokens[first:]
    if any(not _NUMBER.fullmatch(token[0]) for token in ids):
        ids = []
        name = line.strip()
    return _Row(
        number=number,
        start=start,
        end=found.end(),
        name=name,
        ids=tuple(int(token[0]) for token in ids),
        ids_start=start + (ids[0].start() if ids else name_end),
        ids_end=start + (ids[-1].end() if ids else name_end),
    )


def _labels(row: _Row, names: Sequence[str], file: str) -> list[str]:
    return [class_name(n, names, f"line {row.number} of {file}") for n in row.ids]


def _rewrite(folder: Path, clean: CleanLabels, copies: ImageCopies) -> int:
    originals = dict(clean.originals)
    class_file = next((name for name in CLASS_LISTS if name in originals), None)
    names: tuple[str, ...] = ()
    if class_file is not None:
        (folder / class_file).write_bytes(originals[class_file])
        names = read_class_list(originals.pop(class_file), class_file)
    rows = {file: list(_usable(data, file, names)) for file, data in originals.items()}
    ids = iter(stable_item_ids(row.name for listed in rows.values() for row in listed).tolist())
    items = {item.item_id: item for item in clean.items}
    root = image_root(clean)
    for file, listed in rows.items():
        encoded = decode(originals[file], file)
        parts, position = [], 0
        for row in listed:
            item_id = next(ids)
            item = items.get(item_id)
            if item_id in clean.excluded:
                parts.append(encoded.text[position : row.start])
                position = row.end
            elif item is None:
                copy_unaudited(root, row.name, folder.joinpath(IMAGES, *inner_parts(row.name)))
            else:
                copies.add(item)
                if item.label != item.given_label:
                    parts += [encoded.text[position : row.ids_start], _numbers(row, item, clean)]
                    position = row.ids_end
        parts.append(encoded.text[position:])
        (folder / file).write_bytes(encoded.encode("".join(parts)))
    return len(clean.items)


def _usable(data: bytes, file: str, names: Sequence[str]) -> Iterator[_Row]:
    """The lines that the reader listed."""
    for row in _rows(data, file):
        try:
            _labels(row, names, file)
        except SourceError:
            continue
        yield row


def _numbers(row: _Row, item: CleanItem, clean: CleanLabels) -> str:
    """The class numbers of a new label; those that were there before come first."""
    index = {name: n for n, name in enumerate(clean.class_names)}
    if not any(name in CLASS_LISTS for name in clean.originals):
        index = {name: int(name) for name in clean.class_names}
    labels = labels_in(item.label, multilabel=clean.multilabel)
    wanted = [number_of(label, index, "the source") for label in labels]
    kept = [n for n in row.ids if n in wanted]
    text = " ".join(map(str, [*kept, *(n for n in wanted if n not in kept)]))
    return text if row.ids else f" {text}".rstrip()


def _writable(item: CleanItem) -> str | None:
    """Another name for an image whose own cannot stand in a line."""
    path = item.path
    if _PLAIN_NAME.fullmatch(path) or _SPACED_NAME.fullmatch(path):
        return None
    return f"{item.item_id}{item.file.suffix}"


def _quoted(name: str) -> str:
    if _PLAIN_NAME.fullmatch(name):
        return name
    spaced = _SPACED_NAME.fullmatch(name)
    # Names that match neither were replaced.
    assert spaced is not None
    return f'"{spaced[1]}"{spaced[2] or ""}'
