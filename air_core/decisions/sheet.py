"""The sheet of a reviewer: what a row says, and which state of the log it was made from."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from air_core.dataset import Dataset
from air_core.errors import AirError, DecisionError, SourceError
from air_core.formats.csv_text import APOSTROPHES, DELIMITERS, Dialect, decode, records
from air_core.labels import Decision
from air_core.workspace import Workspace

SHEET_COLUMNS = (
    "item_id", "path", "given_label", "suggested_label", "action", "label", "reason", "after_event",
)  # fmt: skip
"""What ``air-audit queue`` writes; ``after_event`` is the newest event at that time."""


_OUR_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Row:
    """What one row of a sheet says.

    Parameters
    ----------
    number : int
        As a spreadsheet counts.
    decision : Decision or AirError
        The error tells why it is none.
    after_event : int or None
        The newest event that whoever filled in the row may have known of; None if it does not say.
    """

    number: int
    decision: Decision | AirError
    after_event: int | None = None


def read_sheet(workspace: Workspace, file: Path) -> Iterator[Row]:
    """The rows of a CSV file that hold an action.

    Raises
    ------
    SourceError
        If the file cannot be read or lacks a needed column.
    """
    items = items_by_path(workspace.dataset)
    paths = {item: path for path, found in items.items() for item in found}
    for number, cells in _rows(file):
        if cells["action"].strip():
            try:
                decision = _as_stored(workspace, _decision(cells, items, paths))
                yield Row(number, decision, _after_event(cells))
            except AirError as error:
                yield Row(number, error)


def items_by_path(dataset: Dataset) -> dict[str, list[str]]:
    """Item ids of each path; several where a path is listed more than once."""
    items: dict[str, list[str]] = defaultdict(list)
    for item_id, name in zip(dataset.item_ids.tolist(), dataset.paths, strict=True):
        items[name].append(item_id)
    return items


def item_at(path: str, items: Mapping[str, list[str]]) -> str:
    """The item of a path; DecisionError if there is none, or more than one."""
    found = items.get(path, [])
    if not found:
        raise DecisionError(f"Expected a path of this workspace, got {path!r}.")
    if len(found) > 1:
        raise DecisionError(
            f"Expected one entry of {path!r}, there are {len(found)}.",
            hint=f"Give the item_id instead; they are {', '.join(found)}.",
        )
    return found[0]


def _as_stored(workspace: Workspace, decision: Decision) -> Decision:
    if decision.action != "relabel" or decision.label is None:
        return decision
    label = decision.label
    plain = label.removeprefix("'")
    # Copied from a cell of ours that an apostrophe keeps from being run.
    if label not in workspace.dataset.class_names and plain in workspace.dataset.class_names:
        label = plain
    return replace(decision, label=workspace.stored_label(label))


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Row numbers as a spreadsheet counts them, and the cells by column name."""
    if not path.is_file():
        raise SourceError(f"Expected a file of decisions, found none at {path}.")
    text = decode(path.read_bytes(), path.name).text
    first = text.lstrip("\r\n").splitlines()[:1]
    delimiter = max(DELIMITERS, key=lambda d: (first[0].count(d) if first else 0, d == ","))
    rows = (record for record in records(text, Dialect(delimiter)) if not record.blank)
    header = next(rows, None)
    names = [cell.value.strip().casefold() for cell in header.cells] if header else []
    if "action" not in names or not {"path", "item_id"} & set(names):
        got = ", ".join(names) or "none"
        raise SourceError(
            f"Expected the columns path and action in {path.name}, got {got}.",
            hint="Name them in the first line: path,action,label,reason.",
        )
    for record in rows:
        cells = [cell.value for cell in record.cells]
        cells += [""] * (len(names) - len(cells))
        row = dict(zip(names, cells, strict=False))
        for name in filter(row.get, row.get(APOSTROPHES, "").split(";")):
            row[name] = row[name].removeprefix("'")
        if any(cells[len(names) :]):
            row["surplus"] = "yes"
        yield record.number, row


def _item(item_id: str, path: str, items: Mapping[str, list[str]], paths: Mapping[str, str]) -> str:
    """The item that a row is about: by its id, or by its path where there is no id to go by."""
    if item_id in paths:
        if path in items and paths[item_id] != path:
            raise DecisionError(
                f"Expected an item_id and a path of one image, got {path!r} beside the id of "
                f"{paths[item_id]!r}.",
                hint="Sort whole rows, not single columns; or leave the item_id empty.",
            )
        return item_id
    if not item_id:
        return item_at(path, items)
    # A spreadsheet takes 12e45678… and long rows of digits for numbers and writes 1.2E+12.
    if (_OUR_ID.fullmatch(item_id) and not item_id.isdigit()) or path not in items:
        raise DecisionError(
            f"Expected an item of this workspace, got id {item_id!r}.",
            hint="Give the path of the image, and no id where a spreadsheet has changed it.",
        )
    return item_at(path, items)


def _decision(
    row: dict[str, str], items: Mapping[str, list[str]], paths: Mapping[str, str]
) -> Decision:
    if "surplus" in row:
        raise DecisionError(
            "Expected as many cells as columns, got more.", hint="Put text with commas in quotes."
        )
    return Decision(
        item_id=_item(row.get("item_id", "").strip().lower(), row.get("path", ""), items, paths),
        action=row["action"].strip().lower(),  # type: ignore[arg-type]  # checked by Decision
        label=row.get("label") or None,
        reason=row.get("reason", ""),
    )


def _after_event(row: dict[str, str]) -> int | None:
    text = row.get("after_event", "").strip()
    if not text:
        return None
    if not re.fullmatch("[0-9]{1,9}", text):
        raise DecisionError(f"Expected the number of an event as after_event, got {text!r}.")
    return int(text)
