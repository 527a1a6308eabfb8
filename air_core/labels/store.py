"""The store of reviewers' decisions: record, undo, redo, read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from air_core.errors import DecisionError
from air_core.labels.assignments import Assignment, Event, Handout, Task
from air_core.labels.chain import Verification, verify
from air_core.labels.database import without_password
from air_core.labels.drafts import (
    AssignmentDraft,
    Draft,
    EventDraft,
    check_unchanged,
    decision_draft,
)
from air_core.labels.log import EventLog
from air_core.labels.mirror import Mirror
from air_core.labels.models import Decision, LabelEvent
from air_core.labels.restoring import restore
from air_core.labels.timeline import Timeline
from air_core.labels.undo import Undoable

__all__ = ["LabelStore", "without_password"]


class LabelStore(Undoable):
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
        super().__init__(Mirror(self._log))

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
            none. Items that are not named are not checked. Operations of the same client do not
            count as changes: it may queue several on one item before it sees what the first of
            them has led to.
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

        client = (operation_id or "").rpartition(":")[0]

        def build(timeline: Timeline) -> list[EventDraft]:
            for item, event_id in (expected or {}).items():
                check_unchanged(timeline, item, event_id, client)
            return [decision_draft(timeline, d, old_labels[d.item_id]) for d in decisions]

        return self._decide(build, reviewer, operation_id)

    def adjudicate(
        self,
        decision: Decision,
        *,
        reviewer: str,
        old_label: str | None,
        check: Callable[[Sequence[Event]], None],
    ) -> LabelEvent:
        """Store a decision as the one that settles a conflict.

        Whoever was not asked to do so is asked in the same transaction, so that the log alone
        tells an adjudication from one more opinion.

        Parameters
        ----------
        decision : Decision
        reviewer : str
            The adjudicator.
        old_label : str or None
            The label that the item came with.
        check : callable
            Called with all events while the write lock is held; may raise.

        Raises
        ------
        DecisionError
            If nothing was stored.
        """

        def build(timeline: Timeline) -> list[Draft]:
            events, item = list(timeline.everything.values()), decision.item_id
            check(events)
            asked = any(
                isinstance(event, Assignment)
                and (event.item_id, event.reviewer) == (item, reviewer)
                and event.task == "adjudication"
                for event in events
            )
            drafts: list[Draft] = [decision_draft(timeline, decision, old_label)]
            return drafts if asked else [AssignmentDraft(item, reviewer, "adjudication"), *drafts]

        (event,) = self._decide(build, reviewer)
        return event

    def restore(self, events: Sequence[Event]) -> int:
        """Write a copied log as it is: same numbers, times and hashes.

        Parameters
        ----------
        events : sequence of LabelEvent or Assignment
            The whole log, oldest first, as :meth:`events` or an ``audit.jsonl`` gives it. This
            log must be empty or its beginning.

        Returns
        -------
        int
            Events written; 0 if they were all here.

        Raises
        ------
        DecisionError
            If the copy is damaged or this log holds something else; nothing is written then.
        """
        return restore(self._mirror, events)

    def assign(
        self, handout: Handout | Callable[[Sequence[Event]], Handout], *, task: Task, by: str
    ) -> tuple[Assignment, ...]:
        """Put items into reviewers' queues, as one batch.

        :mod:`air_core.reviewers.assigning` says who gets what.

        Parameters
        ----------
        handout : Handout or callable
            Who gets what, or what finds that out from all events so far. It is called while the
            write lock is held: two who hand out at once do not hand out the same.
        task : {"review", "second", "sample", "adjudication"}
        by : str
            Who hands out.

        Raises
        ------
        DecisionError
            If nothing was stored: no name, or the database refuses.
        """
        if not by.strip():
            raise DecisionError("Expected the name of who assigns, got none.")

        def build(timeline: Timeline) -> list[AssignmentDraft]:
            chosen = handout
            if not isinstance(chosen, Handout):
                chosen = chosen(list(timeline.everything.values()))
            return [AssignmentDraft(*turn, task, chosen.population) for turn in chosen.turns]

        return tuple(e for e in self._mirror.append(build, by) if isinstance(e, Assignment))

    # -- reading -------------------------------------------------------------------------------

    def history(self, item_id: str | None = None, reviewer: str | None = None) -> list[LabelEvent]:
        """Every decision and undo, oldest first; of one item or one reviewer if given."""
        with self._mirror.reading() as timeline:
            return [
                event
                for event in timeline.events.values()
                if (item_id is None or event.item_id == item_id)
                and (reviewer is None or event.reviewer == reviewer)
            ]

    def current(self) -> dict[str, LabelEvent]:
        """The decision in force of each item that has one: its latest that was not taken back."""
        with self._mirror.reading() as timeline:
            return timeline.in_force()

    def events(self) -> list[Event]:
        """All that happened, oldest first: decisions, undos and assignments."""
        with self._mirror.reading() as timeline:
            return list(timeline.everything.values())

    def verify(self, against: Sequence[Event] | str | None = None) -> Verification:
        """Read the whole log anew and check its chain.

        Parameters
        ----------
        against : sequence of LabelEvent or Assignment, or str, optional
            An earlier copy of the log, or a hash noted from it. The chain alone cannot show that
            somebody wrote all of it anew; a copy kept elsewhere can.
        """
        return verify(*self._log.snapshot(), against)

    def assignments(self) -> tuple[Assignment, ...]:
        """All that was ever put into a queue, in order."""
        return tuple(event for event in self.events() if isinstance(event, Assignment))

    def applied(self, client_id: str) -> int:
        """The highest operation number that this client has got stored; 0 before the first."""
        return self._log.applied(client_id)

    def knows(self, operation_id: str) -> bool:
        """Whether this operation was stored, be it that it had nothing to do."""
        return self._log.batch_of(operation_id) is not None

    def close(self) -> None:
        """Close the database connections; the store opens new ones if it is used again."""
        self._log.close()
