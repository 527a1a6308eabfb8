"""What each reviewer says of an item, whoever spoke last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from air_core.dataset import Dataset
from air_core.labels.assignments import Assignment
from air_core.labels.models import LabelEvent

LEFT_OUT = "left out"


class Outcome(NamedTuple):
    """What an item ends up as: a label (None is "no label"), or left out of exports."""

    label: str | None
    excluded: bool = False

    def __str__(self) -> str:
        return LEFT_OUT if self.excluded else self.label or "no label"


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Each reviewer's own latest decision that was not taken back.

    Parameters
    ----------
    reviews : mapping of item id to mapping of reviewer to event
        Decisions of reviewers, each their own latest.
    adjudications : mapping of item id to mapping of adjudicator to event
        Decisions of those who were asked to settle an item, made after they were asked, each
        their own latest.
    """

    reviews: Mapping[str, Mapping[str, LabelEvent]]
    adjudications: Mapping[str, Mapping[str, LabelEvent]]

    def settling(self, item_id: str) -> LabelEvent | None:
        """The adjudication that settles an item: the latest, but an ``unsure`` settles nothing."""
        said = self.adjudications.get(item_id, {}).values()
        sure = (event for event in said if event.action != "unsure")
        return max(sure, key=lambda event: event.event_id, default=None)


def verdicts(standing: Iterable[LabelEvent], assignments: Iterable[Assignment]) -> Verdicts:
    """Sort standing decisions by item and reviewer.

    A decision is an adjudication if its reviewer was asked to adjudicate the item before; a
    verdict they had given as a reviewer stays what it was.

    Parameters
    ----------
    standing : iterable of LabelEvent
        Decisions that were not taken back, oldest first.
    assignments : iterable of Assignment
    """
    asked: dict[tuple[str, str], int] = {}
    for task in assignments:
        if task.task == "adjudication":
            asked.setdefault((task.item_id, task.reviewer), task.after_event)
    reviews: dict[str, dict[str, LabelEvent]] = {}
    adjudications: dict[str, dict[str, LabelEvent]] = {}
    for event in standing:
        after = asked.get((event.item_id, event.reviewer))
        settles = after is not None and event.event_id > after
        of_item = (adjudications if settles else reviews).setdefault(event.item_id, {})
        of_item[event.reviewer] = event
    return Verdicts(reviews, adjudications)


def outcome_of(event: LabelEvent, given_label: str | None) -> Outcome | None:
    """What a decision makes of an item; None for ``unsure``, which is no vote."""
    if event.action == "unsure":
        return None
    if event.action == "exclude":
        return Outcome(None, excluded=True)
    return Outcome(event.new_label if event.action == "relabel" else given_label)


def outcomes(dataset: Dataset, found: Verdicts) -> dict[str, dict[str, Outcome]]:
    """The votes on each item of a dataset, by reviewer."""
    votes: dict[str, dict[str, Outcome]] = {}
    for item, by_reviewer in found.reviews.items():
        if item not in dataset:
            continue
        given = dataset.given_text(dataset.row_of(item))
        made = {who: outcome_of(event, given) for who, event in by_reviewer.items()}
        known = {who: outcome for who, outcome in made.items() if outcome is not None}
        if known:
            votes[item] = known
    return votes
