"""From what a reviewer wants to the events that it takes, given all that has happened before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from air_core.errors import DecisionError
from air_core.labels.models import Decision, EventAction, LabelEvent, StaleLabelError
from air_core.labels.timeline import Timeline


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An event before it has its place in the log."""

    item_id: str
    action: EventAction
    old_label: str | None
    new_label: str | None
    reason: str = ""
    detector: str = ""
    score: float | None = None
    lambda_g: float | None = None
    suggested_label: str | None = None
    run_id: str = ""
    undoes: int | None = None
    feature_digest: str = ""


def standing_event(timeline: Timeline, event_id: int) -> LabelEvent:
    """An event that can be taken back; DecisionError says who did so before."""
    event = timeline.events.get(event_id)
    if event is None:
        raise DecisionError(f"Expected the number of a recorded event, got {event_id}.")
    if not timeline.is_active(event_id):
        undo = timeline.taken_back_by(event_id)
        by = f" by {undo.reviewer} at {undo.created_at} (event {undo.event_id})" if undo else ""
        raise DecisionError(
            f"Event {event_id} was already undone{by}.",
            hint="Undo that undo to bring it back." if undo else "",
        )
    return event


def decision_draft(timeline: Timeline, decision: Decision, given_label: str | None) -> EventDraft:
    """The event of a decision; the label before it comes from the log where it has one."""
    standing = timeline.in_force_for(decision.item_id)
    new_label = given_label
    if decision.action == "relabel":
        new_label = decision.label
    elif decision.action == "exclude":
        new_label = None
    return EventDraft(
        item_id=decision.item_id,
        action=decision.action,
        old_label=given_label if standing is None else standing.new_label,
        new_label=new_label,
        reason=decision.reason,
        detector=decision.detector,
        score=decision.score,
        lambda_g=decision.lambda_g,
        suggested_label=decision.suggested_label,
        run_id=decision.run_id,
        feature_digest=decision.feature_digest,
    )


def undo_drafts(timeline: Timeline, events: Sequence[LabelEvent]) -> list[EventDraft]:
    """The events that take standing events back together."""
    return [
        EventDraft(
            item_id=event.item_id,
            action="undo",
            old_label=old,
            new_label=new,
            undoes=event.event_id,
        )
        for event, old, new in timeline.undoing(events)
    ]


def check_unchanged(timeline: Timeline, item_id: str, expected: int | None) -> None:
    """Raise StaleLabelError if another decision is in force than the one that was seen."""
    standing = timeline.in_force_for(item_id)
    if (None if standing is None else standing.event_id) == expected:
        return
    changes = timeline.on_item(item_id, after=expected or 0) or timeline.on_item(item_id, after=0)
    if not changes:
        raise DecisionError(
            f"Expected the number of a decision on item {item_id}, got {expected}; it has none."
        )
    raise StaleLabelError(tuple(changes))
