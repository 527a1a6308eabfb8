"""Class names in a text file, one a line: the line number is the class index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from air_core.errors import ExportError, SourceError
from air_core.formats.csv_text import decode


def read_class_list(data: bytes, name: str) -> tuple[str, ...]:
    """Class names by index; an empty line or a name that came before gets its number added.

    Examples
    --------
    >>> read_class_list(b"crane\\ndog\\ncrane\\n", "synsets.txt")
    ('crane', 'dog', 'crane (2)')
    """
    lines = decode(data, name).text.splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    names = [line.strip() for line in lines]
    often = Counter(names)
    seen: set[str] = set()
    for index, label in enumerate(names):
        names[index] = label if label and label not in seen else f"{label} ({index})".strip()
        seen.add(label)
        if names[index] != label and often[names[index]]:
            raise SourceError(
                f"Expected a name once in {name}, got {label!r} in line {index + 1} again.",
                hint="Give each class a name of its own.",
            )
    return tuple(names)


def find_class_list(folder: Path, names: Iterable[str]) -> Path | None:
    """The first of the usual files of class names that a folder has."""
    return next((f for name in names if (f := folder / name).is_file()), None)


def class_name(index: int, names: Sequence[str], where: str) -> str:
    """Name of a class index; its number where there are no names.

    Raises
    ------
    SourceError
        If there are names and this is the index of none.
    """
    if not names:
        return str(index)
    if not 0 <= index < len(names):
        raise SourceError(
            f"Expected a class index below {len(names)} in {where}, got {index}.",
            hint="Correct it, or complete the list of class names.",
        )
    return names[index]


def write_class_list(class_names: Sequence[str]) -> bytes:
    """What :func:`read_class_list` reads.

    Raises
    ------
    ExportError
        If a name does not fit in a line.
    """
    for name in class_names:
        if not name or name != name.strip() or len(name.splitlines()) != 1:
            raise ExportError(
                f"The class {name!r} cannot be a line of a text file.",
                hint="Export as csv or jsonl, or rename the class in the source.",
            )
    return "".join(f"{name}\n" for name in class_names).encode()


def number_of(label: str, index: Mapping[str, int], title: str) -> int:
    """Class index of a label; ExportError if the source has no such class."""
    try:
        return index[label]
    except KeyError:
        raise ExportError(
            f"Expected one of the {len(index)} classes of {title}, got {label!r}.",
            hint="Add it to the list of classes and open the source again.",
        ) from None
