"""Which events the trail shows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from air_core.dataset import tags_of
from air_core.labels import Assignment, Event, LabelEvent
from pages.components.history.rows import Trail

KINDS = {
    "all": "Everything",
    "decisions": "Decisions",
    "adjudications": "Adjudications",
    "undos": "Undos",
    "assignments": "Assignments",
}


@dataclass(frozen=True, slots=True)
class EventFilter:
    """What to show; the defaults show every event.

    Parameters
    ----------
    kind : str
        A key of :data:`KINDS`.
    reviewers : collection of str
        Who acted, or to whom something was assigned; empty for everybody.
    actions : collection of str
        Names of actions; empty for all.
    class_name : str or None
        A class that the label had before or has after.
    text : str
        Part of a path, a label or a reason, or an item id; case is ignored.
    days : tuple of date
        Nothing, the first day, or the first and the last; UTC.
    in_force : bool
        Only decisions that hold now.
    """

    kind: str = "all"
    reviewers: Collection[str] = ()
    actions: Collection[str] = ()
    class_name: str | None = None
    text: str = ""
    days: tuple[date, ...] = ()
    in_force: bool = False

    @property
    def narrows(self) -> bool:
        """Whether anything may be left out."""
        return self != EventFilter()

    def of(self, trail: Trail) -> list[Event]:
        """The events that match, newest first."""
        return [event for event in reversed(trail.reviews.events) if self._lets(trail, event)]

    def _lets(self, trail: Trail, event: Event) -> bool:
        who = {trail.actor(event), event.reviewer}
        if self.reviewers and who.isdisjoint(self.reviewers):
            return False
        if self.days and not _on(event.created_at, self.days):
            return False
        narrow = self.actions or self.class_name is not None or self.in_force
        if trail.hides(event):  # a filter must not tell what the row does not
            return self.kind in ("all", "decisions") and not narrow and not self.text
        if self.kind != "all" and self.kind != _kind(trail, event):
            return False
        if self.actions and event.action not in self.actions:
            return False
        if self.class_name is not None and not _concerns(trail, event, self.class_name):
            return False
        if self.in_force and not _holds(trail, event):
            return False
        return not self.text.strip() or self.text.strip().casefold() in _words(trail, event)


def _kind(trail: Trail, event: Event) -> str:
    if isinstance(event, Assignment):
        return "assignments"
    if event.action == "undo":
        return "undos"
    return "adjudications" if trail.settles(event) else "decisions"


def _on(created_at: str, days: tuple[date, ...]) -> bool:
    first = datetime.combine(days[0], time.min, UTC).isoformat()
    after = datetime.combine(days[-1] + timedelta(days=1), time.min, UTC).isoformat()
    return first <= created_at and (len(days) == 1 or created_at < after)


def _concerns(trail: Trail, event: Event, class_name: str) -> bool:
    if not isinstance(event, LabelEvent):
        return False
    labels = [label for label in (event.old_label, event.new_label) if label is not None]
    if not trail.reviews.dataset.multilabel:
        return class_name in labels
    return any(class_name in tags_of(label) for label in labels)


def _holds(trail: Trail, event: Event) -> bool:
    holder = trail.reviews.timeline.in_force_for(event.item_id)
    return holder is not None and holder.event_id == event.event_id


def _words(trail: Trail, event: Event) -> str:
    said = (event.item_id, trail.path_of(event))
    if isinstance(event, LabelEvent):
        said += (trail.change(event), event.reason)
    return "\n".join(said).casefold()
