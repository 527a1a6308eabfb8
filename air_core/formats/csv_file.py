"""CSV and TSV: one row an image, columns for the path and the label, any others untouched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from air_core.dataset import stable_item_ids
from air_core.errors import ExportError, SourceError
from air_core.formats.base import CleanLabels, Listing, ReadOptions
from air_core.formats.csv_text import DELIMITERS, Dialect, Encoded, Record, decode, records

PATH_NAMES = {
    *("path", "file", "filename", "filepath", "image", "imagepath", "imagefile", "imagefilename"),
    *("imagename", "img", "imgpath", "relativepath", "relpath"),
}
LABEL_NAMES = {
    *("label", "class", "category", "target", "givenlabel", "noisylabel", "labelname"),
    *("classname", "categoryname"),
}
FOLDER_NAMES = ("labels", "label", "annotations", "metadata")
"""Stems of label files that are found by themselves in a folder of images."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the path and the label stand in each row."""

    names: tuple[str, ...]
    path: int
    label: int

    def flaw(self, record: Record) -> str | None:
        """Why a row cannot be an item, if it cannot."""
        wanted, got = len(self.names), len(record.cells)
        if got <= max(self.path, self.label):
            return f"Row {record.number} has {got} of {wanted} cells. Complete it."
        if any(cell.value for cell in record.cells[wanted:]):
            return (
                f"Row {record.number} has {got} cells for {wanted} columns. "
                f"Put quotes round a name that holds the delimiter."
            )
        if not record.cells[self.path].value:
            return f"Row {record.number} has no path. Complete it."
        return None


class DelimitedText:
    """The ``csv`` and ``tsv`` formats.

    The delimiter of an existing file is found in its first line, whatever its name ends in;
    ``delimiter`` is for files composed anew.
    """

    def __init__(self, name: str, title: str, suffix: str, delimiter: str) -> None:
        self.name = name
        self.title = title
        self.suffix = suffix
        self.delimiter = delimiter

    def claims(self, source: Path, options: ReadOptions) -> bool:
        """Whether the label file of a source ends in ``.csv`` or ``.tsv``."""
        file = options.labels or source
        if file.is_dir():
            found = labels_files(file)
            return bool(found) and found[0].suffix.lower() == self.suffix
        return file.suffix.lower() == self.suffix

    def read(self, source: Path, options: ReadOptions) -> Listing:
        """List the rows of a label file.

        Raises
        ------
        SourceError
            If the file, its columns or its encoding are not clear.
        """
        file = self._labels_file(source, options)
        root = source if source.is_dir() else source.parent
        data = file.read_bytes()
        _, _, layout, rows = _open(data, file.name, options)
        paths, labels, rejected = [], [], []
        for record in rows:
            flaw = layout.flaw(record)
            if flaw is None:
                paths.append(record.cells[layout.path].value)
                labels.append(record.cells[layout.label].value or None)
            else:
                shown = record.cells[layout.path].value if layout.path < len(record.cells) else ""
                rejected.append((shown or f"row {record.number}", flaw))
        return Listing(
            root=root.resolve(),
            paths=tuple(paths),
            labels=tuple(labels),
            class_names=tuple(sorted({label for label in labels if label is not None})),
            rejected=tuple(rejected),
            labels_file=file.resolve(),
            originals={file.name: data},
            path_column=layout.names[layout.path],
            label_column=layout.names[layout.label],
        )

    def compose(self, clean: CleanLabels) -> bytes:
        """The cleaned labels: the source's own file with changed cells, or ``path,label``.

        Raises
        ------
        ExportError
            If a new label cannot be written in the file's encoding.
        """
        if clean.original is not None:
            return _rewrite(clean.original, clean)
        dialect = Dialect(self.delimiter)
        rows = [("path", "label"), *((i.path, i.label or "") for i in clean.items)]
        lines = (
            self.delimiter.join(dialect.write(cell, quoted=False) for cell in row) for row in rows
        )
        return "".join(f"{line}\n" for line in lines).encode()

    def _labels_file(self, source: Path, options: ReadOptions) -> Path:
        if options.labels is not None:
            return options.labels
        if not source.is_dir():
            return source
        found = labels_files(source)
        if not found:
            raise SourceError(
                f"Expected a label file in {source}, got none named "
                f"{' or '.join(f'{stem}{self.suffix}' for stem in FOLDER_NAMES[:2])}.",
                hint="Name the label file with --labels.",
            )
        return found[0]


def labels_files(folder: Path) -> list[Path]:
    """Label files in a folder that need no naming; the best name first.

    Raises
    ------
    SourceError
        If two of them are equally good.
    """
    for stem in FOLDER_NAMES:
        found = [f for s in (".csv", ".tsv") if (f := folder / f"{stem}{s}").is_file()]
        if len(found) > 1:
            raise SourceError(
                f"Expected one label file in {folder}, got {' and '.join(f.name for f in found)}.",
                hint="Choose one with --labels.",
            )
        if found:
            return found
    return []


def _open(
    data: bytes, name: str, options: ReadOptions
) -> tuple[Encoded, Dialect, _Layout, Iterator[Record]]:
    encoded = decode(data, name)
    dialect, header = _sniff(encoded.text, name, options)
    names = tuple(cell.value for cell in header.cells)
    layout = _Layout(
        names,
        _column(names, options.path_column, PATH_NAMES, "image paths", "--path-column", name),
        _column(names, options.label_column, LABEL_NAMES, "labels", "--label-column", name),
    )
    if layout.path == layout.label:
        raise SourceError(
            f"Expected two columns of {name}, got {names[layout.path]!r} for paths and labels.",
            hint="Choose with --path-column and --label-column.",
        )
    rows = (r for r in records(encoded.text, dialect) if r.number > header.number and not r.blank)
    return encoded, dialect, layout, rows


def _sniff(text: str, name: str, options: ReadOptions) -> tuple[Dialect, Record]:
    """The delimiter under which the first row has the most columns that we know."""
    candidates = []
    for rank, delimiter in enumerate(DELIMITERS):
        dialect = Dialect(delimiter)
        header = next((r for r in records(text, dialect) if not r.blank), None)
        if header is None:
            raise SourceError(f"Expected a first row with column names in {name}, got no rows.")
        rest = header.cells[1:]
        if rest and all(cell.value.startswith(" ") for cell in rest):
            dialect = Dialect(delimiter, skip_space=True)
            header = next(r for r in records(text, dialect) if not r.blank)
        wanted = {options.path_column, options.label_column}
        known = sum(
            cell.value in wanted or _plain(cell.value) in PATH_NAMES | LABEL_NAMES
            for cell in header.cells
        )
        candidates.append((known, len(header.cells), -rank, dialect, header))
    *_, dialect, header = max(candidates, key=lambda c: c[:3])
    return dialect, header


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())


def _column(
    names: Sequence[str], chosen: str | None, usual: Set[str], of: str, option: str, file: str
) -> int:
    columns = ", ".join(repr(n) for n in names)
    if chosen is not None:
        if Counter(names)[chosen] != 1:
            raise SourceError(
                f"Expected one column {chosen!r} in {file}, got {columns}.",
                hint=f"Choose one of these with {option}.",
            )
        return names.index(chosen)
    found = [i for i, n in enumerate(names) if _plain(n) in usual]
    if len(found) != 1:
        which = " and ".join(repr(names[i]) for i in found) or "none that is named so"
        raise SourceError(
            f"Expected one column of {of} in {file}, got {which}; its columns are {columns}.",
            hint=f"Choose one with {option}.",
        )
    return found[0]


def _rewrite(data: bytes, clean: CleanLabels) -> bytes:
    encoded, dialect, layout, rows = _open(data, "the label file", clean.options)
    items = [r for r in rows if layout.flaw(r) is None]
    ids = stable_item_ids(r.cells[layout.path].value for r in items)
    changed = clean.changed()
    parts, position = [], 0
    for record, item_id in zip(items, ids.tolist(), strict=True):
        if item_id in clean.excluded:
            parts.append(encoded.text[position : record.start])
            position = record.end
        elif item_id in changed:
            cell = record.cells[layout.label]
            new = dialect.write(changed[item_id] or "", quoted=cell.quoted)
            parts += [encoded.text[position : cell.start], new]
            position = cell.end
    parts.append(encoded.text[position:])
    try:
        return encoded.encode("".join(parts))
    except UnicodeEncodeError as error:
        raise ExportError(
            f"A label cannot be written as {encoded.encoding.upper()}: {error.object!r}."
        ) from None
