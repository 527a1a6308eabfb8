"""Who was asked to look at what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from air_core.labels.migrations.guards import forbid_changes

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table of assignments."""
    op.create_table(
        "assignments",
        sa.Column("assignment_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("batch_id", sa.String(32), nullable=False),
        sa.Column("item_id", sa.String(16), nullable=False),
        sa.Column("reviewer", sa.Text, nullable=False),
        sa.Column("task", sa.String(16), nullable=False),
        sa.Column("assigned_by", sa.Text, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("after_event", sa.Integer, nullable=False),
        sa.Column("population", sa.Integer),
    )
    forbid_changes("assignments", "assignment_id")
