"""How far reviewers agree beyond chance: Cohen's κ for two, Fleiss' κ for any number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from air_core.dataset import tags_of
from air_core.reviewers.verdicts import LEFT_OUT, Outcome

Votes = Mapping[str, Mapping[str, Outcome]]
"""Outcome by reviewer, by item."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far some reviewers agree on the items that all of them, or equally many, judged.

    Parameters
    ----------
    statistic : {"cohen", "fleiss"}
    reviewers : tuple of str
        For Fleiss' κ, all who took part: who judged which item does not matter to it.
    items : int
    raters : int
        Verdicts on each of these items.
    same : float
        Share of the pairs of verdicts that agree, chance included; NaN without items.
    kappa : float or None
        1 is full agreement, 0 what chance would give; None where it is not defined, as when
        everybody always says the same.
    wrong : float or None
        κ of the question whether the given label is wrong.
    by_class : mapping of str to (float or None)
        κ of the question whether an item is of the class, or has the tag.
    """

    statistic: str
    reviewers: tuple[str, ...]
    items: int
    raters: int
    same: float
    kappa: float | None
    wrong: float | None
    by_class: Mapping[str, float | None]


def pairs(
    votes: Votes, given: Mapping[str, str | None], *, multilabel: bool = False
) -> tuple[Agreement, ...]:
    """Cohen's κ of every two reviewers who judged an item in common, most items first.

    Parameters
    ----------
    votes : mapping of item id to mapping of reviewer to Outcome
        An ``unsure`` is no vote.
    given : mapping of item id to label or None
        The labels that the items came with.
    multilabel : bool
        Whether labels are tags; κ is then that of equal sets of tags.
    """
    shared: dict[tuple[str, str], list[str]] = {}
    for item, by_reviewer in votes.items():
        for pair in combinations(sorted(by_reviewer), 2):
            shared.setdefault(pair, []).append(item)
    found = []
    for (first, second), items in shared.items():
        ratings = [(votes[item][first], votes[item][second]) for item in items]
        labels = [given[item] for item in items]
        found.append(_agreement("cohen", (first, second), ratings, labels, multilabel))
    return tuple(sorted(found, key=lambda a: (-a.items, a.reviewers)))


def together(
    votes: Votes, given: Mapping[str, str | None], *, multilabel: bool = False
) -> Agreement | None:
    """Fleiss' κ over all reviewers; None where no item has two verdicts.

    Fleiss' κ wants equally many verdicts on each item. Of items with 2, 3, … verdicts, those of
    the most frequent number are taken.

    Parameters
    ----------
    votes, given, multilabel
        As for :func:`pairs`.
    """
    several = {item: by for item, by in votes.items() if len(by) > 1}
    if not several:
        return None
    counts = Counter(len(by) for by in several.values())
    raters = max(counts, key=lambda n: (counts[n], n))
    chosen = {item: by for item, by in several.items() if len(by) == raters}
    reviewers = tuple(sorted({who for by in chosen.values() for who in by}))
    ratings = [tuple(by.values()) for by in chosen.values()]
    return _agreement("fleiss", reviewers, ratings, [given[i] for i in chosen], multilabel)


def _agreement(
    statistic: str,
    reviewers: tuple[str, ...],
    ratings: Sequence[tuple[Outcome, ...]],
    given: Sequence[str | None],
    multilabel: bool,
) -> Agreement:
    kappa = _cohen if statistic == "cohen" else _fleiss
    kinds = sorted({outcome for row in ratings for outcome in row}, key=str)
    codes = {outcome: code for code, outcome in enumerate(kinds)}
    table = np.array([[codes[outcome] for outcome in row] for row in ratings], dtype=np.intp)
    wrong = np.array(
        [
            [outcome.excluded or outcome.label != label for outcome in row]
            for row, label in zip(ratings, given, strict=True)
        ],
        dtype=np.intp,
    )
    named = [_named(outcome, multilabel) for outcome in kinds]
    # Equal rows count once, with a weight: there are few, and many classes to ask them about.
    rows, times = np.unique(table, axis=0, return_counts=True)
    by_class = {}
    for name in sorted(set().union(*named)):
        has_it = np.array([name in names for names in named], dtype=np.intp)
        by_class[name] = kappa(has_it[rows], times)
    n, raters = table.shape
    alike = [table[:, a] == table[:, b] for a, b in combinations(range(raters), 2)]
    return Agreement(
        statistic=statistic,
        reviewers=reviewers,
        items=n,
        raters=raters,
        same=float(np.mean(alike)),
        kappa=kappa(rows, times),
        wrong=kappa(*np.unique(wrong, axis=0, return_counts=True)),
        by_class=by_class,
    )


def _named(outcome: Outcome, multilabel: bool) -> frozenset[str]:
    if outcome.excluded:
        return frozenset([LEFT_OUT])
    if outcome.label is None:
        return frozenset()
    return frozenset(tags_of(outcome.label)) if multilabel else frozenset([outcome.label])


def _cohen(rows: NDArray[np.intp], times: NDArray[np.intp]) -> float | None:
    """Cohen's κ of rows of two codes, each so many times."""
    from sklearn.metrics import cohen_kappa_score

    if len(np.unique(rows)) < 2:  # chance alone explains all of it: 0/0
        return None
    return float(cohen_kappa_score(rows[:, 0], rows[:, 1], sample_weight=times))


def _fleiss(rows: NDArray[np.intp], times: NDArray[np.intp]) -> float | None:
    """Fleiss' κ of rows of codes, each so many times."""
    from statsmodels.stats.inter_rater import fleiss_kappa

    codes = np.unique(rows)
    if len(codes) < 2:
        return None
    counts = np.stack([(rows == code).sum(axis=1) for code in codes], axis=1)
    return float(fleiss_kappa(np.repeat(counts, times, axis=0)))
