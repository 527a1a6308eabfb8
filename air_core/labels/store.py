"""The store of reviewers' decisions: record, undo, redo, read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from air_core.errors import DecisionError
from air_core.labels.assignments import Assignment, Task
from air_core.labels.chain import Verification, breaks, verify
from air_core.labels.database import without_password
from air_core.labels.drafts import (
    EventDraft,
    check_unchanged,
    decision_draft,
    standing_event,
    undo_drafts,
)
from air_core.labels.log import EventLog, WriteTransaction
from air_core.labels.models import Decision, LabelEvent
from air_core.labels.timeline import Timeline

__all__ = ["LabelStore", "without_password"]

_QUICKLY_READ = 1000  # events, a few milliseconds


class LabelStore:
    """Reviewers' decisions, kept for good; usable from several threads and processes.

    Nothing is changed or deleted: taking a decision back appends an ``undo`` event, and undoing
    that puts the decision in force again. A call that returned has its events on disk.

    Parameters
    ----------
    target : path or str
        A SQLite file (made when missing), or the URL of a PostgreSQL database; see
        :func:`air_core.labels.database.database_url`.

    Raises
    ------
    WorkspaceError
        If the database cannot be opened or was written by a newer version.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> store = LabelStore(f"{folder.name}/labels.sqlite")
    >>> event, = store.record(
    ...     [Decision("a1", "relabel", label="cat")], reviewer="ana", old_labels={"a1": "dog"})
    >>> store.current()["a1"].new_label
    'cat'
    >>> _ = store.undo_last("ana")
    >>> store.current(), len(store.history())
    ({}, 2)
    >>> store.close(); folder.cleanup()
    """

    def __init__(self, target: str | Path) -> None:
        self._log = EventLog(target)
        self._timeline = Timeline()
        self._lock = threading.RLock()

    # -- writing -------------------------------------------------------------------------------

    def record(
        self,
        decisions: Sequence[Decision],
        *,
        reviewer: str,
        old_labels: Mapping[str, str | None],
        expected: Mapping[str, int | None] | None = None,
        operation_id: str | None = None,
    ) -> tuple[LabelEvent, ...]:
        """Store decisions as one batch: all of them or none.

        Parameters
        ----------
        decisions : sequence of Decision
            At most one for an item.
        reviewer : str
            Who decided.
        old_labels : mapping of item id to label or None
            The label each item came with. An item that has a decision in force gets its old
            label from the log instead, read under the same lock, so that two reviewers at once
            cannot both claim to have changed the same label.
        expected : mapping of item id to event id or None, optional
            What the reviewer saw: the number of the decision in force on each item, None for
            none. Items that are not named are not checked.
        operation_id : str, optional
            ``"client:number"``. An operation that is stored already is not stored again.

        Returns
        -------
        tuple of LabelEvent
            In the order of ``decisions``; what was stored the first time if this operation was
            resent.

        Raises
        ------
        DecisionError
            If nothing was stored: no reviewer, an item twice, or the database refuses.
        StaleLabelError
            If an item has another decision in force than expected; says who changed what.
        """
        items = [d.item_id for d in decisions]
        if len(set(items)) != len(items):
            twice = next(item for item in items if items.count(item) > 1)
            raise DecisionError(
                f"Expected one decision an item in a batch, got item {twice} twice."
            )

        def build(timeline: Timeline) -> list[EventDraft]:
            for item, event_id in (expected or {}).items():
                check_unchanged(timeline, item, event_id)
            return [decision_draft(timeline, d, old_labels[d.item_id]) for d in decisions]

        return self._append(build, reviewer, operation_id)

    def undo(
        self, event_id: int, *, reviewer: str, operation_id: str | None = None
    ) -> tuple[LabelEvent, ...]:
        """Take one event out, whoever recorded it; taking out an undo brings its target back.

        Raises
        ------
        DecisionError
            If there is no such event, or it was taken back before: by whom and when is said.
        """
        return self._append(
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

        return self._append(build, reviewer, operation_id)

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
            standing = timeline.between(first, last)
            if not standing:
                raise DecisionError(f"Nothing of the events {first} to {last} stands any more.")
            return undo_drafts(timeline, standing)

        return self._append(build, reviewer, operation_id)

    def undo_last(self, reviewer: str, operation_id: str | None = None) -> tuple[LabelEvent, ...]:
        """Take back the reviewer's most recent batch that still stands; empty if there is none."""
        return self._append(
            lambda timeline: undo_drafts(timeline, timeline.to_undo(reviewer)),
            reviewer,
            operation_id,
        )

    def redo_last(self, reviewer: str, operation_id: str | None = None) -> tuple[LabelEvent, ...]:
        """Bring back what the reviewer took back last.

        Empty if there is nothing, or if the reviewer has decided something new since.
        """
        return self._append(
            lambda timeline: undo_drafts(timeline, timeline.to_redo(reviewer)),
            reviewer,
            operation_id,
        )

    def restore(self, events: Sequence[LabelEvent], assignments: Sequence[Assignment] = ()) -> int:
        """Write a copied log as it is: same numbers, times and hashes.

        Parameters
        ----------
        events : sequence of LabelEvent
            The whole log, oldest first, as :meth:`history` or an ``audit.jsonl`` gives it. This
            log must be empty or its beginning.
        assignments : sequence of Assignment
            Those of that log, as :meth:`assignments` gives them.

        Returns
        -------
        int
            Events written; 0 if they were all here.

        Raises
        ------
        DecisionError
            If the copy is damaged or this log holds something else; nothing is written then.
        """
        damage = next(breaks(events), None)
        if damage is not None:
            raise DecisionError(
                f"Expected an unchanged log. {damage}", hint="Take another copy of it."
            )
        with self._lock:
            with self._writing() as write:
                known = list(self._timeline.events.values())
                if known[: len(events)] != list(events[: len(known)]):
                    raise DecisionError(
                        f"Expected an empty log or the beginning of the same one, got one of "
                        f"{len(known)} other events.",
                        hint="Restore into a new workspace.",
                    )
                write.copy(events[len(known) :])
                write.copy_assignments(assignments)
            return max(0, len(events) - len(known))

    def assign(
        self,
        turns: Sequence[tuple[str, str]],
        *,
        task: Task,
        assigned_by: str,
        population: int | None = None,
    ) -> tuple[Assignment, ...]:
        """Put items into reviewers' queues, as one batch.

        :mod:`air_core.reviewers.assigning` says who gets what.

        Parameters
        ----------
        turns : sequence of (item id, reviewer)
        task : {"review", "second", "sample", "adjudication"}
        assigned_by : str
        population : int, optional
            For a sample: how many items it was drawn from.

        Raises
        ------
        DecisionError
            If nothing was stored: no name, or the database refuses.
        """
        if not assigned_by.strip():
            raise DecisionError("Expected the name of who assigns, got none.")
        with self._log.writing() as write:
            return write.assign(turns, task, assigned_by, population)

    # -- reading -------------------------------------------------------------------------------

    def history(self, item_id: str | None = None, reviewer: str | None = None) -> list[LabelEvent]:
        """Every event, oldest first; of one item or one reviewer if given."""
        with self._up_to_date() as timeline:
            return [
                event
                for event in timeline.events.values()
                if (item_id is None or event.item_id == item_id)
                and (reviewer is None or event.reviewer == reviewer)
            ]

    def current(self) -> dict[str, LabelEvent]:
        """The decision in force of each item that has one: its latest that was not taken back."""
        with self._up_to_date() as timeline:
            return timeline.in_force()

    def verify(self, against: Sequence[LabelEvent] | str | None = None) -> Verification:
        """Read the whole log anew and check its chain.

        Parameters
        ----------
        against : sequence of LabelEvent or str, optional
            An earlier copy of the log, or a hash noted from it. The chain alone cannot show that
            somebody wrote all of it anew; a copy kept elsewhere can.
        """
        return verify(*self._log.snapshot(), against)

    def assignments(self) -> tuple[Assignment, ...]:
        """All that was ever put into a queue, in order."""
        return self._log.assignments()

    def applied(self, client_id: str) -> int:
        """The highest operation number that this client has got stored; 0 before the first."""
        return self._log.applied(client_id)

    def close(self) -> None:
        """Close the database connections; the store opens new ones if it is used again."""
        self._log.close()

    # -- between the log and its state ---------------------------------------------------------

    def _append(
        self,
        build: Callable[[Timeline], list[EventDraft]],
        reviewer: str,
        operation_id: str | None,
    ) -> tuple[LabelEvent, ...]:
        if not reviewer.strip():
            raise DecisionError("Expected the name of a reviewer, got none.")
        with self._lock:
            with self._writing() as write:
                if operation_id is not None:
                    stored = write.batch_of(operation_id)
                    if stored is not None:
                        return tuple(self._timeline.batch(stored))
                events = write.append(build(self._timeline), reviewer, operation_id)
            # Only now are they committed; the state in memory never runs ahead of the disk.
            for event in events:
                self._timeline.append(event)
            return events

    @contextmanager
    def _writing(self) -> Iterator[WriteTransaction]:
        """Hold the write lock, with the state in memory up to date."""
        while True:
            with self._log.writing() as write:
                if write.head.event_id - self._timeline.last_id <= _QUICKLY_READ:
                    self._catch_up(write)
                    yield write
                    return
            self._catch_up(self._log)  # others may write while a long history is read

    def _catch_up(self, log: EventLog | WriteTransaction) -> None:
        for event in log.since(self._timeline.last_id):
            self._timeline.append(event)

    @contextmanager
    def _up_to_date(self) -> Iterator[Timeline]:
        with self._lock:
            self._catch_up(self._log)
            yield self._timeline
