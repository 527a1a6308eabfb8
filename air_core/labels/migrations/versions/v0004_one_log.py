"""Assignments join the chain: one row of numbers, one head, for all that happens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from air_core.labels.chain import link
from air_core.labels.migrations.guards import (
    forbid_changes,
    on_postgres,
    on_sqlite,
    refusal,
)

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Number and hash the assignments that there are, and let only the next link in."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    if sqlite:
        for verb in ("update", "delete", "insert"):
            op.execute(f"DROP TRIGGER assignments_no_{verb}")
    else:
        for name in ("no_change", "no_truncate"):
            op.execute(f"DROP TRIGGER assignments_{name} ON assignments")
    op.execute("ALTER TABLE assignments RENAME COLUMN assignment_id TO event_id")
    op.add_column("assignments", sa.Column("hash", sa.Text, nullable=False, server_default=""))
    _chain()
    if sqlite:
        _guard_sqlite()
    else:
        forbid_changes("assignments", "event_id")
        on_postgres("assignments", "next", "INSERT", "ROW", "append_event")


def _chain() -> None:
    # Behind all events: to put them where they belong would change hashes that were noted.
    connection = op.get_bind()
    head = connection.execute(sa.text("SELECT event_id, hash FROM label_head")).one()
    last, previous, moved = int(head.event_id), str(head.hash), []
    for row in connection.execute(sa.text("SELECT * FROM assignments ORDER BY event_id")):
        last += 1
        values = {
            "event_id": last,
            "batch_id": row.batch_id,
            "item_id": row.item_id,
            "action": "assign",
            "reviewer": row.reviewer,
            "task": row.task,
            "assigned_by": row.assigned_by,
            "created_at": row.created_at,
            "after_event": row.after_event,
            "population": row.population,
        }
        previous = link(previous, values)
        moved.append({"before": row.event_id, "event_id": last, "hash": previous})
    if moved:
        # From the last down, so that no two have the same number meanwhile.
        connection.execute(
            sa.text(
                "UPDATE assignments SET event_id = :event_id, hash = :hash WHERE event_id = :before"
            ),
            moved[::-1],
        )
        connection.execute(
            sa.text("UPDATE label_head SET event_id = :event_id, hash = :hash"),
            {"event_id": last, "hash": previous},
        )


def _guard_sqlite() -> None:
    for verb in ("update", "delete"):
        on_sqlite(f"assignments_no_{verb}", f"{verb.upper()} ON assignments", refusal())
    not_next = (
        "WHERE length(NEW.hash) <> 64 OR NEW.event_id IS NOT (SELECT event_id + 1 FROM label_head)"
    )
    advance = "UPDATE label_head SET event_id = NEW.event_id, hash = NEW.hash;"
    on_sqlite("assignments_next", "INSERT ON assignments", refusal(not_next) + advance)
