"""The files of NUS-WIDE: which of them a source has, and which belong together."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from air_core.errors import SourceError
from air_core.formats.base import ReadOptions
from air_core.formats.class_list import read_class_list
from air_core.formats.csv_text import decode

IMAGES = ("Flickr", "images", "Images", "image")
"""Folders that the names in an image list are usually relative to."""

LABELS = re.compile(r"(?:Lite_)?Labels_(.+?)(?:_(Train|Test))?\.txt")
TAGS = re.compile(r"(?:Lite_)?(?:(Train|Test)_)?(?:All_?)?Tags81(?:_(Train|Test))?\.txt")
CONCEPTS = re.compile(r"Concepts?_?(?:List)?[0-9]*\.txt", re.IGNORECASE)
"""How the files are named: labels of a concept, tags of all concepts, the concepts' names."""

_LIST_NAME = re.compile(r"(Train|Test)?_?image_?list\.txt", re.IGNORECASE)
_LIST_FOLDER = re.compile(r"(.*_)?image[ _]?list", re.IGNORECASE)
_LIST_SPLIT = re.compile(r"Train|Test", re.IGNORECASE)
_FOLDER = re.compile(r"ground ?truth|label|tag|concept|list|nus.?wide", re.IGNORECASE)
_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Split:
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


def text_files(source: Path) -> list[Path]:
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


def inner_name(file: Path, source: Path) -> str:
    """Where a file goes in an export."""
    inside = file.is_relative_to(source)
    return (file.relative_to(source) if inside else Path("NUS_WID_Tags", file.name)).as_posix()


def read_concepts(files: Sequence[Path]) -> tuple[Path | None, tuple[str, ...]]:
    """The file of concept names and what it says, if there is one."""
    found = [file for file in files if CONCEPTS.fullmatch(file.name)]
    if not found:
        return None, ()
    return found[0], read_class_list(found[0].read_bytes(), found[0].name)


def find_splits(
    source: Path, files: Sequence[Path], concepts: Sequence[str], options: ReadOptions
) -> list[Split]:
    """The splits to read: training and test where there are such files, else all images.

    Raises
    ------
    SourceError
        If a file is missing; names it.
    """
    labels: dict[str, dict[str, Path]] = {}
    matrices: dict[str, Path] = {}
    for file in files:
        if (found := LABELS.fullmatch(file.name)) is not None:
            labels.setdefault(found[2] or "All", {})[found[1]] = file
        elif (found := TAGS.fullmatch(file.name)) is not None:
            matrices[found[1] or found[2] or "All"] = file
    if options.labels is not None:
        found = TAGS.fullmatch(options.labels.name)
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
        splits.append(Split(name, listed, dict(sorted(columns.items())), matrix))
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
        rows = len(listed_names(labels.read_bytes(), labels))
        found.sort(key=lambda file: len(listed_names(file.read_bytes(), file)) != rows)
    return found[0]


def listed_names(data: bytes, file: Path) -> list[str]:
    """The lines of an image list; an empty one at the end is none."""
    names = [decode(line, file.name).text.strip() for line in lines_of(data)]
    while names and not names[-1]:
        names.pop()
    return names


def lines_of(data: bytes) -> list[bytes]:
    """Lines with their ends."""
    return data.splitlines(keepends=True)


def passed_over(source: Path, files: Iterable[Path], splits: Sequence[Split]) -> Iterator[str]:
    """What to tell of label files that are not read."""
    used = {file for split in splits for file in split.files}
    others = [f for f in files if LABELS.fullmatch(f.name) and f not in used]
    if others:
        folder = others[0].parent.relative_to(source).as_posix()
        yield (
            f"{len(others)} label files such as {folder}/{others[0].name} say the same again and "
            "were passed over; an export leaves them out."
        )


def is_image_list(name: str) -> bool:
    """Whether one of the files kept from a source is a list of images."""
    file = Path(name)
    return not any(p.fullmatch(file.name) for p in (LABELS, TAGS, CONCEPTS))
