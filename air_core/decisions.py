"""Decisions from a file: the reviewers' side of a spreadsheet."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pandas as pd

from air_core.errors import AirError, DecisionError, SourceError
from air_core.labels import Decision
from air_core.workspace import Workspace


def apply_decisions(workspace: Workspace, path: Path, *, reviewer: str) -> tuple[int, list[str]]:
    """Record the decisions of a CSV file, row by row.

    Parameters
    ----------
    workspace : Workspace
    path : Path
        Columns ``path`` and ``action`` (keep, relabel, exclude, unsure), and where needed
        ``label``, ``reason`` and ``item_id``, which alone tells two entries of one path apart.
    reviewer : str

    Returns
    -------
    applied : int
        Decisions recorded.
    problems : list of str
        One line for each row that could not be applied. Such a row stops no other.

    Raises
    ------
    SourceError
        If the file cannot be read or lacks a needed column.
    """
    if not path.is_file():
        raise SourceError(f"Expected a file of decisions, found none at {path}.")
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, OSError) as error:
        raise SourceError(
            f"Expected a CSV file of decisions in UTF-8, got: {str(error).splitlines()[0]}"
        ) from error
    if "action" not in table or not {"path", "item_id"} & set(table):
        raise SourceError(
            f"Expected the columns path and action, got {', '.join(map(str, table.columns))}.",
            hint="Name them in the first line: path,action,label,reason.",
        )
    items = defaultdict(list)
    for item_id, name in zip(
        workspace.dataset.item_ids.tolist(), workspace.dataset.paths, strict=True
    ):
        items[name].append(item_id)
    applied, problems = 0, []
    for number, row in enumerate(table.to_dict("records"), start=2):
        try:
            decision = _decision({str(k): str(v) for k, v in row.items()}, items)
            workspace.decide([decision], reviewer=reviewer)
            applied += 1
        except AirError as error:
            problems.append(f"row {number}: {error}")
    return applied, problems


def _decision(row: dict[str, str], items: dict[str, list[str]]) -> Decision:
    item_id = row.get("item_id", "")
    if not item_id:
        found = items.get(row["path"], [])
        if not found:
            raise DecisionError(f"Expected a path of this workspace, got {row['path']!r}.")
        if len(found) > 1:
            raise DecisionError(
                f"Expected one entry of {row['path']!r}, there are {len(found)}.",
                hint=f"Add an item_id column; they are {', '.join(found)}.",
            )
        item_id = found[0]
    return Decision(
        item_id=item_id,
        action=row["action"].strip().lower(),  # type: ignore[arg-type]  # checked by Decision
        label=row.get("label") or None,
        reason=row.get("reason", ""),
    )
