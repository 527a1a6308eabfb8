"""What reviewers have said of a dataset, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from air_core.dataset import Dataset
from air_core.errors import ExportError
from air_core.labels.assignments import Assignment, Event
from air_core.labels.models import LabelEvent
from air_core.labels.timeline import Timeline
from air_core.reviewers.agreement import Agreement, pairs, together
from air_core.reviewers.conflicts import Conflict, Rule, Unresolved, conflicts, decisions_by
from air_core.reviewers.verdicts import Verdicts, outcomes, verdicts


class Reviews:
    """The work of all reviewers at one moment; what is stored later is not seen.

    Parameters
    ----------
    dataset : Dataset
    events : sequence of LabelEvent or Assignment
        The whole log, oldest first.

    Attributes
    ----------
    history : tuple of LabelEvent
        Its decisions and undos.
    assignments : tuple of Assignment
        Who was asked to look at what, in that order.
    """

    def __init__(self, dataset: Dataset, events: Sequence[Event]) -> None:
        self.dataset = dataset
        self.events = tuple(events)
        self.history = tuple(e for e in self.events if isinstance(e, LabelEvent))
        self.assignments = tuple(e for e in self.events if isinstance(e, Assignment))

    @cached_property
    def timeline(self) -> Timeline:
        """Which events stand."""
        timeline = Timeline()
        for event in self.history:
            timeline.append(event)
        return timeline

    @cached_property
    def verdicts(self) -> Verdicts:
        """Each reviewer's own latest verdicts, and the adjudications."""
        standing = (
            event
            for event in self.history
            if event.undoes is None and self.timeline.is_active(event.event_id)
        )
        return verdicts(standing, self.assignments)

    @cached_property
    def conflicts(self) -> tuple[Conflict, ...]:
        """Items on which reviewers differ, in the dataset's order; settled ones too."""
        return conflicts(self.dataset, self.verdicts)

    def agreement(self) -> tuple[tuple[Agreement, ...], Agreement | None]:
        """Cohen's κ of every two reviewers, and Fleiss' κ of all of them."""
        dataset = self.dataset
        votes = outcomes(dataset, self.verdicts)
        given = {item: dataset.given_text(dataset.row_of(item)) for item in votes}
        tags = dataset.multilabel
        return pairs(votes, given, multilabel=tags), together(votes, given, multilabel=tags)

    def decisions(
        self, rule: Rule | None = None, *, unresolved: Unresolved = "refuse"
    ) -> dict[str, LabelEvent]:
        """The decision on each item by a rule; see :func:`~.conflicts.decisions_by`.

        Without a rule it is the latest one, which must not decide between blind reviewers:
        whose verdict came last says nothing about who is right.

        Raises
        ------
        ExportError
            If no rule is given and reviewers to whom the same image was assigned differ on it.
        """
        if rule is None:
            self._refuse_to_choose()
        return decisions_by(rule or "latest", self.dataset, self.verdicts, unresolved=unresolved)

    def queue(self, reviewer: str) -> tuple[Assignment, ...]:
        """What a reviewer has still to look at, in the order handed out, each item once."""
        open_tasks: dict[str, Assignment] = {}
        for task in self.assignments:
            mine = task.reviewer == reviewer and task.item_id in self.dataset
            if mine and not self.is_done(task):
                open_tasks.setdefault(task.item_id, task)
        return tuple(open_tasks.values())

    def own_verdict(self, item_id: str, reviewer: str) -> LabelEvent | None:
        """The verdict of one reviewer on one item, the adjudication if they were asked for it."""
        settled = self.verdicts.adjudications.get(item_id, {}).get(reviewer)
        return settled or self.verdicts.reviews.get(item_id, {}).get(reviewer)

    def is_done(self, task: Assignment) -> bool:
        """Whether what was asked for is there; an adjudication may also be another's by now."""
        if task.task == "adjudication":
            own = self.verdicts.adjudications.get(task.item_id, {}).get(task.reviewer)
            said = (own, self.verdicts.settling(task.item_id))
            return any(e is not None and e.event_id > task.after_event for e in said)
        return task.reviewer in self.verdicts.reviews.get(task.item_id, {})

    def _refuse_to_choose(self) -> None:
        asked: dict[str, set[str]] = {}
        for task in self.assignments:
            if task.task != "adjudication":
                asked.setdefault(task.item_id, set()).add(task.reviewer)
                if task.task == "second":
                    asked[task.item_id].update(self.verdicts.reviews.get(task.item_id, ()))
        # Whoever changes a decision that they see means to; only blind verdicts need a rule.
        blind = {item for item, who in asked.items() if len(who) > 1}
        different = [conflict for conflict in self.conflicts if conflict.item_id in blind]
        if different:
            raise ExportError(
                f"Expected a rule for images on which reviewers differ ({len(different)}), "
                "got none.",
                hint="Choose with --labels-by: majority, adjudicated, or latest for whoever "
                "spoke last.",
            )
