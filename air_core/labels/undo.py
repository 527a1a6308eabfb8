"""Taking back and bringing back what stands in a log."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from air_core.errors import DecisionError
from air_core.labels.drafts import EventDraft, standing_event, undo_drafts
from air_core.labels.mirror import Build, Mirror
from air_core.labels.models import LabelEvent
from air_core.labels.timeline import Timeline


class Undoable:
    """A log whose events can be taken back: by appending, as everything is done here.

    Parameters
    ----------
    mirror : Mirror
    """

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror

    def undo(
        self, event_id: int, *, reviewer: str, operation_id: str | None = None
    ) -> tuple[LabelEvent, ...]:
        """Take one event out, whoever recorded it; taking out an undo brings its target back.

        Raises
        ------
        DecisionError
            If there is no such event, or it was taken back before: by whom and when is said.
        """
        return self._decide(
            lambda timeline: undo_drafts(timeline, [standing_event(timeline, event_id)]),
            reviewer,
            operation_id,
        )

    def undo_batch(
        self, batch_id: str, *, reviewer: str, operation_id: str | None = None
    ) -> tuple[LabelEvent, ...]:
        """Take out what still stands of the events that were recorded together.

        Raises
        ------
        DecisionError
            If there is no such batch or all of it was taken back before.
        """

        def build(timeline: Timeline) -> list[EventDraft]:
            batch = timeline.batch(batch_id)
            if not batch:
                raise DecisionError(f"Expected the id of a recorded batch, got {batch_id!r}.")
            standing = [e for e in batch if timeline.is_active(e.event_id)]
            return undo_drafts(timeline, standing or [standing_event(timeline, batch[0].event_id)])

        return self._decide(build, reviewer, operation_id)

    def undo_range(
        self, first: int, last: int, *, reviewer: str, operation_id: str | None = None
    ) -> tuple[LabelEvent, ...]:
        """Take out what stands of the events ``first`` to ``last``, as one batch.

        The labels are then what they were before ``first``, except where a later event has
        changed them.

        Raises
        ------
        DecisionError
            If there are no such events, or nothing of them stands.
        """

        def build(timeline: Timeline) -> list[EventDraft]:
            if not 1 <= first <= last <= timeline.last_id:
                raise DecisionError(
                    f"Expected events between 1 and {timeline.last_id}, got {first} to {last}."
                )
            standing = timeline.standing_of(range(first, last + 1))
            if not standing:
                raise DecisionError(f"Nothing of the events {first} to {last} stands any more.")
            return undo_drafts(timeline, standing)

        return self._decide(build, reviewer, operation_id)

    def undo_last(self, reviewer: str, operation_id: str | None = None) -> tuple[LabelEvent, ...]:
        """Take back the reviewer's most recent batch that still stands; empty if there is none."""
        return self._decide(
            lambda timeline: undo_drafts(timeline, timeline.to_undo(reviewer)),
            reviewer,
            operation_id,
        )

    def redo_last(self, reviewer: str, operation_id: str | None = None) -> tuple[LabelEvent, ...]:
        """Bring back what the reviewer took back last.

        Empty if there is nothing, or if the reviewer has decided something new since.
        """
        return self._decide(
            lambda timeline: undo_drafts(timeline, timeline.to_redo(reviewer)),
            reviewer,
            operation_id,
        )

    def undo_operation(
        self, of: str, *, reviewer: str, operation_id: str | None = None
    ) -> tuple[LabelEvent, ...]:
        """Take back what still stands of one operation; empty if nothing of it does."""
        return self._decide(
            lambda timeline: undo_drafts(timeline, timeline.standing_of_operation(of)),
            reviewer,
            operation_id,
        )

    def redo_operation(
        self, of: str, *, reviewer: str, operation_id: str | None = None
    ) -> tuple[LabelEvent, ...]:
        """Bring back what was taken back of one operation; empty if nothing was."""
        return self._decide(
            lambda timeline: undo_drafts(timeline, timeline.undos_of_operation(of)),
            reviewer,
            operation_id,
        )

    def undo_events(
        self, event_ids: Sequence[int], *, reviewer: str, operation_id: str | None = None
    ) -> tuple[LabelEvent, ...]:
        """Take out exactly these events, as one batch; :meth:`undoing` says what that will do.

        Raises
        ------
        DecisionError
            If there is none, or one of them was taken back before: by whom and when is said.
        """

        def build(timeline: Timeline) -> list[EventDraft]:
            if not event_ids:
                raise DecisionError("Expected events to take back, got none.")
            return undo_drafts(timeline, [standing_event(timeline, i) for i in event_ids])

        return self._decide(build, reviewer, operation_id)

    def undoing(
        self, event_ids: Collection[int]
    ) -> list[tuple[LabelEvent, str | None, str | None]]:
        """What taking back all that stands of some events would do, without doing it.

        Returns
        -------
        list of (event, label before, label after)
            An undo among them of an event among them is left out: the two cancel.
        """
        with self._mirror.reading() as timeline:
            return timeline.undoing(timeline.standing_of(event_ids))

    def next_undo(self, reviewer: str) -> list[LabelEvent]:
        """What :meth:`undo_last` would take back now."""
        with self._mirror.reading() as timeline:
            return timeline.to_undo(reviewer)

    def next_redo(self, reviewer: str) -> list[LabelEvent]:
        """The undos that :meth:`redo_last` would take back now."""
        with self._mirror.reading() as timeline:
            return timeline.to_redo(reviewer)

    def _decide(
        self, build: Build, by: str, operation_id: str | None = None
    ) -> tuple[LabelEvent, ...]:
        events = self._mirror.append(build, by, operation_id)
        return tuple(event for event in events if isinstance(event, LabelEvent))
