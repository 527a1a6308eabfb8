"""Decisions from a file: the reviewers' side of a spreadsheet."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from air_core.decisions.sheet import Row, read_sheet
from air_core.errors import AirError, DecisionError
from air_core.labels import Decision, LabelEvent, StaleLabelError
from air_core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of the rows of a sheet.

    Parameters
    ----------
    recorded : int
        Decisions stored.
    repeated : int
        Rows passed over, since this reviewer has said the same of the same image before.
    replaced : int
        Of those stored, how many took the place of what somebody else had decided.
    settled : int
        Of those stored, how many settled a conflict.
    problems : tuple of str
        One line for each row that could not be applied. Such a row stops no other.
    """

    recorded: int
    repeated: int
    replaced: int
    settled: int
    problems: tuple[str, ...]


def apply_decisions(workspace: Workspace, path: Path, *, reviewer: str) -> Applied:
    """Record the decisions of a CSV file, row by row.

    A sheet may be applied twice and may be old. A row never takes the place of what somebody else
    has decided after the sheet was made (column ``after_event``), or without that column after
    this reviewer's own last verdict. What the reviewer has said before is not said again, unless
    the row was made after that; so an old sheet neither brings back what was changed since nor
    settles a conflict. A blind review waits for nobody.

    Parameters
    ----------
    workspace : Workspace
    path : Path
        Columns ``path`` and ``action`` (keep, relabel, exclude, unsure), and where needed
        ``label``, ``reason``, ``item_id``, which alone tells two entries of one path apart, and
        ``after_event``, the number of the newest event that the reviewer may have known of.
        A row without an action is one not judged yet.
    reviewer : str

    Raises
    ------
    SourceError
        If the file cannot be read or lacks a needed column.
    """
    sheet = _Applying(workspace, reviewer)
    for row in read_sheet(workspace, path):
        sheet.apply(row)
    return Applied(
        sheet.recorded, sheet.repeated, sheet.replaced, sheet.settled, tuple(sheet.problems)
    )


class _Applying:
    """One sheet on its way into the log."""

    def __init__(self, workspace: Workspace, reviewer: str) -> None:
        self._workspace, self._reviewer = workspace, reviewer
        reviews = workspace.reviews()
        self._in_force = workspace.reviewed()
        # Somebody else's equal verdict does not stand for the one this reviewer was asked for.
        waiting = reviews.queue(reviewer)
        self._blind = {task.item_id for task in waiting if task.task != "adjudication"}
        self._to_settle = {
            task.item_id: task.event_id
            for task in reviews.assignments
            if task.reviewer == reviewer and task.task == "adjudication"
        }
        self._of_item: dict[str, list[LabelEvent]] = defaultdict(list)
        for event in reviews.history:
            self._of_item[event.item_id].append(event)
        self.recorded = self.repeated = self.replaced = self.settled = 0
        self.problems: list[str] = []

    def apply(self, row: Row) -> None:
        """Store a row, pass it over, or note why it cannot be applied."""
        try:
            if isinstance(row.decision, AirError):
                raise row.decision
            if self._is_repeated(row.decision, row.after_event):
                self.repeated += 1
            else:
                self._store(row.decision, row.after_event)
        except AirError as error:
            self.problems.append(f"row {row.number}: {error}")

    def _is_repeated(self, decision: Decision, after: int | None) -> bool:
        """Whether the reviewer has said so already, and not only in what the row takes up again."""
        said = [event for event in self._own(decision.item_id) if _says(event, decision)]
        again = after is not None and all(event.event_id <= after for event in said)
        if not said or not again:
            return bool(said)
        holds = self._in_force.get(decision.item_id) in said
        return holds and decision.item_id not in (self._blind | self._to_settle.keys())

    def _store(self, decision: Decision, after: int | None) -> None:
        item, seen = decision.item_id, self._in_force.get(decision.item_id)
        blind, settles = item in self._blind, item in self._to_settle
        if settles:
            self._check_asked_before(item, after)
        if not blind:
            self._check_nothing_came_later(item, after)
        (event,) = self._workspace.decide(
            [decision],
            reviewer=self._reviewer,
            # Whoever was asked to judge blindly neither waits for others nor hears of them;
            # anybody else must not undo what came meanwhile.
            expected=None if blind else {item: None if seen is None else seen.event_id},
        )
        self.recorded += 1
        self.settled += settles and decision.action != "unsure"
        others = seen is not None and seen.reviewer != self._reviewer and not _says(seen, decision)
        self.replaced += others and not (blind or settles)
        self._in_force[item] = event
        self._of_item[item].append(event)
        self._blind.discard(item)

    def _own(self, item: str) -> list[LabelEvent]:
        return [event for event in self._of_item[item] if event.reviewer == self._reviewer]

    def _check_asked_before(self, item: str, after: int | None) -> None:
        newest = max([self._to_settle[item], *(event.event_id for event in self._own(item))])
        if after is None or after < newest:
            made = "does not say when it was made" if after is None else f"knows {after} events"
            raise DecisionError(
                f"{self._reviewer} was asked to settle this. Expected a sheet made after event "
                f"{newest}, this one {made}.",
                hint="Settle it with air-audit adjudicate, or get another sheet from air-audit "
                "queue.",
            )

    def _check_nothing_came_later(self, item: str, after: int | None) -> None:
        own = [event.event_id for event in self._own(item)]
        known = after if after is not None else max(own, default=None)
        later = [e for e in self._of_item[item] if known is not None and e.event_id > known]
        if any(event.reviewer != self._reviewer for event in later):
            raise StaleLabelError(tuple(later))


def _says(event: LabelEvent, decision: Decision) -> bool:
    """Whether an event is this decision already."""
    if event.action != decision.action:
        return False
    return decision.action != "relabel" or event.new_label == decision.label
