"""Confident learning by the cleanlab package itself (Northcutt et al., JAIR 2021)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from air_core.errors import SolverError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ConfidentResult:
    """What cleanlab says of each image.

    Parameters
    ----------
    quality : ndarray of shape (n,), dtype float64
        ``get_label_quality_scores``, normalised margin; NaN where unlabelled.
    issues : ndarray of shape (n,), dtype bool
        ``find_label_issues``, pruned by noise rate: its own cut.
    """

    quality: Floats
    issues: NDArray[np.bool_]


def confident_learning(
    probabilities: NDArray[np.floating], labels: NDArray[np.integer]
) -> ConfidentResult:
    """Ask cleanlab, on out-of-sample probabilities.

    Parameters
    ----------
    probabilities : ndarray of shape (n, C)
        Of the given label, each row by a model that has not seen it.
    labels : ndarray of shape (n,)
        Class indices; −1 unlabelled.

    Raises
    ------
    SolverError
        If cleanlab is not installed or nothing is labelled.
    """
    try:
        from cleanlab.filter import find_label_issues
        from cleanlab.rank import get_label_quality_scores
    except ImportError as error:
        raise SolverError(
            "Expected the cleanlab package for confident learning, found none.",
            hint="Install it with: pip install 'air-audit[cleanlab]'",
        ) from error
    rows = np.flatnonzero(labels >= 0)
    if not len(rows):
        raise SolverError("Expected labelled images, got none.")
    # cleanlab wants every column to be somebody's label.
    classes, own = np.unique(labels[rows], return_inverse=True)
    chances = probabilities[np.ix_(rows, classes)].astype(np.float64)
    chances /= np.maximum(chances.sum(axis=1, keepdims=True), 1e-12)
    quality, issues = np.full(len(labels), np.nan), np.zeros(len(labels), dtype=np.bool_)
    if len(classes) < 2:
        quality[rows] = 1.0
        return ConfidentResult(quality, issues)
    quality[rows] = get_label_quality_scores(own, chances, method="normalized_margin")
    issues[rows] = find_label_issues(own, chances, n_jobs=1)
    return ConfidentResult(quality, issues)
