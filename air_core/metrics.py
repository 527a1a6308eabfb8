"""How well a ranking finds wrong labels, and scores find tags, where the truth is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from air_core.errors import SolverError


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


def precision_recall_at(scores: ArrayLike, truth: ArrayLike, n: int) -> tuple[float, float]:
    """Precision and recall of each image's n best-scored labels, averaged over images.

    What the paper's Figure 5 plots for n = 1, 2, … Images without any true label are left out:
    they have no recall.

    Parameters
    ----------
    scores : array of shape (m, C)
        Higher is likelier.
    truth : array of shape (m, C), bool
        The labels that hold.
    n : int
        1 … C.

    Returns
    -------
    precision, recall : float
        NaN if no image has a label.

    Examples
    --------
    >>> precision_recall_at([[0.9, 0.5, 0.1]], [[True, False, True]], 2)
    (0.5, 0.5)
    """
    values, labels = _with_labels(scores, truth)
    if not len(values):
        return float("nan"), float("nan")
    best = np.argsort(-values, axis=1, kind="stable")[:, :n]
    hits = np.take_along_axis(labels, best, axis=1).sum(axis=1)
    return float((hits / best.shape[1]).mean()), float((hits / labels.sum(axis=1)).mean())


def mean_ap_by_label(scores: ArrayLike, truth: ArrayLike) -> float:
    """mAP_L: average precision of ranking the images for a label, averaged over labels.

    Labels that hold for no image are left out; parameters as for :func:`precision_recall_at`.

    Examples
    --------
    >>> mean_ap_by_label([[0.9, 0.1], [0.2, 0.8]], [[True, True], [False, False]])
    0.75
    """
    values, labels = _arrays(scores, truth)
    return mean_ap_by_image(values.T, labels.T)


def mean_ap_by_image(scores: ArrayLike, truth: ArrayLike) -> float:
    """mAP_I: average precision of ranking the labels of an image, averaged over images.

    Images without any label are left out; parameters as for :func:`precision_recall_at`.

    Examples
    --------
    >>> mean_ap_by_image([[0.9, 0.5, 0.1]], [[True, False, True]])
    0.8333333333333333
    """
    values, labels = _with_labels(scores, truth)
    if not len(values):
        return float("nan")
    found = [average_precision_score(y, s) for y, s in zip(labels, values, strict=True)]
    return float(np.mean(found))


def _with_labels(
    scores: ArrayLike, truth: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Rows that have at least one label."""
    values, labels = _arrays(scores, truth)
    rows = labels.any(axis=1)
    return values[rows], labels[rows]


def _arrays(scores: ArrayLike, truth: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    values, labels = np.asarray(scores, dtype=np.float64), np.asarray(truth, dtype=bool)
    if values.shape != labels.shape or values.ndim != 2:
        raise SolverError(
            f"Expected scores and truth of one shape (m, C), got {values.shape} and {labels.shape}."
        )
    return values, labels
