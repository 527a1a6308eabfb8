"""Which decisions are in force, worked out from the log alone."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence

from air_core.errors import WorkspaceError
from air_core.labels.assignments import Assignment, Event
from air_core.labels.models import LabelEvent


class Timeline:
    """The state that a sequence of events leads to.

    Events only ever get appended, so the state is kept up to date one event at a time: an open
    interface pays for the new events, not for the whole history.

    Attributes
    ----------
    everything : dict of int to LabelEvent or Assignment
        Each event by its number, oldest first.
    events : dict of int to LabelEvent
        Of these, the decisions and undos.
    """

    def __init__(self) -> None:
        self.everything: dict[int, Event] = {}
        self.events: dict[int, LabelEvent] = {}
        self._active: set[int] = set()
        self._of_item: dict[str, list[int]] = {}
        self._of_batch: dict[str, list[int]] = {}
        self._redos: set[str] = set()
        self._taken_back_by: dict[int, int] = {}
        self._in_force: dict[str, LabelEvent] = {}

    @property
    def last_id(self) -> int:
        """Id of the newest event seen; 0 before the first."""
        return next(reversed(self.everything), 0)

    def append(self, event: Event) -> None:
        """Take in the next event of the log.

        Raises
        ------
        WorkspaceError
            If it takes back what is not there.
        """
        if isinstance(event, Assignment):
            self.everything[event.event_id] = event
            return
        target = None if event.undoes is None else self.events.get(event.undoes)
        if event.undoes is not None and (target is None or target.item_id != event.item_id):
            raise WorkspaceError(
                f"The log of decisions is damaged: event {event.event_id} takes back event "
                f"{event.undoes}, which is not there.",
                hint="Run air-audit history --verify, and restore the log from a copy.",
            )
        self.everything[event.event_id] = self.events[event.event_id] = event
        self._of_batch.setdefault(event.batch_id, []).append(event.event_id)
        if event.undoes is None:
            self._of_item.setdefault(event.item_id, []).append(event.event_id)
        else:
            self._taken_back_by[event.undoes] = event.event_id
            self._tell_redo(event, self.events[event.undoes])
        self._set_active(event.event_id, True)
        self._refresh(event.item_id)

    def _tell_redo(self, event: LabelEvent, target: LabelEvent) -> None:
        """A batch is a redo if all that it takes back are undos, and an undo otherwise."""
        brings_back = target.undoes is not None and target.batch_id not in self._redos
        first = self._of_batch[event.batch_id][0] == event.event_id
        if brings_back and first:
            self._redos.add(event.batch_id)
        elif not brings_back:
            self._redos.discard(event.batch_id)

    def _set_active(self, event_id: int, active: bool) -> None:
        # An undo that is itself undone lets its target come back, and so on down the chain.
        target: int | None = event_id
        while target is not None:
            if active:
                self._active.add(target)
            else:
                self._active.discard(target)
            target, active = self.events[target].undoes, not active

    def _refresh(self, item_id: str) -> None:
        for event_id in reversed(self._of_item[item_id]):
            if event_id in self._active:
                self._in_force[item_id] = self.events[event_id]
                return
        self._in_force.pop(item_id, None)

    def is_active(self, event_id: int) -> bool:
        """Whether an event stands, that is, has not been taken back."""
        return event_id in self._active

    def taken_back_by(self, event_id: int) -> LabelEvent | None:
        """The undo that took an event back, if it does not stand."""
        if self.is_active(event_id) or event_id not in self._taken_back_by:
            return None
        return self.events[self._taken_back_by[event_id]]

    def in_force(self) -> dict[str, LabelEvent]:
        """The latest standing decision of each item that has one."""
        return dict(self._in_force)

    def in_force_for(self, item_id: str) -> LabelEvent | None:
        """The decision in force for one item."""
        return self._in_force.get(item_id)

    def label_of(self, item_id: str) -> str | None:
        """The label the log leaves an item with; its first ``old_label`` if nothing stands."""
        standing = self._in_force.get(item_id)
        if standing is not None:
            return standing.new_label
        return self.events[self._of_item[item_id][0]].old_label

    def undoing(
        self, events: Sequence[LabelEvent]
    ) -> list[tuple[LabelEvent, str | None, str | None]]:
        """What taking standing events back would do, without doing it.

        Returns
        -------
        list of (event, label before, label after)
            The newest event of an item comes first, so that each label follows from the one
            before; items are in the order given.
        """
        of_item: dict[str, list[LabelEvent]] = {}
        for event in events:
            of_item.setdefault(event.item_id, []).append(event)
        changes = []
        for item_id, group in of_item.items():
            touched = {e.event_id for event in group for e in self._chain(event)}
            before = touched & self._active
            for event in sorted(group, key=lambda e: e.event_id, reverse=True):
                old = self.label_of(item_id)
                self._set_active(event.event_id, False)
                self._refresh(item_id)
                changes.append((event, old, self.label_of(item_id)))
            self._active -= touched
            self._active |= before
            self._refresh(item_id)
        return changes

    def _chain(self, event: LabelEvent) -> Iterator[LabelEvent]:
        """The event, what it undoes, what that undoes, and so on."""
        yield event
        while event.undoes is not None:
            event = self.events[event.undoes]
            yield event

    def batch(self, batch_id: str) -> list[LabelEvent]:
        """Events recorded together, oldest first."""
        return [self.events[i] for i in self._of_batch.get(batch_id, [])]

    def standing_of(self, event_ids: Collection[int]) -> list[LabelEvent]:
        """What stands of some events, to be taken back together, oldest first.

        An undo among them of an event among them is left out: the two cancel.
        """
        return [
            self.events[number]
            for number in sorted(self._active.intersection(event_ids))
            if self.events[number].undoes not in event_ids
        ]

    def on_item(self, item_id: str, after: int) -> list[LabelEvent]:
        """Events of one item, undos included, newer than ``after``, oldest first."""
        newest = itertools.takewhile(lambda e: e.event_id > after, reversed(self.events.values()))
        return [event for event in newest if event.item_id == item_id][::-1]

    def to_undo(self, reviewer: str) -> list[LabelEvent]:
        """The standing part of the reviewer's most recent batch of decisions."""
        for event in self._newest_first(reviewer):
            if event.undoes is None and self.is_active(event.event_id):
                return self._standing(event.batch_id)
        return []

    def to_redo(self, reviewer: str) -> list[LabelEvent]:
        """The reviewer's most recent standing batch of undos, unless a decision came after it."""
        for event in self._newest_first(reviewer):
            if event.undoes is None:
                return []
            if event.batch_id not in self._redos and self.is_active(event.event_id):
                return self._standing(event.batch_id)
        return []

    def standing_of_operation(self, operation_id: str) -> list[LabelEvent]:
        """What stands of the decisions of one operation, such as ``"client:number"``."""
        return [e for e in self._of_operation(operation_id) if self.is_active(e.event_id)]

    def undos_of_operation(self, operation_id: str) -> list[LabelEvent]:
        """The standing undos of the decisions of one operation."""
        decided = {event.event_id for event in self._of_operation(operation_id)}
        return [
            e for e in self.events.values() if e.undoes in decided and self.is_active(e.event_id)
        ]

    def _of_operation(self, operation_id: str) -> list[LabelEvent]:
        for event in reversed(self.events.values()):
            if event.operation_id == operation_id:
                return self.batch(event.batch_id)
        return []

    def _standing(self, batch_id: str) -> list[LabelEvent]:
        return [e for e in self.batch(batch_id) if self.is_active(e.event_id)]

    def _newest_first(self, reviewer: str) -> Iterator[LabelEvent]:
        return (e for e in reversed(self.events.values()) if e.reviewer == reviewer)
