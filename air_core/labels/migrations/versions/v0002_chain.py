"""Events get the digest of their features and are chained; current labels become a view."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from air_core.labels.chain import GENESIS, link
from air_core.labels.migrations.guards import (
    APPEND_ONLY,
    forbid_changes,
    on_postgres,
    on_sqlite,
    refusal,
)

revision = "0002"
down_revision = "0001"

# An event counts as many times as there are undos on top of it; the newest of those decides.
CURRENT_LABELS = """
CREATE VIEW current_labels AS
WITH RECURSIVE touched (by_event, event_id, undoes, depth) AS (
    SELECT event_id, event_id, undoes, 0 FROM label_events
    UNION ALL
    SELECT t.by_event, e.event_id, e.undoes, t.depth + 1
    FROM touched t JOIN label_events e ON e.event_id = t.undoes
), last_touched (event_id, by_event) AS (
    SELECT event_id, max(by_event) FROM touched GROUP BY event_id
), in_force (event_id) AS (
    SELECT max(t.event_id)
    FROM touched t
    JOIN last_touched l ON l.event_id = t.event_id AND l.by_event = t.by_event
    JOIN label_events e ON e.event_id = t.event_id
    WHERE t.undoes IS NULL AND t.depth % 2 = 0
    GROUP BY e.item_id
)
SELECT e.item_id, e.new_label AS label, e.action, e.reviewer, e.created_at, e.event_id
FROM label_events e JOIN in_force f ON f.event_id = e.event_id
"""


def upgrade() -> None:
    """Chain the events that there are, and let only the next link in."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("update", "delete", "insert"):
            op.execute(f"DROP TRIGGER label_events_no_{verb}")
    else:
        for name in ("no_change", "no_truncate"):
            op.execute(f"DROP TRIGGER label_events_{name} ON label_events")
    for column in ("feature_digest", "hash"):
        op.add_column("label_events", sa.Column(column, sa.Text, nullable=False, server_default=""))
    op.create_index("label_events_item", "label_events", ["item_id"])
    op.create_table(
        "label_head",
        sa.Column("one", sa.Integer, sa.CheckConstraint("one = 1"), primary_key=True),
        sa.Column("event_id", sa.Integer, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    _chain()
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgres()
    op.execute(CURRENT_LABELS)


def _chain() -> None:
    connection, last, previous = op.get_bind(), 0, GENESIS
    read = sa.text("SELECT * FROM label_events WHERE event_id > :last ORDER BY event_id LIMIT 1000")
    write = sa.text("UPDATE label_events SET hash = :hash WHERE event_id = :event_id")
    while rows := connection.execute(read, {"last": last}).mappings().all():
        links = []
        for row in rows:
            last = row["event_id"]
            previous = link(previous, {name: row[name] for name in row if name != "hash"})
            links.append({"event_id": last, "hash": previous})
        connection.execute(write, links)
    head = sa.text("INSERT INTO label_head (one, event_id, hash) VALUES (1, :event_id, :hash)")
    connection.execute(head, {"event_id": last, "hash": previous})


def _guard_sqlite() -> None:
    for verb in ("update", "delete"):
        on_sqlite(f"label_events_no_{verb}", f"{verb.upper()} ON label_events", refusal())
    # Its condition also keeps out INSERT OR REPLACE, and a program that knows no chain.
    not_next = (
        "WHERE length(NEW.hash) <> 64 OR NEW.event_id IS NOT (SELECT event_id + 1 FROM label_head)"
    )
    advance = "UPDATE label_head SET event_id = NEW.event_id, hash = NEW.hash;"
    on_sqlite("label_events_next", "INSERT ON label_events", refusal(not_next) + advance)
    for name, when in (("delete", "DELETE"), ("insert", "INSERT")):
        on_sqlite(f"label_head_no_{name}", f"{when} ON label_head", refusal())
    backwards = refusal("WHERE NEW.event_id <= OLD.event_id")
    on_sqlite("label_head_forward", "UPDATE ON label_head", backwards)


def _guard_postgres() -> None:
    refuse = f"RAISE EXCEPTION '{APPEND_ONLY}' USING ERRCODE = 'integrity_constraint_violation'"
    op.execute(
        f"CREATE FUNCTION append_event() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"UPDATE label_head SET event_id = NEW.event_id, hash = NEW.hash "
        f"WHERE event_id = NEW.event_id - 1 AND length(NEW.hash) = 64; "
        f"IF NOT FOUND THEN {refuse}; END IF; RETURN NEW; END $$"
    )
    op.execute(
        f"CREATE FUNCTION advance_head() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF NEW.event_id <= OLD.event_id THEN {refuse}; END IF; RETURN NEW; END $$"
    )
    forbid_changes("label_events", "event_id")
    on_postgres("label_events", "next", "INSERT", "ROW", "append_event")
    on_postgres("label_head", "forward", "UPDATE", "ROW", "advance_head")
    on_postgres("label_head", "no_change", "DELETE", "ROW", "refuse_change")
    on_postgres("label_head", "no_truncate", "TRUNCATE", "STATEMENT", "refuse_change")
