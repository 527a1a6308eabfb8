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
