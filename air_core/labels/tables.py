"""The tables of the log as they are now; :mod:`air_core.labels.migrations` makes them."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

# Events are numbered from 1 without gaps, in the order in which they were committed. Decisions
# and undos are here, assignments in a table of their own; they share the numbers and the chain.
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
    Column("feature_digest", Text, nullable=False, server_default=""),
    Column("hash", Text, nullable=False, server_default=""),
    Index("label_events_batch", "batch_id"),
    Index("label_events_item", "item_id"),
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

# One row: the newest event, moved on by triggers. Writers lock it, so that they come one after
# another, and it tells where the log ended if events were cut off.
label_head = Table(
    "label_head",
    metadata,
    Column("one", Integer, CheckConstraint("one = 1"), primary_key=True),
    Column("event_id", Integer, nullable=False),
    Column("hash", Text, nullable=False),
)

# Who was asked to look at what.
assignments = Table(
    "assignments",
    metadata,
    Column("event_id", Integer, primary_key=True, autoincrement=False),
    Column("batch_id", String(32), nullable=False),
    Column("item_id", String(16), nullable=False),
    Column("reviewer", Text, nullable=False),
    Column("task", String(16), nullable=False),
    Column("assigned_by", Text, nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("after_event", Integer, nullable=False),
    Column("population", Integer),
    Column("hash", Text, nullable=False, server_default=""),
)
