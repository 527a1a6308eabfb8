"""Two rankings of the same items, held against each other and against what is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.metrics import confusion_matrix, precision_recall_curve, roc_curve

from air_core import metrics
from air_core.dataset import UNLABELLED
from air_core.errors import SolverError
from air_core.ranking import Ranking

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Agreement:
    """What two detectors put on top of their lists.

    Parameters
    ----------
    both, only_first, only_second : ndarray of intp
        Rows among the N worst of both, or of one detector alone, worst first.
    correlation : float
        Spearman's ρ of the scores over all labelled items; NaN if one of them is constant.
    """

    both: Rows
    only_first: Rows
    only_second: Rows
    correlation: float


@dataclass(frozen=True, slots=True)
class Curves:
    """How well a score finds wrong labels, at every cut.

    Parameters
    ----------
    false_positive_rate, true_positive_rate : ndarray of shape (k,)
    recall, precision : ndarray of shape (m,)
    auroc, average_precision, precision_at_k : float
        k is the number of wrong labels.
    """

    false_positive_rate: NDArray[np.float64]
    true_positive_rate: NDArray[np.float64]
    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    auroc: float
    average_precision: float
    precision_at_k: float


def agreement(first: Ranking, second: Ranking, top: int) -> Agreement:
    """Compare the ``top`` worst items of two rankings of the same dataset.

    Raises
    ------
    SolverError
        If the rankings are of different items.

    Examples
    --------
    >>> from air_core.ranking import rank_items
    >>> ids, given = np.array(["a", "b", "c"]), np.array([0, 1, 0])
    >>> one, two = (
    ...     rank_items("d", ids, given, scores=np.array(s), probabilities=np.eye(2)[given],
    ...                activations=np.ones(3))
    ...     for s in ([0.1, 0.2, 0.9], [0.1, 0.9, 0.2])
    ... )
    >>> found = agreement(one, two, top=2)
    >>> found.both, found.only_first, found.only_second
    (array([0]), array([1]), array([2]))
    """
    if not np.array_equal(first.item_ids, second.item_ids):
        raise SolverError("Expected two rankings of the same items, got different ones.")
    labelled = ~np.isnan(first.scores) & ~np.isnan(second.scores)
    top = min(top, int(labelled.sum()))
    in_first, in_second = (r.ranks <= top for r in (first, second))
    correlation = float("nan")
    scores = first.scores[labelled], second.scores[labelled]
    if labelled.sum() > 1 and all(np.ptp(one) > 0 for one in scores):
        correlation = float(spearmanr(*scores).statistic)
    return Agreement(
        both=_worst_first(first, in_first & in_second),
        only_first=_worst_first(first, in_first & ~in_second),
        only_second=_worst_first(second, in_second & ~in_first),
        correlation=correlation,
    )


def curves(scores: NDArray[np.floating], wrong: NDArray[np.bool_]) -> Curves:
    """ROC and precision–recall curve of finding wrong labels by low scores.

    Parameters
    ----------
    scores : ndarray of shape (n,)
        1 clean … 0 worst, without NaN.
    wrong : ndarray of shape (n,), dtype bool
        Right and wrong labels must both occur.
    """
    false_positive, true_positive, _ = roc_curve(wrong, -scores)
    precision, recall, _ = precision_recall_curve(wrong, -scores)
    return Curves(
        false_positive_rate=false_positive,
        true_positive_rate=true_positive,
        recall=recall,
        precision=precision,
        auroc=metrics.auroc(scores, wrong),
        average_precision=metrics.average_precision(scores, wrong),
        precision_at_k=metrics.precision_at_k(scores, wrong),
    )


@dataclass(frozen=True, slots=True)
class Reliability:
    """Whether suggestions are as often right as they are said to be.

    Parameters
    ----------
    confidence, right : ndarray of shape (m,)
        Mean confidence of suggestions nearly as sure as each other, and the share that is right.
    calibration_error : float
        ECE over 15 bins of equal width.
    right_on_wrong : float
        How often the likeliest class other than the given one is right where the given label is
        wrong; NaN where none is, and on the λ-path, which does not keep that class.
    """

    confidence: NDArray[np.float64]
    right: NDArray[np.float64]
    calibration_error: float
    right_on_wrong: float


def reliability(
    ranking: Ranking, truth: NDArray[np.integer], *, bins: int = 10
) -> Reliability | None:
    """Hold the suggestions of single labels against what is known to be right.

    Parameters
    ----------
    ranking : Ranking
    truth : ndarray of shape (n,)
        Class indices, −1 where nothing is known. Images without a given label are left out.
    bins : int
        At most so many groups, of about as many suggestions each.

    Returns
    -------
    Reliability or None
        None for tags, and where nothing is known.
    """
    known = (truth >= 0) & (ranking.given_labels != UNLABELLED)
    if ranking.suggested_tags is not None or not known.any():
        return None
    sure = ranking.confidences[known].astype(np.float64)
    hit = ranking.suggested_labels[known] == truth[known]
    order = np.argsort(sure, kind="stable")
    groups = [rows for rows in np.array_split(order, bins) if len(rows)]
    wrong = ranking.given_labels[known] != truth[known]
    on_wrong = float("nan")
    if ranking.others is not None and wrong.any():
        on_wrong = float((ranking.others.labels[known] == truth[known])[wrong].mean())
    return Reliability(
        confidence=np.array([sure[rows].mean() for rows in groups]),
        right=np.array([hit[rows].mean() for rows in groups]),
        calibration_error=metrics.expected_calibration_error(sure, hit),
        right_on_wrong=on_wrong,
    )


def confusion(ranking: Ranking, n_classes: int) -> NDArray[np.intp]:
    """Count labelled items by given (row) and suggested label (column).

    Returns
    -------
    ndarray of shape (C, C)
        Of tags of shape (C, 2): images where the tag seems to be missing, and where it seems to
        be wrong.
    """
    counts: NDArray[np.intp]
    if ranking.given_tags is not None and ranking.suggested_tags is not None:
        labelled = (ranking.given_tags >= 0).all(axis=1)
        given, suggested = ranking.given_tags[labelled] > 0, ranking.suggested_tags[labelled] > 0
        counts = np.stack([(suggested & ~given).sum(axis=0), (given & ~suggested).sum(axis=0)], 1)
        return counts
    labelled = ranking.given_labels != UNLABELLED
    counts = confusion_matrix(
        ranking.given_labels[labelled],
        ranking.suggested_labels[labelled],
        labels=np.arange(n_classes),
    )
    return counts


def in_cell(ranking: Ranking, row: int, column: int) -> Rows:
    """Rows of the dataset that :func:`confusion` counts in one cell, worst first."""
    if ranking.given_tags is not None and ranking.suggested_tags is not None:
        given, suggested = ranking.given_tags[:, row], ranking.suggested_tags[:, row]
        missing = column == 0
        members = (given == 0) & (suggested == 1) if missing else (given == 1) & (suggested == 0)
        return _worst_first(ranking, members)
    return _worst_first(
        ranking, (ranking.given_labels == row) & (ranking.suggested_labels == column)
    )


def _worst_first(ranking: Ranking, members: NDArray[np.bool_]) -> Rows:
    order = ranking.order
    return order[members[order]]
