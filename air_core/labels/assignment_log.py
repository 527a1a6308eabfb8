"""Assignments in the database of the log; they go in once, in order, and stay."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from sqlalchemy import func, insert, select
from sqlalchemy.engine import Connection

from air_core.errors import DecisionError
from air_core.labels.assignments import Assignment, Task
from air_core.labels.tables import assignments


def read_assignments(connection: Connection) -> tuple[Assignment, ...]:
    """All assignments, in the order handed out."""
    query = select(assignments).order_by(assignments.c.assignment_id)
    return tuple(Assignment(*row) for row in connection.execute(query))


def copy_assignments(connection: Connection, handed_out: Sequence[Assignment]) -> None:
    """Write assignments of another log as they are; the caller holds the write lock.

    Raises
    ------
    DecisionError
        If there are others already.
    """
    known = read_assignments(connection)
    if known[: len(handed_out)] != tuple(handed_out[: len(known)]):
        raise DecisionError(
            f"Expected no assignments or the beginning of the same ones, got {len(known)} others.",
            hint="Use a database of its own.",
        )
    missing = handed_out[len(known) :]
    if missing:
        connection.execute(insert(assignments), [asdict(task) for task in missing])


def append_assignments(
    connection: Connection,
    turns: Sequence[tuple[str, str]],
    *,
    task: Task,
    assigned_by: str,
    after_event: int,
    population: int | None,
) -> tuple[Assignment, ...]:
    """Write (item id, reviewer) pairs as one batch; the caller holds the write lock."""
    if not turns:
        return ()
    last = connection.execute(select(func.max(assignments.c.assignment_id))).scalar() or 0
    batch_id = uuid.uuid4().hex
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    made = tuple(
        Assignment(
            number, batch_id, item, reviewer, task, assigned_by, now, after_event, population
        )
        for number, (item, reviewer) in enumerate(turns, last + 1)
    )
    connection.execute(insert(assignments), [asdict(assignment) for assignment in made])
    return made
