"""What lies beside every export: the changes that it holds, and the log that made them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from air_core.dataset import Dataset
from air_core.formats.csv_text import table_text
from air_core.labels.assignments import Event
from air_core.labels.lines import event_to_json
from air_core.labels.models import LabelEvent

CHANGES = "changes.csv"
AUDIT = "audit.jsonl"
COLUMNS = (
    "path",
    "given_label",
    "final_label",
    "action",
    "reviewer",
    "time",
    "reason",
    "detector",
    "score",
    "lambda_g",
    "suggested_label",
)
_HEADER = ",".join(COLUMNS).encode()


def changes(dataset: Dataset, decisions: Mapping[str, LabelEvent]) -> list[tuple[int, LabelEvent]]:
    """Rows of the dataset that leave with another label or not at all, with the decision."""
    found = []
    for item, event in decisions.items():
        row = dataset.row_of(item)
        moved = event.action == "relabel" and event.new_label != dataset.given_text(row)
        if moved or event.action == "exclude":
            found.append((row, event))
    return sorted(found, key=lambda entry: entry[0])


def changes_csv(dataset: Dataset, decisions: Mapping[str, LabelEvent]) -> bytes:
    """The changes in the columns of :data:`COLUMNS`, in the order of the source.

    Parameters
    ----------
    dataset : Dataset
    decisions : mapping of item id to LabelEvent
        The decision on each item that the export goes by.

    Returns
    -------
    bytes
        UTF-8. An item left out has no final label. Cells that a spreadsheet would run are
        neutralised as :func:`air_core.formats.csv_text.table_text` says.
    """
    rows = [
        (
            dataset.paths[row],
            dataset.given_text(row) or "",
            event.new_label or "",
            event.action,
            event.reviewer,
            event.created_at,
            event.reason,
            event.detector,
            _number(event.score),
            _number(event.lambda_g),
            event.suggested_label or "",
        )
        for row, event in changes(dataset, decisions)
    ]
    return table_text(COLUMNS, rows).encode()


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.9g}"


def audit_jsonl(events: Iterable[Event]) -> bytes:
    """The whole log, one event a line; :mod:`air_core.labels.lines` says what a line holds."""
    return "".join(f"{event_to_json(event)}\n" for event in events).encode()


def is_ours(name: str, data: bytes, audit: bytes) -> bool:
    """Whether a file is what an earlier export of the same audit has left.

    Parameters
    ----------
    name : str
        ``audit.jsonl`` or ``changes.csv``.
    data : bytes
        What the file holds.
    audit : bytes
        The log as it is now. It only grows: an earlier export holds how it begins.
    """
    return audit.startswith(data) if name == AUDIT else data.startswith(_HEADER)
