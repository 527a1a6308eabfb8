"""Events as rows of the database; the same for readers and for whoever holds the lock."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Table, func, insert, select
from sqlalchemy.engine import Connection

from air_core.errors import DecisionError, WorkspaceError
from air_core.labels.assignments import Assignment, Event
from air_core.labels.chain import Head
from air_core.labels.models import LabelEvent
from air_core.labels.tables import assignments, label_events, label_head, operations

_TABLES: dict[type[Event], Table] = {LabelEvent: label_events, Assignment: assignments}
_COLUMNS = {kind: [f.name for f in fields(kind) if f.init] for kind in _TABLES}


def read_head(connection: Connection, *, lock: bool = False) -> Head | None:
    """Where the log ends; None if that record is missing or holds something else."""
    query = select(label_head.c.event_id, label_head.c.hash)
    row = connection.execute(query.with_for_update() if lock else query).first()
    # SQLite takes values of any type.
    if row is None or type(row.event_id) is not int or type(row.hash) is not str:
        return None
    return Head(row.event_id, row.hash)


def head_of(connection: Connection, *, lock: bool = False) -> Head:
    """Where the log ends.

    Raises
    ------
    WorkspaceError
        If that record is missing or holds something else.
    """
    head = read_head(connection, lock=lock)
    if head is None:
        raise WorkspaceError(
            "The log of decisions is damaged: the record of where it ends (label_head) is "
            "missing or holds something else.",
            hint="Restore the log from a copy, or an audit.jsonl into a new workspace.",
        )
    return head


def read_events(connection: Connection, after: int, up_to: int | None = None) -> list[Event]:
    """Events newer than ``after``, oldest first, up to ``up_to`` if given.

    They come from two tables: without a limit, whoever reads needs one view of both.
    """
    found: list[Event] = []
    for kind, table in _TABLES.items():
        number = table.c.event_id
        query = select(*(table.c[name] for name in _COLUMNS[kind])).where(number > after)
        if up_to is not None:
            query = query.where(number <= up_to)
        found += [kind(*row) for row in connection.execute(query.order_by(number))]
    return sorted(found, key=attrgetter("event_id"))


def insert_events(connection: Connection, events: Sequence[Event]) -> None:
    """Write events as they are, in order."""
    # In turns of one kind: each event is let in after the one before it only.
    for kind, group in groupby(events, _kind):
        rows = [{name: getattr(event, name) for name in _COLUMNS[kind]} for event in group]
        connection.execute(insert(_TABLES[kind]), rows)


def _kind(event: Event) -> type[Event]:
    return type(event)


def insert_operations(connection: Connection, batches: dict[str, str | None]) -> None:
    """Remember operations by id, each with the batch that it led to.

    Raises
    ------
    DecisionError
        For an id that is not ``"client:number"``.
    """
    if batches:
        rows = [{**_operation(name), "batch_id": batch} for name, batch in batches.items()]
        connection.execute(insert(operations), rows)


def batch_of(connection: Connection, operation_id: str) -> str | None:
    """Batch of a stored operation, ``""`` if it had nothing to do; None if it is new."""
    query = select(operations.c.batch_id).where(operations.c.operation_id == operation_id)
    row = connection.execute(query).first()
    return None if row is None else row.batch_id or ""


def applied(connection: Connection, client_id: str) -> int:
    """The highest operation number stored for a client; 0 if none is."""
    query = select(func.max(operations.c.number)).where(operations.c.client_id == client_id)
    return int(connection.execute(query).scalar() or 0)


def _operation(operation_id: str) -> dict[str, Any]:
    client, _, number = operation_id.rpartition(":")
    if not client or not re.fullmatch("[0-9]{1,9}", number):
        raise DecisionError(f"Expected an operation id 'client:number', got {operation_id!r}.")
    return {"operation_id": operation_id, "client_id": client, "number": int(number)}
