"""Several reviewers of the same images: assignments, agreement, conflicts, what they decide."""

from air_core.reviewers.agreement import Agreement
from air_core.reviewers.assigning import (
    assign_conflicts,
    assign_queue,
    assign_sample,
    assign_second,
)
from air_core.reviewers.conflicts import RULES, Conflict, Rule, Unresolved
from air_core.reviewers.reviews import Reviews
from air_core.reviewers.verdicts import LEFT_OUT, Outcome, Verdicts

__all__ = [
    "LEFT_OUT",
    "RULES",
    "Agreement",
    "Conflict",
    "Outcome",
    "Reviews",
    "Rule",
    "Unresolved",
    "Verdicts",
    "assign_conflicts",
    "assign_queue",
    "assign_sample",
    "assign_second",
]
