"""The log as it first was: events and the operations that they came from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from air_core.labels.migrations.guards import forbid_changes

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables of version 1."""
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    op.create_table(
        "label_events",
        sa.Column("event_id", sa.Integer, primary_key=True, autoincrement=on_sqlite),
        sa.Column("batch_id", sa.String(32), nullable=False),
        sa.Column("item_id", sa.String(16), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("old_label", sa.Text),
        sa.Column("new_label", sa.Text),
        sa.Column("reviewer", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("detector", sa.Text, nullable=False),
        sa.Column("score", sa.Float),
        sa.Column("lambda_g", sa.Float),
        sa.Column("suggested_label", sa.Text),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("undoes", sa.Integer),
        sa.Column("operation_id", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("label_events_batch", "label_events", ["batch_id"])
    # One row for each operation a client sent, also for one that had nothing to do, so that a
    # client which resends it learns that it arrived.
    op.create_table(
        "operations",
        sa.Column("operation_id", sa.Text, primary_key=True),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("batch_id", sa.String(32)),
    )
    op.create_index("operations_client", "operations", ["client_id", "number"])
    forbid_changes("label_events", "event_id")
    forbid_changes("operations", "operation_id")
