"""Label files with a row an image, of any kind: listed, and edited in the cells that change."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from air_core.dataset import stable_item_ids, tags_of
from air_core.errors import ExportError
from air_core.formats.base import CleanLabels, Listing
from air_core.formats.tag_cells import LabelCell, TagCells, separator_notes


class LabelTable(Protocol):
    """One label file, cut into rows.

    Attributes
    ----------
    paths : list of str
        Of the rows that can be items.
    cells : list of LabelCell
        Their labels.
    rejected : list of (str, str)
        The other rows, and why.
    class_names : tuple of str
        Where the file itself numbers its classes; else empty.
    arrays : bool
        Whether labels are lists by type, not by the look of a text.
    """

    paths: list[str]
    cells: list[LabelCell]
    rejected: list[tuple[str, str]]
    class_names: tuple[str, ...]
    arrays: bool
    path_column: str
    label_column: str

    def edited(self, cells: Mapping[int, LabelCell], dropped: Set[int]) -> bytes:
        """The file with other label cells and without some rows, both by position in ``paths``.

        Raises
        ------
        ExportError
            If a label cannot be written there.
        """


@dataclass(frozen=True, slots=True)
class TablePart:
    """A label file of a source; its paths are relative to ``prefix``."""

    name: str
    table: LabelTable
    prefix: str = ""

    @property
    def paths(self) -> list[str]:
        """Paths relative to the source's folder."""
        if not self.prefix:
            return list(self.table.paths)
        return [posixpath.join(self.prefix, path) for path in self.table.paths]


@dataclass(frozen=True, slots=True)
class TableSet:
    """All label files of a source, read with the same options."""

    parts: tuple[TablePart, ...]
    tags: TagCells | None
    separator: str | None

    @classmethod
    def of(cls, parts: Iterable[TablePart], separator: str | None) -> TableSet:
        """Find out whether the files hold one label an image or several."""
        found = tuple(parts)
        cells = [cell for part in found for cell in part.table.cells]
        return cls(found, TagCells.find(cells, separator), separator)

    @property
    def multilabel(self) -> bool:
        """Whether an image may have several labels."""
        return self.tags is not None

    def paths(self) -> tuple[str, ...]:
        """Paths of all rows that can be items."""
        return tuple(path for part in self.parts for path in part.paths)

    def labels(self) -> tuple[str | None, ...]:
        """Labels of all rows that can be items, as in a listing."""
        cells = (cell for part in self.parts for cell in part.table.cells)
        tags = self.tags
        if tags is None:
            return tuple(cell.text or None for cell in cells)
        return tuple(tags.label(cell) for cell in cells)

    def rejected(self) -> tuple[tuple[str, str], ...]:
        """Rows that cannot be items, and why."""
        return tuple(
            (posixpath.join(part.prefix, shown), reason)
            for part in self.parts
            for shown, reason in part.table.rejected
        )

    def class_names(self) -> tuple[str, ...]:
        """Classes in the files' own order, those that only labels name after them."""
        own = dict.fromkeys(name for part in self.parts for name in part.table.class_names)
        labels = (label for label in self.labels() if label is not None)
        named = {tag for x in labels for tag in tags_of(x)} if self.multilabel else set(labels)
        return (*own, *in_order(named - set(own)))

    def notes(self) -> tuple[str, ...]:
        """What may surprise in how the labels were taken."""
        if self.multilabel and self.separator is None:
            return ()
        cells = (cell.text for part in self.parts for cell in part.table.cells)
        return separator_notes(cells, self.separator)

    def listing(self, root: Path, file: Path, data: bytes | None) -> Listing:
        """What a source of one label file lists; ``data`` is kept for the export."""
        table = self.parts[0].table
        return Listing(
            root=root.resolve(),
            paths=self.paths(),
            labels=self.labels(),
            class_names=self.class_names(),
            rejected=self.rejected(),
            notes=self.notes(),
            labels_file=file.resolve(),
            originals={} if data is None else {file.name: data},
            path_column=table.path_column,
            label_column=table.label_column,
            separator=self.separator,
            multilabel=self.multilabel,
            without_copy=(file,) if data is None else (),
        )

    def edited(self, clean: CleanLabels) -> Iterator[tuple[str, bytes | None]]:
        """Each file by name with the cells of changed items; None where nothing changed.

        Raises
        ------
        ExportError
            If a label cannot be written.
        """
        ids = iter(stable_item_ids(self.paths()).tolist())
        changed = clean.changed()
        for part in self.parts:
            cells: dict[int, LabelCell] = {}
            dropped: set[int] = set()
            for row, before in enumerate(part.table.cells):
                item = next(ids)
                if item in clean.excluded:
                    dropped.add(row)
                elif item in changed:
                    cells[row] = self._cell(changed[item], before, part.table.arrays)
            touched = bool(cells or dropped)
            yield part.name, part.table.edited(cells, dropped) if touched else None

    def check_unchanged(self, clean: CleanLabels) -> None:
        """Refuse to write decisions into files that say something else than when they were read.

        Raises
        ------
        ExportError
            If an item is gone or has another label.
        """
        ids = stable_item_ids(self.paths()).tolist()
        now = dict(zip(ids, self.labels(), strict=True))
        for item in clean.items:
            if now.get(item.item_id, item) != item.given_label:
                raise ExportError(
                    f"Expected {item.path} in the source as it was imported, "
                    f"got a source that has changed since.",
                    hint="Open the source again with the same workspace; decisions are kept.",
                )

    def _cell(self, label: str | None, before: LabelCell, arrays: bool) -> LabelCell:
        if self.tags is None:
            return LabelCell(label)
        return self.tags.write(label, before, arrays=arrays)


def in_order(labels: Set[str]) -> list[str]:
    """Labels sorted; by value if all are whole numbers, since those are class indices."""
    if all(re.fullmatch("-?[0-9]{1,18}", x) for x in labels):
        return sorted(labels, key=lambda x: (int(x), x))
    return sorted(labels)
