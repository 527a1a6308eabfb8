"""The log on disk: events go in once, in order, and stay as they are."""

from __future__ import annotations

import os
import uuid
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, create_engine, func, insert, select
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import SQLAlchemyError

from air_core.errors import DecisionError, WorkspaceError
from air_core.labels.models import EventAction, LabelEvent
from air_core.labels.tables import (
    BUSY_SECONDS,
    SCHEMA_VERSION,
    label_events,
    metadata,
    operations,
    prepare_sqlite,
    read_only_engine,
)


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An event before the database has numbered it."""

    item_id: str
    action: EventAction
    old_label: str | None
    new_label: str | None
    reason: str = ""
    detector: str = ""
    score: float | None = None
    lambda_g: float | None = None
    suggested_label: str | None = None
    run_id: str = ""
    undoes: int | None = None


class EventLog:
    """Database access for :class:`air_core.labels.store.LabelStore`.

    Parameters
    ----------
    target : path or str
        A SQLite file (made when missing) or an SQLAlchemy database URL. A file in a place that
        cannot be written is read as it is, and every decision is refused.

    Raises
    ------
    WorkspaceError
        If the database cannot be opened or was written by a newer version.
    """

    def __init__(self, target: str | Path) -> None:
        self._target = target
        self._read_only = _cannot_be_written(target)
        # Whoever may only look at a workspace without decisions finds none.
        self._absent = self._read_only and not Path(target).exists()
        self._engine = read_only_engine(Path(target)) if self._read_only else _engine(target)
        self._writer = self._engine.execution_options(writes=True)
        self._finalizer = weakref.finalize(self, self._engine.dispose)
        try:
            version = self._prepare()
        except SQLAlchemyError as error:
            raise WorkspaceError(
                f"The log of decisions {target} cannot be opened: {_cause(error)}.",
                hint="Check that its folder exists and may be written, or restore the file.",
            ) from error
        if version > SCHEMA_VERSION:
            raise WorkspaceError(
                f"The log of decisions {target} has version {version}, this program reads up to "
                f"{SCHEMA_VERSION}.",
                hint="Install a newer air-audit.",
            )

    def _prepare(self) -> int:
        if self._absent:
            return SCHEMA_VERSION
        if self._read_only:
            with self._engine.connect() as connection:
                version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
            self._absent = version == 0
            return version
        with self._writer.begin() as connection:
            version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
            if version == 0:
                metadata.create_all(connection)
                connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
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
                f"The decision could not be stored: {self._target} cannot be written.",
                hint="Allow writing to the workspace folder, or copy it to where you may write.",
            )
        try:
            with self._writer.begin() as connection:
                yield WriteTransaction(connection)
        except SQLAlchemyError as error:
            raise DecisionError(
                f"The decision could not be stored: {_cause(error)}.",
                hint="Check the free space and permissions of the workspace and try again.",
            ) from error

    def since(self, event_id: int) -> list[LabelEvent]:
        """Events newer than ``event_id``, oldest first."""
        if self._absent:
            return []
        with self._reading() as connection:
            return _since(connection, event_id)

    def applied(self, client_id: str) -> int:
        """The highest operation number stored for a client; 0 if none is."""
        if self._absent:
            return 0
        query = select(func.max(operations.c.number)).where(operations.c.client_id == client_id)
        with self._reading() as connection:
            return int(connection.execute(query).scalar() or 0)

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

    def since(self, event_id: int) -> list[LabelEvent]:
        """Events newer than ``event_id``, oldest first."""
        return _since(self._connection, event_id)

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
            values = {**_parse_operation(operation_id), "batch_id": batch_id}
            self._connection.execute(insert(operations).values(**values))
        if not drafts:
            return ()
        shared = {
            "batch_id": batch_id,
            "reviewer": reviewer,
            "created_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "operation_id": operation_id,
        }
        names = [field.name for field in fields(EventDraft)]
        rows = [{**shared, **{name: getattr(draft, name) for name in names}} for draft in drafts]
        statement = insert(label_events).returning(label_events, sort_by_parameter_order=True)
        return tuple(LabelEvent(*row) for row in self._connection.execute(statement, rows))


def _since(connection: Connection, event_id: int) -> list[LabelEvent]:
    newer = (
        select(label_events)
        .where(label_events.c.event_id > event_id)
        .order_by(label_events.c.event_id)
    )
    return [LabelEvent(*row) for row in connection.execute(newer)]


def _cannot_be_written(target: str | Path) -> bool:
    """Whether the target is a file, there or not, in a place that exists but is read-only."""
    if "://" in str(target):
        return False
    file = Path(target)
    return file.parent.is_dir() and not all(
        os.access(place, os.W_OK) for place in (file.parent, file) if place.exists()
    )


def _engine(target: str | Path) -> Engine:
    url = str(target)
    if "://" not in url:
        address = URL.create("sqlite", database=url)
        engine = create_engine(address, connect_args={"timeout": BUSY_SECONDS})
    else:
        engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        prepare_sqlite(engine)
    return engine


def _parse_operation(operation_id: str) -> dict[str, str | int]:
    client, _, number = operation_id.rpartition(":")
    if not client or not (number.isascii() and number.isdigit()):
        raise DecisionError(f"Expected an operation id 'client:number', got {operation_id!r}.")
    return {"operation_id": operation_id, "client_id": client, "number": int(number)}


def _cause(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).rstrip(".")
