"""The log on disk: events go in once, in order, and stay as they are."""

from __future__ import annotations

import re
import uuid
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from air_core.errors import DecisionError, WorkspaceError
from air_core.labels.assignment_log import append_assignments, copy_assignments, read_assignments
from air_core.labels.assignments import Assignment, Task
from air_core.labels.chain import GENESIS, Head, link
from air_core.labels.database import (
    cannot_be_written,
    open_engine,
    read_only_engine,
    without_password,
)
from air_core.labels.drafts import EventDraft
from air_core.labels.models import LabelEvent
from air_core.labels.schema import SCHEMA_VERSION, upgrade, version_of
from air_core.labels.tables import label_events, label_head, operations

_NAMES = [field.name for field in fields(LabelEvent)]


class EventLog:
    """Database access for :class:`air_core.labels.store.LabelStore`.

    Parameters
    ----------
    target : path or str
        A SQLite file (made when missing) or a database URL; see
        :func:`air_core.labels.database.database_url`. A log of an earlier version is brought up
        to date. A file in a place that cannot be written is read as it is, and every decision is
        refused.

    Raises
    ------
    WorkspaceError
        If the database cannot be opened or was written by a newer version.
    """

    def __init__(self, target: str | Path) -> None:
        self.name = without_password(target)
        self._read_only = cannot_be_written(target)
        # Whoever may only look at a workspace without decisions finds none.
        self._absent = self._read_only and not Path(target).exists()
        self._engine = read_only_engine(Path(target)) if self._read_only else open_engine(target)
        self._writer = self._engine.execution_options(writes=True)
        self._finalizer = weakref.finalize(self, self._engine.dispose)
        try:
            self._version = self._prepare()
        except (SQLAlchemyError, UnicodeError) as error:
            raise WorkspaceError(
                f"The log of decisions {self.name} cannot be opened: {_cause(error)}.",
                hint="Check that its folder exists and may be written, or that its server runs.",
            ) from error
        if self._version > SCHEMA_VERSION:
            raise WorkspaceError(
                f"The log of decisions {self.name} has version {self._version}, this program "
                f"reads up to {SCHEMA_VERSION}.",
                hint="Install a newer air-audit.",
            )

    def _prepare(self) -> int:
        if self._absent:
            return SCHEMA_VERSION
        with self._engine.connect() as connection:
            version = version_of(connection)
        if self._read_only:
            self._absent = version == 0
        elif version < SCHEMA_VERSION:
            with self._writer.begin() as connection:
                upgrade(connection)
            return SCHEMA_VERSION
        return version

    def close(self) -> None:
        """Close the connections of the pool."""
        self._engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[WriteTransaction]:
        """Hold the write lock; commit at the end, or leave no trace.

        Raises
        ------
        DecisionError
            If the database refuses: locked for too long, read-only, or no space left.
        """
        if self._read_only:
            raise DecisionError(
                f"The decision could not be stored: {self.name} cannot be written.",
                hint="Allow writing to the workspace folder, or copy it to where you may write.",
            )
        try:
            with self._writer.begin() as connection:
                yield WriteTransaction(connection)
        except (SQLAlchemyError, UnicodeError) as error:
            raise DecisionError(
                f"The decision could not be stored: {_cause(error)}.",
                hint="Check the free space and permissions of the workspace and try again."
                if self._engine.dialect.name == "sqlite"
                else "Check that the database server runs and has free space and try again.",
            ) from error

    def since(self, event_id: int) -> list[LabelEvent]:
        """Events newer than ``event_id``, oldest first."""
        if self._absent:
            return []
        with self._reading() as connection:
            if self._version < 2:
                return [event for event in _unchained(connection) if event.event_id > event_id]
            return _since(connection, event_id)

    def snapshot(self) -> tuple[list[LabelEvent], Head]:
        """All events, and where the database says that they end, at one moment.

        Raises
        ------
        WorkspaceError
            Also for a log of version 1, which has no chain.
        """
        if self._absent:
            return [], Head(0, GENESIS)
        if self._version < 2:
            raise WorkspaceError(
                f"The log of decisions {self.name} is of version 1, which had no chain.",
                hint="Copy the workspace to where it may be written; opening it adds one.",
            )
        with self._reading() as connection:
            if connection.dialect.name == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            return _since(connection, 0), _head(connection)

    def applied(self, client_id: str) -> int:
        """The highest operation number stored for a client; 0 if none is."""
        if self._absent:
            return 0
        query = select(func.max(operations.c.number)).where(operations.c.client_id == client_id)
        with self._reading() as connection:
            return int(connection.execute(query).scalar() or 0)

    def assignments(self) -> tuple[Assignment, ...]:
        """All assignments, in the order handed out."""
        if self._absent or self._version < 3:
            return ()
        with self._reading() as connection:
            return read_assignments(connection)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise WorkspaceError(
                f"The log of decisions cannot be read: {_cause(error)}."
            ) from error


class WriteTransaction:
    """What may be done while the write lock is held."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # SQLite's lock is held since BEGIN; PostgreSQL's is this row.
        self.head = _head(connection, lock=True)

    def since(self, event_id: int) -> list[LabelEvent]:
        """Events newer than ``event_id``, oldest first."""
        if event_id > self.head.event_id:
            raise DecisionError(
                f"The log of decisions ends at event {self.head.event_id}, but event {event_id} "
                "had been read from it: it was replaced by an older copy.",
                hint="Open the workspace again.",
            )
        return [] if event_id == self.head.event_id else _since(self._connection, event_id)

    def batch_of(self, operation_id: str) -> str | None:
        """Batch of a stored operation, ``""`` if it had nothing to do; None if it is new."""
        query = select(operations.c.batch_id).where(operations.c.operation_id == operation_id)
        row = self._connection.execute(query).first()
        return None if row is None else row.batch_id or ""

    def append(
        self, drafts: Sequence[EventDraft], reviewer: str, operation_id: str | None
    ) -> tuple[LabelEvent, ...]:
        """Write one batch, and the operation it came from if it has one."""
        batch_id = uuid.uuid4().hex if drafts else None
        if operation_id is not None:
            self._insert_operations([{**_parse_operation(operation_id), "batch_id": batch_id}])
        shared = {
            "batch_id": batch_id,
            "reviewer": reviewer,
            "created_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "operation_id": operation_id,
        }
        events, previous = [], self.head.hash
        for number, draft in enumerate(drafts, self.head.event_id + 1):
            known = {"event_id": number, **shared, **asdict(draft)}
            values: dict[str, Any] = {name: known[name] for name in _NAMES if name != "hash"}
            previous = link(previous, values)
            events.append(LabelEvent(**values, hash=previous))
        self._insert_events(events)
        return tuple(events)

    def copy_assignments(self, handed_out: Sequence[Assignment]) -> None:
        """Write assignments of another log as they are."""
        copy_assignments(self._connection, handed_out)

    def assign(
        self,
        turns: Sequence[tuple[str, str]],
        task: Task,
        assigned_by: str,
        population: int | None,
    ) -> tuple[Assignment, ...]:
        """Hand out items to reviewers, after the newest event."""
        return append_assignments(
            self._connection,
            turns,
            task=task,
            assigned_by=assigned_by,
            after_event=self.head.event_id,
            population=population,
        )

    def copy(self, events: Sequence[LabelEvent]) -> None:
        """Write events as they are, with the operations that they name."""
        batches = {e.operation_id: e.batch_id for e in events if e.operation_id is not None}
        self._insert_operations(
            [{**_parse_operation(name), "batch_id": batch} for name, batch in batches.items()]
        )
        self._insert_events(events)

    def _insert_operations(self, rows: Sequence[dict[str, Any]]) -> None:
        if rows:
            self._connection.execute(insert(operations), rows)

    def _insert_events(self, events: Sequence[LabelEvent]) -> None:
        if events:
            self._connection.execute(insert(label_events), [asdict(event) for event in events])
            self.head = Head(events[-1].event_id, events[-1].hash)


def _head(connection: Connection, *, lock: bool = False) -> Head:
    query = select(label_head.c.event_id, label_head.c.hash)
    return Head(*connection.execute(query.with_for_update() if lock else query).one())


def _since(connection: Connection, event_id: int) -> list[LabelEvent]:
    newer = (
        select(*(label_events.c[name] for name in _NAMES))
        .where(label_events.c.event_id > event_id)
        .order_by(label_events.c.event_id)
    )
    return [LabelEvent(*row) for row in connection.execute(newer)]


def _unchained(connection: Connection) -> list[LabelEvent]:
    """Events of version 1, with the hashes that bringing the log up to date would give them."""
    names = [name for name in _NAMES if name not in ("feature_digest", "hash")]
    query = select(*(label_events.c[name] for name in names)).order_by(label_events.c.event_id)
    events, previous = [], GENESIS
    for row in connection.execute(query):
        values = {**dict(zip(names, row, strict=True)), "feature_digest": ""}
        previous = link(previous, values)
        events.append(LabelEvent(**values, hash=previous))
    return events


def _parse_operation(operation_id: str) -> dict[str, str | int]:
    client, _, number = operation_id.rpartition(":")
    if not client or not re.fullmatch("[0-9]{1,9}", number):
        raise DecisionError(f"Expected an operation id 'client:number', got {operation_id!r}.")
    return {"operation_id": operation_id, "client_id": client, "number": int(number)}


def _cause(error: Exception) -> str:
    said = str(getattr(error, "orig", None) or error).strip()
    return said.partition("\n")[0].rstrip(".")
