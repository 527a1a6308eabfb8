"""Decisions from a file: the reviewers' side of a spreadsheet."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from air_core.dataset import Dataset
from air_core.errors import AirError, DecisionError, SourceError
from air_core.formats.csv_text import APOSTROPHES, DELIMITERS, Dialect, decode, records
from air_core.labels import Decision, LabelEvent
from air_core.workspace import Workspace

_OUR_ID = re.compile(r"[0-9a-f]{16}")


def apply_decisions(workspace: Workspace, path: Path, *, reviewer: str) -> tuple[int, list[str]]:
    """Record the decisions of a CSV file, row by row.

    Parameters
    ----------
    workspace : Workspace
    path : Path
        Columns ``path`` and ``action`` (keep, relabel, exclude, unsure), and where needed
        ``label``, ``reason`` and ``item_id``, which alone tells two entries of one path apart.
        A row without an action is one not judged yet.
    reviewer : str

    Returns
    -------
    applied : int
        Decisions recorded. A row that says what is in force already, and what this reviewer has
        said before, is not recorded again, so a file can be applied twice.
    problems : list of str
        One line for each row that could not be applied. Such a row stops no other.

    Raises
    ------
    SourceError
        If the file cannot be read or lacks a needed column.
    """
    items = items_by_path(workspace.dataset)
    paths = {item: path for path, found in items.items() for item in found}
    in_force, reviews = workspace.reviewed(), workspace.reviews()
    # Somebody else's equal verdict does not stand for the one this reviewer was asked for.
    asked = {task.item_id for task in reviews.queue(reviewer)}
    said: dict[str, LabelEvent] = {}
    applied, problems = 0, []
    for number, row in _rows(path):
        if not row["action"].strip():
            continue
        try:
            decision = _as_stored(workspace, _decision(row, items, paths))
            item, seen = decision.item_id, in_force.get(decision.item_id)
            own = said.get(item) or reviews.own_verdict(item, reviewer)
            if item in asked or not (_says(seen, decision) and _says(own, decision)):
                (said[item],) = workspace.decide(
                    [decision],
                    reviewer=reviewer,
                    # Whoever was asked to judge blindly neither waits for others nor hears of
                    # them; anybody else must not undo what came meanwhile.
                    expected=None
                    if item in asked
                    else {item: None if seen is None else seen.event_id},
                )
                in_force[item] = said[item]
                asked.discard(item)
                applied += 1
        except AirError as error:
            problems.append(f"row {number}: {error}")
    return applied, problems


def check_fit(workspace: Workspace, events: Sequence[LabelEvent]) -> None:
    """Refuse a log of other images or other classes: once in, it cannot be taken out.

    Raises
    ------
    DecisionError
        If none of its images is in the workspace, or a new label is none of its classes.
    """
    if events and not any(event.item_id in workspace.dataset for event in events):
        raise DecisionError(
            "Expected a log of these images, got none of them in it.",
            hint="Restore it into a workspace of the images that it was made of.",
        )
    for event in events:
        if event.action == "relabel" and event.new_label is not None:
            known = event.item_id not in workspace.dataset
            if not known and workspace.stored_label(event.new_label) != event.new_label:
                raise DecisionError(
                    f"Expected labels as this workspace writes them, got {event.new_label!r} in "
                    f"event {event.event_id}.",
                    hint="Open the source as it was opened then: one label an image, or several.",
                )


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


def _says(event: LabelEvent | None, decision: Decision) -> bool:
    """Whether a decision in force is this one already."""
    if event is None or event.action != decision.action:
        return False
    return decision.action != "relabel" or event.new_label == decision.label


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
