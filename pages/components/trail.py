"""The audit trail as a table: what happened, and which of it still holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from air_core.dataset import Dataset
from air_core.labels import LabelEvent

IN_FORCE, REPLACED, UNDONE, DONE = "in force", "replaced", "undone", "done"
_ACTIONS = {
    "keep": "✓ keep",
    "relabel": "→ relabel",
    "exclude": "✕ exclude",
    "unsure": "? unsure",
    "undo": "↩ undo",
}


def undone_by(events: Sequence[LabelEvent]) -> dict[int, int]:
    """Event → the undo that holds against it. Undoing an undo puts the first event in force again.

    Parameters
    ----------
    events : sequence of LabelEvent
        The whole history, oldest first.

    Returns
    -------
    dict of int to int
        Only events that are undone now.
    """
    holds = {event.undoes: event.event_id for event in events if event.undoes is not None}
    target = {undo: event for event, undo in holds.items()}
    # An undo that is itself undone no longer counts; the newest of a chain decides first.
    for undo in sorted(target, reverse=True):
        if undo in holds:
            del holds[target[undo]]
    return holds


def state_of(
    event: LabelEvent, undone: Mapping[int, int], current: Mapping[str, LabelEvent]
) -> str:
    """Whether an event is in force, replaced by a later decision, undone, or a done undo."""
    if event.event_id in undone:
        return UNDONE
    if event.action == "undo":
        return DONE
    holder = current.get(event.item_id)
    return IN_FORCE if holder is not None and holder.event_id == event.event_id else REPLACED


def trail(
    events: Sequence[LabelEvent],
    current: Mapping[str, LabelEvent],
    dataset: Dataset,
    thumbnails: str,
) -> pd.DataFrame:
    """One row for each event, newest first.

    Parameters
    ----------
    events : sequence of LabelEvent
        The whole history, oldest first.
    current : mapping of str to LabelEvent
        Decisions in force.
    dataset : Dataset
    thumbnails : str
        URL of a thumbnail with ``{id}``.

    Returns
    -------
    DataFrame
        Columns event, time, reviewer, image, path, action, change, state, why, detector, score,
        lambda_g, reason; ``why`` sums up the last four.
    """
    undone = undone_by(events)
    rows = []
    for event in reversed(events):
        state = state_of(event, undone, current)
        known = event.item_id in dataset
        rows.append(
            {
                "event": event.event_id,
                "time": pd.Timestamp(event.created_at),
                "reviewer": event.reviewer,
                "image": thumbnails.replace("{id}", event.item_id),
                "path": dataset.paths[dataset.row_of(event.item_id)] if known else event.item_id,
                "action": _ACTIONS[event.action],
                "change": _change(event, dataset),
                "state": f"{state} by #{undone[event.event_id]}" if state == UNDONE else state,
                "why": _why(event),
                "detector": event.detector,
                "score": event.score,
                "lambda_g": event.lambda_g,
                "reason": event.reason,
            }
        )
    columns = ["event", "time", "reviewer", "image", "path", "action", "change", "state",
               "why", "detector", "score", "lambda_g", "reason"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _change(event: LabelEvent, dataset: Dataset) -> str:
    if event.action == "undo":
        return f"takes back #{event.undoes}"
    old = dataset.shown(event.old_label) or "no label"
    new = dataset.shown(event.new_label) or "left out"
    return old if old == new else f"{old} → {new}"


def _why(event: LabelEvent) -> str:
    score = "" if event.score is None else f"{event.score:.3f}"
    return ", ".join(filter(None, [event.reason, f"{event.detector} {score}".strip()]))


def in_full(row: pd.Series) -> str:
    """The ``why`` of one row of the table with everything that is known of it."""
    strength = "" if pd.isna(row["lambda_g"]) else f"λ_g {row['lambda_g']:.4g}"
    return ", ".join(filter(None, [row["why"], strength]))


def dim_undone(row: pd.Series) -> list[str]:
    """Style of a row: what no longer holds steps back, and its state says so in words."""
    faded = str(row["state"]).startswith((UNDONE, REPLACED))
    style = "color: #8C8C8C; text-decoration: line-through; font-style: italic" if faded else ""
    return [style] * len(row)
