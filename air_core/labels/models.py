"""What a reviewer decides, and what the log keeps of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from air_core.errors import DecisionError

Action = Literal["keep", "relabel", "exclude", "unsure"]
EventAction = Literal["keep", "relabel", "exclude", "unsure", "undo"]
ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True, slots=True)
class Decision:
    """One reviewer's verdict on one item, with what the screen showed at that moment.

    Parameters
    ----------
    item_id : str
        See :func:`air_core.dataset.stable_item_ids`.
    action : {"keep", "relabel", "exclude", "unsure"}
        ``keep`` says that the given label is right, ``exclude`` leaves the item out of exports,
        ``unsure`` changes nothing and marks the item as seen.
    label : str, optional
        The new label; needed for ``relabel``, not read otherwise.
    reason : str
        Free text.
    detector, score, lambda_g, suggested_label, run_id, feature_digest
        What led the reviewer here: name of the ranking, its score (1 clean, 0 worst; NaN is kept
        as None), the regularization strength, the suggestion, the run that made them and the
        features it was fitted on.

    Raises
    ------
    DecisionError
        For an unknown action, or a relabel without a label.

    Examples
    --------
    >>> Decision("00ff00ff00ff00ff", "relabel", label="cat").label
    'cat'
    """

    item_id: str
    action: Action
    label: str | None = None
    reason: str = ""
    detector: str = ""
    score: float | None = None
    lambda_g: float | None = None
    suggested_label: str | None = None
    run_id: str = ""
    feature_digest: str = ""

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise DecisionError(
                f"Expected an action among {', '.join(ACTIONS)}, got {self.action!r}."
            )
        if self.action == "relabel" and not self.label:
            raise DecisionError(
                f"Expected a label for the relabel of item {self.item_id}, got none.",
                hint="Say which class it should be, or choose another action.",
            )
        for name in ("score", "lambda_g"):
            object.__setattr__(self, name, _stored(getattr(self, name)))


def _stored(number: float | None) -> float | None:
    """The number as both databases give it back: SQLite knows no NaN and no negative zero."""
    return None if number is None or not math.isfinite(number) else float(number) + 0.0


@dataclass(frozen=True, slots=True)
class LabelEvent:
    """One line of the log; never changed once written.

    ``old_label`` and ``new_label`` are the item's label before and after; None is "no label",
    which is also what an excluded item has. ``undoes`` names the event that an ``undo`` takes
    back; undoing an undo puts the decision in force again. ``created_at`` is UTC, ISO 8601.
    ``hash`` depends on all of this and on the event before; see :mod:`air_core.labels.chain`.
    """

    event_id: int
    batch_id: str
    item_id: str
    action: EventAction
    old_label: str | None
    new_label: str | None
    reviewer: str
    reason: str
    created_at: str
    detector: str
    score: float | None
    lambda_g: float | None
    suggested_label: str | None
    run_id: str
    undoes: int | None
    operation_id: str | None
    feature_digest: str = ""
    hash: str = ""

    @property
    def client(self) -> str:
        """What sent it, such as one tab of a browser; ``""`` if it had no operation id."""
        return (self.operation_id or "").rpartition(":")[0]


class StaleLabelError(DecisionError):
    """The item was decided on by someone else since the reviewer last saw it.

    Attributes
    ----------
    events : tuple of LabelEvent
        What has happened to the item since, oldest first.
    """

    def __init__(self, events: tuple[LabelEvent, ...]) -> None:
        said = "; ".join(map(_said, events))
        super().__init__(
            f"Item {events[0].item_id} has changed since it was last seen: {said}.",
            hint="Look at it again, then decide.",
        )
        self.events = events


def _said(event: LabelEvent) -> str:
    old, new = (
        repr(label) if label else "no label" for label in (event.old_label, event.new_label)
    )
    what = f"{event.action} of {event.undoes}" if event.action == "undo" else event.action
    change = f"left {old} as it was" if old == new else f"changed {old} to {new}"
    return f"{event.reviewer} {change} at {event.created_at} ({what}, event {event.event_id})"
