"""The version of a log's tables, and how an older one is brought up to date."""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import Connection

SCHEMA_VERSION = 4

_VERSION_TABLE = "label_schema"
# Alembic keeps what it is doing in module variables.
_one_at_a_time = threading.Lock()


def version_of(connection: Connection) -> int:
    """Version of the tables; 0 where there are none."""
    if connection.dialect.name == "sqlite":
        return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    if connection.execute(text(f"SELECT to_regclass('{_VERSION_TABLE}')")).scalar() is None:
        return 0
    stored = connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar()
    return int(stored or 0)


def upgrade(connection: Connection, to: int = SCHEMA_VERSION) -> None:
    """Run the steps that the tables lack, as part of the caller's write transaction.

    Parameters
    ----------
    connection : Connection
        Holds the write lock on SQLite; on PostgreSQL others are held off here.
    to : int
        The version to stop at.
    """
    from alembic import command
    from alembic.config import Config

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('air-audit'))"))
    version = version_of(connection)
    if version >= to:
        return
    config = Config()
    config.set_main_option("script_location", _escaped(Path(__file__).parent / "migrations"))
    config.attributes.update(connection=connection, version_table=_VERSION_TABLE)
    with _one_at_a_time:
        if version == 1 and connection.dialect.name == "sqlite":
            command.stamp(config, "0001")  # it was made before Alembic kept count
        command.upgrade(config, f"{to:04}")
    if connection.dialect.name == "sqlite":
        # Read without Alembic, and by programs of version 1, which then refuse to go on.
        connection.exec_driver_sql(f"PRAGMA user_version = {to}")


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")
