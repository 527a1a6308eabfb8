"""Who was asked to look at what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from air_core.labels.models import LabelEvent

Task = Literal["review", "second", "sample", "adjudication"]
TASKS: tuple[Task, ...] = get_args(Task)


@dataclass(frozen=True, slots=True)
class Assignment:
    """An event of the log: one item goes into the queue of one reviewer.

    Parameters
    ----------
    event_id : int
        Its number in the log, which also gives the order of the queue.
    batch_id : str
        What was handed out together.
    item_id, reviewer : str
        What, and to whom.
    task : {"review", "second", "sample", "adjudication"}
        ``review`` comes from the top of a ranking; ``second`` has been judged by somebody else,
        whose verdict is not shown; ``sample`` was drawn at random from what nobody had judged;
        ``adjudication`` settles a conflict.
    assigned_by : str
    created_at : str
        UTC, ISO 8601.
    after_event : int
        The newest event when it was handed out. Logs of version 3 kept assignments apart; these
        stand behind the events that they were older than.
    population : int or None
        For a sample: how many items it was drawn from.
    hash : str
        Depends on all of this and on the event before; see :mod:`air_core.labels.chain`.

    Attributes
    ----------
    action : str
        Always ``"assign"``.
    """

    event_id: int
    batch_id: str
    item_id: str
    action: Literal["assign"] = field(default="assign", init=False)
    reviewer: str
    task: Task
    assigned_by: str
    created_at: str
    after_event: int
    population: int | None = None
    hash: str = ""


Event: TypeAlias = LabelEvent | Assignment
"""What the log holds: decisions, undos and assignments, in one row of numbers."""


@dataclass(frozen=True, slots=True)
class Handout:
    """What to put into queues together.

    Parameters
    ----------
    turns : sequence of (item id, reviewer)
        In the order of the queues.
    population : int or None
        For a sample: how many items it was drawn from.
    """

    turns: Sequence[tuple[str, str]]
    population: int | None = None
