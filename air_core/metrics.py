"""How well a ranking finds wrong labels, where the truth is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import average_precision_score, roc_auc_score


def auroc(scores: ArrayLike, is_error: ArrayLike) -> float:
    """Area under the ROC curve of finding errors by low scores.

    Parameters
    ----------
    scores : array of shape (n,)
        1 clean … 0 worst; any monotone scale gives the same value.
    is_error : array of shape (n,), bool
        Where the given label is wrong.

    Returns
    -------
    float
        1 for a perfect ranking, 0.5 for chance; NaN if there are only errors or none.

    Examples
    --------
    >>> auroc([0.1, 0.9, 0.8], [True, False, False])
    1.0
    """
    truth = np.asarray(is_error, dtype=bool)
    if truth.all() or not truth.any():
        return float("nan")
    return float(roc_auc_score(truth, -np.asarray(scores, dtype=np.float64)))


def average_precision(scores: ArrayLike, is_error: ArrayLike) -> float:
    """Average precision of finding errors by low scores; NaN if there are none.

    Examples
    --------
    >>> average_precision([0.1, 0.2, 0.9], [True, False, False])
    1.0
    """
    truth = np.asarray(is_error, dtype=bool)
    if not truth.any():
        return float("nan")
    return float(average_precision_score(truth, -np.asarray(scores, dtype=np.float64)))


def precision_at_k(scores: ArrayLike, is_error: ArrayLike, k: int | None = None) -> float:
    """Share of errors among the k lowest scores; k is the number of errors by default.

    Examples
    --------
    >>> precision_at_k([0.1, 0.2, 0.9, 0.3], [True, False, False, True])
    0.5
    """
    truth = np.asarray(is_error, dtype=bool)
    count = int(truth.sum()) if k is None else k
    if count <= 0:
        return float("nan")
    worst = np.argsort(np.asarray(scores, dtype=np.float64), kind="stable")[:count]
    return float(truth[worst].mean())


def expected_calibration_error(confidences: ArrayLike, right: ArrayLike, bins: int = 15) -> float:
    """ECE: how far confidence lies from the share that is right, averaged over bins of it.

    Parameters
    ----------
    confidences : array of shape (n,)
        0 … 1.
    right : array of shape (n,), bool
    bins : int
        Of equal width.

    Examples
    --------
    >>> expected_calibration_error([0.75, 0.75, 0.75, 0.75], [True, True, True, False])
    0.0
    """
    sure, hit = np.asarray(confidences, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if not len(sure):
        return float("nan")
    which = np.minimum((sure * bins).astype(np.intp), bins - 1)
    apart = np.bincount(which, sure - hit, bins)
    return float(np.abs(apart).sum() / len(sure))
