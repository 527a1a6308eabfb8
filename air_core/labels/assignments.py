"""Who was asked to look at what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Task = Literal["review", "second", "sample", "adjudication"]
TASKS: tuple[Task, ...] = get_args(Task)


@dataclass(frozen=True, slots=True)
class Assignment:
    """One item in the queue of one reviewer; never changed once written.

    Parameters
    ----------
    assignment_id : int
        In the order of the queue.
    batch_id : str
        What was handed out together.
    item_id, reviewer : str
    task : {"review", "second", "sample", "adjudication"}
        ``review`` comes from the top of a ranking; ``second`` has been judged by somebody else,
        whose verdict is not shown; ``sample`` was drawn at random from what nobody had judged;
        ``adjudication`` settles a conflict.
    assigned_by : str
    created_at : str
        UTC, ISO 8601.
    after_event : int
        The newest label event at that time.
    population : int or None
        For a sample: how many items it was drawn from.
    """

    assignment_id: int
    batch_id: str
    item_id: str
    reviewer: str
    task: Task
    assigned_by: str
    created_at: str
    after_event: int
    population: int | None = None
