"""Items on which reviewers differ, and which label leaves with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from air_core.dataset import Dataset
from air_core.errors import ExportError
from air_core.labels.models import LabelEvent
from air_core.reviewers.verdicts import Outcome, Verdicts, outcome_of, outcomes

Rule = Literal["latest", "majority", "adjudicated"]
RULES: tuple[Rule, ...] = get_args(Rule)
Unresolved = Literal["refuse", "given"]


@dataclass(frozen=True, slots=True)
class Conflict:
    """An item with verdicts that differ.

    Parameters
    ----------
    item_id : str
    votes : mapping of reviewer to Outcome
    adjudication : LabelEvent or None
        What settled it, if anything did; an ``unsure`` adjudicator leaves it open.
    settled : Outcome or None
        The outcome of that.
    """

    item_id: str
    votes: Mapping[str, Outcome]
    adjudication: LabelEvent | None = None
    settled: Outcome | None = None


def conflicts(dataset: Dataset, found: Verdicts) -> tuple[Conflict, ...]:
    """Items on which two verdicts differ, in the dataset's order; settled ones too."""
    different = {i: v for i, v in outcomes(dataset, found).items() if len(set(v.values())) > 1}
    made = []
    for item in sorted(different, key=dataset.row_of):
        event, given = found.settling(item), dataset.given_text(dataset.row_of(item))
        settled = None if event is None else outcome_of(event, given)
        made.append(Conflict(item, different[item], event, settled))
    return tuple(made)


def decisions_by(
    rule: Rule, dataset: Dataset, found: Verdicts, *, unresolved: Unresolved = "refuse"
) -> dict[str, LabelEvent]:
    """One decision an item, by a rule.

    Parameters
    ----------
    rule : {"latest", "majority", "adjudicated"}
        ``latest`` takes the latest decision, whoever made it. ``majority`` takes what more than
        half of the reviewers say; where there is no such thing, what the adjudicator says.
        ``adjudicated`` takes what the adjudicator says, and what the reviewers say where they
        all agree.
    dataset : Dataset
    found : Verdicts
    unresolved : {"refuse", "given"}
        What to do about items on which the rule finds nothing: raise, or leave them without a
        decision, so that they keep the label they came with.

    Returns
    -------
    dict of item id to LabelEvent
        The latest event among those that say what was found.

    Raises
    ------
    ExportError
        For an unknown rule, or if items are left that the rule cannot decide.
    """
    if rule not in RULES:
        raise ExportError(f"Expected a rule among {', '.join(RULES)}, got {rule!r}.")
    chosen: dict[str, LabelEvent] = {}
    undecided = []
    for item in found.reviews.keys() | found.adjudications.keys():
        if item not in dataset:
            continue
        event = _decision(rule, item, dataset.given_text(dataset.row_of(item)), found)
        if event is None:
            undecided.append(item)
        else:
            chosen[item] = event
    if undecided and unresolved == "refuse":
        undecided.sort(key=dataset.row_of)
        shown = ", ".join(dataset.paths[dataset.row_of(item)] for item in undecided[:3])
        what = "a majority" if rule == "majority" else "an adjudication"
        raise ExportError(
            f"Expected {what} for every image on which reviewers differ; "
            f"{len(undecided)} have none: {shown}{', …' if len(undecided) > 3 else ''}.",
            hint="Settle them with air-audit adjudicate, or keep their given labels with "
            "--unresolved given.",
        )
    return chosen


def _decision(rule: Rule, item: str, given: str | None, found: Verdicts) -> LabelEvent | None:
    reviews = list(found.reviews.get(item, {}).values())
    everyone = [*reviews, *found.adjudications.get(item, {}).values()]
    if rule == "latest":
        return max(everyone, key=lambda event: event.event_id)
    adjudication = found.settling(item)
    votes = [(outcome, event) for event in reviews if (outcome := outcome_of(event, given))]
    counts = Counter(outcome for outcome, _ in votes)
    if adjudication is not None and (rule == "adjudicated" or not _majority(counts)):
        return adjudication
    if not counts:
        return max(everyone, key=lambda event: event.event_id)  # everyone is unsure
    winner = _majority(counts) if rule == "majority" else next(iter(counts))
    if winner is None or (rule == "adjudicated" and len(counts) > 1):
        return None
    return max((e for outcome, e in votes if outcome == winner), key=lambda e: e.event_id)


def _majority(counts: Counter[Outcome]) -> Outcome | None:
    best = max(counts, key=lambda outcome: counts[outcome], default=None)
    return best if best is not None and 2 * counts[best] > counts.total() else None
