"""Connections to the log: durable, patient while others write, quick to let them."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from air_core.errors import WorkspaceError

BUSY_SECONDS = 30
IDLE_SECONDS = 10
_CONNECT_SECONDS = 10
_POSTGRES = "postgresql+psycopg"
_HOW = "Write it as postgresql://USER@HOST:PORT/DATABASE."


def database_url(target: str | Path) -> URL:
    """Address of a log.

    Parameters
    ----------
    target : path or str
        A SQLite file, or a URL ``sqlite:///…`` or ``postgresql://USER@HOST:PORT/DATABASE``.
        A password that the URL lacks is taken from ``PGPASSWORD`` or ``~/.pgpass``; a SQLite
        file that is relative is looked for where this program runs.

    Raises
    ------
    WorkspaceError
        If it is a URL of anything else, or of a SQLite database that is no file.

    Examples
    --------
    >>> database_url("postgres://ana@db.example/labels").drivername
    'postgresql+psycopg'
    """
    if "://" not in str(target):
        return URL.create("sqlite", database=str(target))
    try:
        url = make_url(str(target))
    except (ArgumentError, ValueError):
        raise WorkspaceError(
            f"Expected the URL of a database, got one that cannot be read ({_scheme(target)}:…).",
            hint=f"{_HOW} Signs such as / or @ in a password become %2F or %40.",
        ) from None
    if url.get_backend_name() in ("postgres", "postgresql"):
        return url.set(drivername=_POSTGRES)
    if url.drivername == "sqlite":
        if not url.database or url.database.startswith((":", "file:")):
            raise WorkspaceError(
                "Expected the URL of a SQLite file, got one of a database in memory or of a "
                "file: address.",
                hint="Write it as sqlite:////absolute/path/labels.sqlite.",
            )
        # Absolute, since it is stored: the next program may be started elsewhere.
        return url.set(database=str(Path(url.database).absolute()))
    raise WorkspaceError(
        f"Expected a URL of PostgreSQL or SQLite, got one that begins with {_scheme(target)!r}.",
        hint=_HOW,
    )


def without_password(target: str | Path) -> str:
    """The address as it may be shown and stored."""
    url = database_url(target)
    if url.drivername == "sqlite":
        return url.render_as_string() if "://" in str(target) else str(target)
    query = {name: value for name, value in url.query.items() if name != "password"}
    # set() takes None for "as before", hence a URL made anew.
    bare = URL.create(
        "postgresql", url.username, None, url.host, url.port, url.database, query=query
    )
    return bare.render_as_string(hide_password=False)


def open_engine(target: str | Path) -> Engine:
    """Engine that writes with the option ``writes=True`` and reads without it."""
    url = database_url(target)
    if url.drivername == "sqlite":
        engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
        _prepare_sqlite(engine)
        return engine
    try:
        engine = create_engine(
            url,
            # The lock on the head of the log comes first; what follows must see what the writer
            # before has committed, whatever the server's default is.
            isolation_level="READ COMMITTED",
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": _CONNECT_SECONDS,
                "application_name": "air-audit",
            },
        )
    except ImportError:
        raise WorkspaceError(
            "Expected the PostgreSQL driver psycopg, which is not installed.",
            hint="Run: pip install 'air-audit[postgres]'",
        ) from None
    _prepare_postgres(engine)
    return engine


def cannot_be_written(target: str | Path) -> bool:
    """Whether the target is a file, there or not, in a place that exists but is read-only."""
    if "://" in str(target):
        return False
    file = Path(target)
    return file.parent.is_dir() and not all(
        os.access(place, os.W_OK) for place in (file.parent, file) if place.exists()
    )


def read_only_engine(file: Path) -> Engine:
    """Engine over a SQLite file that this process may not write, not even its folder."""

    def connect() -> sqlite3.Connection:
        # Readers of a write-ahead log share a file of locks beside it. Where that cannot be made
        # and there is no log, nobody is writing: SQLite may then read without any lock.
        alone = not os.access(file.parent, os.W_OK) and not Path(f"{file}-wal").exists()
        address = f"{file.resolve().as_uri()}?mode=ro{'&immutable=1' if alone else ''}"
        return sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, check_same_thread=False)

    # A new connection for each reading: a writer may come or go at any time.
    return create_engine("sqlite://", creator=connect, poolclass=NullPool)


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        # The driver's own implicit BEGIN would take the write lock too late: at the first
        # INSERT, after the state that the INSERT rests on has been read.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        _turn_on_wal(cursor)
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _turn_on_wal(cursor: Any) -> None:
    # Two programs that open a new file at once: this is the one statement that does not wait for
    # the other by itself.
    patience = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > patience:
                raise
            time.sleep(0.01)


def _prepare_postgres(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(f"SET lock_timeout = {BUSY_SECONDS * 1000:.0f}")
        # A client that hangs with the lock in its hand is cut off before the others give up.
        cursor.execute(f"SET idle_in_transaction_session_timeout = {IDLE_SECONDS * 1000:.0f}")
        # A server set to answer before the disk has it would break what record() promises.
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'on', false) "
            "WHERE current_setting('synchronous_commit') = 'off'"
        )
        cursor.close()
        connection.autocommit = False


def _scheme(target: str | Path) -> str:
    return str(target).partition("://")[0]
