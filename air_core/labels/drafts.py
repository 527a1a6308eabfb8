"""From what a reviewer wants to the events that it takes, given all that has happened before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TypeAlias

from air_core.errors import DecisionError
from air_core.labels.assignments import Assignment, Task
from air_core.labels.models import Decision, EventAction, LabelEvent, StaleLabelError
from air_core.labels.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the log an event stands, and who put it there."""

    event_id: int
    batch_id: str
    by: str
    created_at: str
    operation_id: str | None
    after_event: int


@dataclass(frozen=True, slots=True)
class EventDraft:
    """A decision or an undo before it has its place in the log."""

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

    def at(self, place: Place) -> LabelEvent:
        """The event, still without its hash."""
        return LabelEvent(
            **asdict(self),
            event_id=place.event_id,
            batch_id=place.batch_id,
            reviewer=place.by,
            created_at=place.created_at,
            operation_id=place.operation_id,
        )


@dataclass(frozen=True, slots=True)
class AssignmentDraft:
    """An assignment before it has its place in the log."""

    item_id: str
    reviewer: str
    task: Task
    population: int | None = None

    def at(self, place: Place) -> Assignment:
        """The event, still without its hash."""
        return Assignment(
            **asdict(self),
            event_id=place.event_id,
            batch_id=place.batch_id,
            assigned_by=place.by,
            created_at=place.created_at,
            after_event=place.after_event,
        )


Draft: TypeAlias = EventDraft | AssignmentDraft


def standing_event(timeline: Timeline, event_id: int) -> LabelEvent:
    """An event that can be taken back; DecisionError says who did so before."""
    event = timeline.everything.get(event_id)
    if event is None:
        raise DecisionError(f"Expected the number of a recorded event, got {event_id}.")
    if isinstance(event, Assignment):
        raise DecisionError(
            f"Expected a decision or an undo, event {event_id} is an assignment to "
            f"{event.reviewer}, which stays."
        )
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


def check_unchanged(
    timeline: Timeline, item_id: str, expected: int | None, client: str = ""
) -> None:
    """Raise StaleLabelError if another decision is in force than the one that was seen.

    Parameters
    ----------
    timeline : Timeline
    item_id : str
    expected : int or None
        Number of the decision that was seen to be in force; None for none.
    client : str
        Whose own operations do not count: a client that queues several on one item sends each
        before it has seen what the one before has led to.
    """
    standing = _number(timeline.in_force_for(item_id))
    if standing == expected:
        return
    events = timeline.on_item(item_id, after=0)
    if client and expected in set(_seen_between(events, client)):
        return
    newer = [event for event in events if event.event_id > (expected or 0)] or events
    changes = [event for event in newer if not (client and event.client == client)] or newer
    if not changes:
        raise DecisionError(
            f"Expected the number of a decision on item {item_id}, got {expected}; it has none."
        )
    raise StaleLabelError(tuple(changes))


def _seen_between(events: Sequence[LabelEvent], client: str) -> Iterator[int | None]:
    """What was in force before each of the events with which a client ends an item's history."""
    before = Timeline()
    foreign = max((e.event_id for e in events if e.client != client), default=0)
    for event in events:
        if event.event_id > foreign:
            yield _number(before.in_force_for(event.item_id))
        before.append(event)


def _number(event: LabelEvent | None) -> int | None:
    return None if event is None else event.event_id
