"""The log on disk: events go in once, in order, and stay as they are."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import uuid
import weakref
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from air_core.errors import DecisionError, WorkspaceError
from air_core.labels import rows
from air_core.labels.assignments import Event
from air_core.labels.chain import GENESIS, Head, link
from air_core.labels.database import (
    cannot_be_written,
    open_engine,
    read_only_engine,
    without_password,
)
from air_core.labels.drafts import Draft, Place
from air_core.labels.lines import content
from air_core.labels.schema import SCHEMA_VERSION, upgrade, version_of


class EventLog:
    """Database access for :class:`air_core.labels.store.LabelStore`.

    Parameters
    ----------
    target : path or str
        A SQLite file (made when missing) or a database URL; see
        :func:`air_core.labels.database.database_url`. A log of an earlier version is brought up
        to date. A file in a place that cannot be written is read as it is, or if it is of an
        earlier version as a copy brought up to date, and every decision is refused.

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
        try:
            self._version = self._prepare()
        except (SQLAlchemyError, UnicodeError, sqlite3.Error) as error:
            raise WorkspaceError(
                f"The log of decisions {self.name} cannot be opened: {_cause(error)}.",
                hint="Check that its folder exists and may be written, or that its server runs.",
            ) from error
        finally:
            self._finalizer = weakref.finalize(self, self._engine.dispose)
        self._writer = self._engine.execution_options(writes=True)
        if self._version > SCHEMA_VERSION:
            raise WorkspaceError(
                f"The log of decisions {self.name} has version {self._version}, this program "
                f"reads up to {SCHEMA_VERSION}.",
                hint="Install a newer air-audit.",
            )

    def _prepare(self) -> int:
        """Bring the tables up to date; the version that was found if it only matters to readers."""
        if self._absent:
            return SCHEMA_VERSION
        with self._engine.connect() as connection:
            version = version_of(connection)
        if self._read_only:
            self._absent = version == 0
            if 0 < version < SCHEMA_VERSION:
                self._engine = self._upgraded_copy()
            return version
        if version < SCHEMA_VERSION:
            with self._engine.execution_options(writes=True).begin() as connection:
                upgrade(connection)
            return SCHEMA_VERSION
        return version

    def _upgraded_copy(self) -> Engine:
        """The log as it is now, brought up to date in a folder that goes when this object does."""
        folder = tempfile.mkdtemp(prefix="air-audit-log-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        file = Path(folder) / "labels.sqlite"
        with (
            closing(self._engine.raw_connection()) as original,
            closing(sqlite3.connect(file)) as c,
        ):
            original.driver_connection.backup(c)  # type: ignore[union-attr]
        self._engine.dispose()
        engine = open_engine(file)
        with engine.execution_options(writes=True).begin() as connection:
            upgrade(connection)
        return engine

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

    def since(self, event_id: int) -> list[Event]:
        """Events newer than ``event_id``, oldest first."""
        if self._absent:
            return []
        with self._reading() as connection:
            # What is committed after this is left for the next time, on both tables alike.
            head = rows.head_of(connection)
            newer = head.event_id > event_id
            return rows.read_events(connection, event_id, head.event_id) if newer else []

    def snapshot(self) -> tuple[list[Event], Head | None]:
        """All events, and where the database says that they end, at one moment.

        Raises
        ------
        WorkspaceError
            Also for a log of version 1 that cannot be written, which has no chain.
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
            return rows.read_events(connection, 0), rows.read_head(connection)

    def applied(self, client_id: str) -> int:
        """The highest operation number stored for a client; 0 if none is."""
        if self._absent:
            return 0
        with self._reading() as connection:
            return rows.applied(connection, client_id)

    def batch_of(self, operation_id: str) -> str | None:
        """Batch of a stored operation, ``""`` if it had nothing to do; None if it is new."""
        if self._absent:
            return None
        with self._reading() as connection:
            return rows.batch_of(connection, operation_id)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise WorkspaceError(
                f"The log of decisions {self.name} cannot be read: {_cause(error)}.",
                hint="Check that its server runs, or restore it from a copy if it is damaged.",
            ) from error


class WriteTransaction:
    """What may be done while the write lock is held."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # SQLite's lock is held since BEGIN; PostgreSQL's is this row.
        self.head = rows.head_of(connection, lock=True)

    def since(self, event_id: int) -> list[Event]:
        """Events newer than ``event_id``, oldest first."""
        if event_id > self.head.event_id:
            raise DecisionError(
                f"The log of decisions ends at event {self.head.event_id}, but event {event_id} "
                "had been read from it: it was replaced by an older copy.",
                hint="Open the workspace again.",
            )
        if event_id == self.head.event_id:
            return []
        return rows.read_events(self._connection, event_id, self.head.event_id)

    def batch_of(self, operation_id: str) -> str | None:
        """Batch of a stored operation, ``""`` if it had nothing to do; None if it is new."""
        return rows.batch_of(self._connection, operation_id)

    def append(
        self, drafts: Sequence[Draft], by: str, operation_id: str | None
    ) -> tuple[Event, ...]:
        """Write one batch, and the operation it came from if it has one."""
        batch_id = uuid.uuid4().hex if drafts else None
        if operation_id is not None:
            rows.insert_operations(self._connection, {operation_id: batch_id})
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        before, previous = self.head.event_id, self.head.hash
        events = []
        for number, draft in enumerate(drafts, before + 1):
            place = Place(number, batch_id or "", by, now, operation_id, before)
            event: Event = draft.at(place)
            previous = link(previous, content(event))
            events.append(replace(event, hash=previous))
        self._insert(events)
        return tuple(events)

    def copy(self, events: Sequence[Event]) -> None:
        """Write events as they are, with the operations that they name."""
        named: dict[str, str | None] = {
            name: event.batch_id
            for event in events
            if (name := getattr(event, "operation_id", None)) is not None
        }
        # An earlier copy may have ended within a batch, whose operation is there already.
        new = {name: batch for name, batch in named.items() if self.batch_of(name) != batch}
        rows.insert_operations(self._connection, new)
        self._insert(events)

    def _insert(self, events: Sequence[Event]) -> None:
        if events:
            rows.insert_events(self._connection, events)
            self.head = Head(events[-1].event_id, events[-1].hash)


def _cause(error: Exception) -> str:
    said = str(getattr(error, "orig", None) or error).strip()
    return said.partition("\n")[0].rstrip(".")
