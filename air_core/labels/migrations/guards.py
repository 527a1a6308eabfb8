"""Triggers with which the database itself refuses to change what is written."""

from __future__ import annotations

from alembic import op

APPEND_ONLY = "the log of decisions is append-only"


def forbid_changes(table: str, key: str) -> None:
    """Let a table take new rows only.

    Parameters
    ----------
    table : str
    key : str
        Its primary key.
    """
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("update", "delete"):
            on_sqlite(f"{table}_no_{verb}", f"{verb.upper()} ON {table}", refusal())
        # INSERT OR REPLACE deletes the old row without running the DELETE trigger.
        replaced = f"WHERE EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key})"
        on_sqlite(f"{table}_no_insert", f"INSERT ON {table}", refusal(replaced))
        return
    op.execute(
        f"CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN RAISE EXCEPTION '{APPEND_ONLY}' USING ERRCODE = 'integrity_constraint_violation'; "
        f"END $$"
    )
    on_postgres(table, "no_change", "UPDATE OR DELETE", "ROW", "refuse_change")
    on_postgres(table, "no_truncate", "TRUNCATE", "STATEMENT", "refuse_change")


def refusal(condition: str = "") -> str:
    """Statement of a trigger in SQLite that refuses if the condition holds."""
    return f"SELECT RAISE(ABORT, '{APPEND_ONLY}') {condition};"


def on_sqlite(name: str, when: str, body: str) -> None:
    """Make a trigger in SQLite."""
    op.execute(f"CREATE TRIGGER {name} BEFORE {when} BEGIN {body} END")


def on_postgres(table: str, name: str, when: str, each: str, function: str) -> None:
    """Make a trigger in PostgreSQL that also runs in a session of a replica."""
    name = f"{table}_{name}"
    op.execute(
        f"CREATE TRIGGER {name} BEFORE {when} ON {table} "
        f"FOR EACH {each} EXECUTE FUNCTION {function}()"
    )
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
