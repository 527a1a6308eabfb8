"""The tables of the log, and what makes SQLite keep every word of it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import (
    DDL,
    Column,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
)
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool

SCHEMA_VERSION = 1
BUSY_SECONDS = 30

metadata = MetaData()

label_events = Table(
    "label_events",
    metadata,
    Column("event_id", Integer, primary_key=True),
    Column("batch_id", String(32), nullable=False),
    Column("item_id", String(16), nullable=False),
    Column("action", String(16), nullable=False),
    Column("old_label", Text),
    Column("new_label", Text),
    Column("reviewer", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("detector", Text, nullable=False),
    Column("score", Float),
    Column("lambda_g", Float),
    Column("suggested_label", Text),
    Column("run_id", Text, nullable=False),
    Column("undoes", Integer),
    Column("operation_id", Text),
    Index("label_events_batch", "batch_id"),
    sqlite_autoincrement=True,
)

# One row for each operation a client sent, also for one that had nothing to do, so that a
# client which resends it learns that it arrived.
operations = Table(
    "operations",
    metadata,
    Column("operation_id", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("batch_id", String(32)),
    Index("operations_client", "client_id", "number"),
)


def _refuse(table: Table, statement: str, condition: str = "") -> DDL:
    name = f"{table.name}_no_{statement.split()[-1].lower()}"
    return DDL(  # type: ignore[no-untyped-call]
        f"CREATE TRIGGER {name} BEFORE {statement} ON {table.name} {condition} "
        f"BEGIN SELECT RAISE(ABORT, 'the log of decisions is append-only'); END"
    ).execute_if(dialect="sqlite")


for _table, _key in ((label_events, "event_id"), (operations, "operation_id")):
    event.listen(_table, "after_create", _refuse(_table, "UPDATE"))
    event.listen(_table, "after_create", _refuse(_table, "DELETE"))
    # INSERT OR REPLACE deletes the old row without running the DELETE trigger.
    event.listen(
        _table,
        "after_create",
        _refuse(
            _table,
            "INSERT",
            f"WHEN EXISTS (SELECT 1 FROM {_table.name} WHERE {_key} = NEW.{_key})",
        ),
    )


def prepare_sqlite(engine: Engine) -> None:
    """Make every connection durable and every write transaction take its lock at once."""

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        # The driver's own implicit BEGIN would take the write lock too late: at the first
        # INSERT, after the state that the INSERT rests on has been read.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def read_only_engine(file: Path) -> Engine:
    """Engine over a database that this process may not write, not even its folder."""

    def connect() -> sqlite3.Connection:
        # Readers of a write-ahead log share a file of locks beside it. Where that cannot be made
        # and there is no log, nobody is writing: SQLite may then read without any lock.
        alone = not os.access(file.parent, os.W_OK) and not Path(f"{file}-wal").exists()
        address = f"{file.resolve().as_uri()}?mode=ro{'&immutable=1' if alone else ''}"
        return sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, check_same_thread=False)

    # A new connection for each reading: a writer may come or go at any time.
    return create_engine("sqlite://", creator=connect, poolclass=NullPool)
