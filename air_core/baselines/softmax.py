"""Softmax regression with an ℓ2 penalty, its strength chosen by cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_softmax
from sklearn.model_selection import KFold, StratifiedKFold

from air_core.baselines.newton import Basis, decompose, fit_linear
from air_core.baselines.targets import labelled_rows, one_hot
from air_core.progress import ProgressCallback, silent

Floats = NDArray[np.float32]

GRID = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Inverse strengths in scikit-learn's sense, for features of mean row norm 1."""

# A third of it takes a third longer. On four sets it changed no C, and the AUROC of what the chosen
# folds say of images they have not seen by no more than 2e-5.
_IN_FOLDS = 3e-4


@dataclass(frozen=True, slots=True)
class SoftmaxResult:
    """A fitted softmax regression; with tags one logistic regression for each.

    Parameters
    ----------
    coef : ndarray of shape (p, C)
        For the features as given.
    intercept : ndarray of shape (C,)
    decision : ndarray of shape (n, C), dtype float32
        ``x_i w_c + b_c``, in sample.
    left_out : ndarray of shape (n, C), dtype float32
        Probabilities, each row by a model that has not seen it. With tags each entry stands for
        itself.
    C : float
        The chosen inverse strength.
    loss_by_C : dict of float to float
        Cross-validated cross-entropy of the given labels, in nats.
    """

    coef: NDArray[Any]
    intercept: NDArray[Any]
    decision: Floats
    left_out: Floats
    C: float
    loss_by_C: dict[float, float]


def softmax_l2(
    features: NDArray[np.floating],
    targets: NDArray[Any],
    *,
    n_classes: int,
    grid: Sequence[float] = GRID,
    folds: int = 5,
    seed: int = 0,
    progress: ProgressCallback = silent,
    basis: Basis | None = None,
) -> SoftmaxResult:
    """Fit ``C Σ_i loss(x_i W + b, y_i) + ‖W‖² / 2``, as scikit-learn's ``LogisticRegression``.

    C is that of the least cross-entropy of given labels left out, so that it needs no truth.

    Parameters
    ----------
    features : ndarray of shape (n, p)
    targets : ndarray of shape (n,) or (n, C)
        Class indices, −1 unlabelled; or tags 1 and 0, rows of −1 unlabelled. Unlabelled images
        are left out of the fit but get scores.
    n_classes : int
    grid : sequence of float
        Values of C from small to large; the search ends where the loss begins to rise.
    folds, seed : int
    progress : callable
    basis : Basis, optional
        The features as :func:`~air_core.baselines.newton.decompose` turns them, if that was done.

    Returns
    -------
    SoftmaxResult

    Raises
    ------
    SolverError
        If fewer than two images are labelled, or all alike.

    Examples
    --------
    >>> x = np.array([[0.0], [0.1], [0.9], [1.0]])
    >>> found = softmax_l2(x, np.array([0, 0, 1, 1]), n_classes=2, folds=2)
    >>> found.decision.argmax(axis=1)
    array([0, 0, 1, 1])
    """
    wanted = one_hot(targets, n_classes)
    labelled = labelled_rows(wanted)
    basis = basis or decompose(features)
    tags = targets.ndim == 2
    splits = split_rows(targets, labelled, folds, seed)
    starts: list[NDArray[Any] | None] = [None] * len(splits)
    losses: dict[float, float] = {}
    best = np.full(wanted.shape, 1 / n_classes, dtype=np.float32)
    for c in sorted(grid):
        reached = np.empty(wanted.shape, dtype=np.float32)
        for number, (train, test) in enumerate(splits):
            weights = fit_linear(
                basis, wanted, train, 1 / c, tags=tags, start=starts[number], tolerance=_IN_FOLDS
            )
            starts[number] = weights
            reached[test] = basis.scores(weights, test)
            progress(
                len(losses) * len(splits) + number,
                len(grid) * len(splits) + 1,
                "Cross-validating softmax regression",
            )
        losses[c] = cross_entropy(reached[labelled], wanted[labelled], tags)
        if losses[c] <= min(losses.values()):
            best = reached
        elif losses[c] > 1.02 * min(losses.values()):
            break
    chosen = min(losses, key=lambda c: (losses[c], c))
    weights = fit_linear(basis, wanted, labelled, 1 / chosen, tags=tags, tolerance=1e-6)
    decision = basis.scores(weights, slice(None))
    unlabelled = np.isnan(wanted).any(axis=1)
    best[unlabelled] = decision[unlabelled]
    progress(len(grid) * len(splits) + 1, len(grid) * len(splits) + 1, "Fitting softmax regression")
    coef, intercept = basis.unrotated(weights)
    return SoftmaxResult(
        coef=coef,
        intercept=intercept,
        decision=decision,
        left_out=probabilities_of(best, tags),
        C=chosen,
        loss_by_C=losses,
    )


def split_rows(
    targets: NDArray[Any], labelled: NDArray[np.intp], folds: int, seed: int
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Rows to fit and rows to judge, of each fold; classes are spread evenly where they can be."""
    folds = min(folds, len(labelled))
    if targets.ndim == 1 and np.bincount(targets[labelled]).max() >= folds:
        y = targets[labelled]
        counts = np.bincount(y)
        # Classes smaller than the folds are spread as one.
        y = np.where(counts[y] >= folds, y, -1)
        if np.bincount(y + 1)[0] in range(1, folds):
            y = np.where(y == -1, counts.argmax(), y)
        folded = StratifiedKFold(folds, shuffle=True, random_state=seed).split(labelled, y)
    else:
        folded = unstratified(folds, seed).split(labelled)
    return [(labelled[train], labelled[test]) for train, test in folded]


def unstratified(folds: int, seed: int) -> KFold:
    """Folds drawn by a stream of their own.

    The first of ``KFold(shuffle=True, random_state=seed)`` is the start of
    ``RandomState(seed).permutation(n)``, by which labels are made wrong for tests: all of that fold
    would be wrong ones.
    """
    return KFold(folds, shuffle=True, random_state=np.random.RandomState([seed, 1]))


def probabilities_of(scores: NDArray[np.floating], tags: bool) -> Floats:
    """Probabilities (n, C) from decision values; of tags each on its own."""
    found = expit(scores) if tags else np.exp(log_softmax(scores, axis=1))
    return np.asarray(found, dtype=np.float32)


def cross_entropy(scores: NDArray[np.floating], wanted: Floats, tags: bool) -> float:
    """Mean cross-entropy in nats of targets (n, C) under decision values."""
    scores = scores.astype(np.float64)
    if tags:
        return float((np.logaddexp(0, scores) - wanted * scores).mean())
    return float(-(log_softmax(scores, axis=1) * wanted).sum(axis=1).mean())


__all__ = ["GRID", "Basis", "SoftmaxResult", "softmax_l2"]
