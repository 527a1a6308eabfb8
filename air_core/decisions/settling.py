"""One person decides where reviewers differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from air_core.dataset import Dataset
from air_core.errors import DecisionError
from air_core.labels import Decision, Event, LabelEvent
from air_core.reviewers import Conflict, Reviews
from air_core.workspace import Workspace


def settle(
    workspace: Workspace, decision: Decision, *, reviewer: str, seen: Conflict | None = None
) -> LabelEvent:
    """Store a decision as an adjudication: a chained event, with the request for it if needed.

    An ``unsure`` is stored as well and leaves the conflict open.

    Parameters
    ----------
    workspace : Workspace
    decision : Decision
        Without a reason, what was said by whom is put down as one.
    reviewer : str
        The adjudicator.
    seen : Conflict, optional
        What the adjudicator saw; by default what is there now. If reviewers or another
        adjudicator have said something else since, nothing is stored.

    Raises
    ------
    DecisionError
        If the item or label is not of this workspace, reviewers do not differ about it, or they
        have changed what was seen.
    """
    dataset, item = workspace.dataset, decision.item_id
    if item not in dataset:
        raise DecisionError(f"Expected an item of this workspace, got id {item!r}.")
    if decision.action == "relabel" and decision.label is not None:
        decision = replace(decision, label=workspace.stored_label(decision.label))
    seen = seen or _conflict(dataset, item, workspace.labels.events())
    if seen is not None and not decision.reason:
        said = ", ".join(f"{who}: {outcome}" for who, outcome in seen.votes.items())
        decision = replace(decision, reason=f"adjudicated ({said})")

    def check(events: Sequence[Event]) -> None:
        conflict, path = _conflict(dataset, item, events), dataset.paths[dataset.row_of(item)]
        if conflict is None:
            raise DecisionError(
                f"Expected an image on which reviewers differ, got {path}.",
                hint="air-audit conflicts lists them.",
            )
        if conflict != seen:
            raise DecisionError(
                f"What was said about {path} has changed since it was last seen.",
                hint="Look at it again, then settle it.",
            )

    return workspace.labels.adjudicate(
        decision, reviewer=reviewer, old_label=dataset.given_text(dataset.row_of(item)), check=check
    )


def _conflict(dataset: Dataset, item: str, events: Sequence[Event]) -> Conflict | None:
    """What reviewers differ about, from the events on this item alone."""
    found = Reviews(dataset, [event for event in events if event.item_id == item]).conflicts
    return found[0] if found else None
