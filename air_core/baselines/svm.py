"""The paper's baseline: a linear SVM on the same features."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.svm import LinearSVC

from air_core.errors import SolverError
from air_core.progress import ProgressCallback, silent

PAPER_GRID = (1.0, 10.0, 100.0)


@dataclass(frozen=True, slots=True)
class SVMResult:
    """A fitted linear SVM.

    Parameters
    ----------
    coef : ndarray of shape (p, C)
        For the features as given.
    intercept : ndarray of shape (C,)
    activations : ndarray of shape (n, C)
        ``‖x_i ∘ w_c‖``, computed "manually" from the weights as in the paper (section 4.1).
    decision : ndarray of shape (n, C)
        ``x_i w_c + b_c``.
    C : float
        The chosen inverse strength.
    accuracy_by_C : dict of float to float
        Mean cross-validated accuracy on the given labels.
    converged : bool
        Whether liblinear met its tolerance in the final fit.
    """

    coef: NDArray[Any]
    intercept: NDArray[Any]
    activations: NDArray[Any]
    decision: NDArray[Any]
    C: float
    accuracy_by_C: dict[float, float]
    converged: bool


def linear_svm(
    features: NDArray[np.floating],
    labels: NDArray[np.integer],
    *,
    n_classes: int,
    grid: Sequence[float] = PAPER_GRID,
    folds: int = 3,
    seed: int = 0,
    max_iter: int = 1000,
    progress: ProgressCallback = silent,
) -> SVMResult:
    """Fit scikit-learn's ``LinearSVC`` (one against the rest), C chosen by cross-validation.

    The choice looks at given labels only, as a user would have to. Features are divided by their
    mean row norm, so that C means the same for every backbone.

    Parameters
    ----------
    features : ndarray of shape (n, p)
    labels : ndarray of shape (n,)
        Class indices; −1 is left out of the fit but gets activations.
    n_classes : int
        C; classes without an image get weights of zero.
    grid : sequence of float
        Values of C; the paper's {1, 10, 100} by default.
    folds, seed, max_iter : int
    progress : callable

    Returns
    -------
    SVMResult

    Raises
    ------
    SolverError
        If fewer than two classes have images.
    """
    labelled = np.flatnonzero(labels >= 0)
    classes, counts = np.unique(labels[labelled], return_counts=True)
    if len(classes) < 2:
        raise SolverError(f"Expected images of at least two classes, got {len(classes)}.")
    # A class with fewer images than folds cannot be in every fold; those are then left out of the
    # choice of C, not of the fit.
    common = labelled[np.isin(labels[labelled], classes[counts >= folds])]
    splits = []
    if len(np.unique(labels[common])) > 1:
        folded = StratifiedKFold(folds, shuffle=True, random_state=seed)
        splits = _splits(folded, common, labels)

    def fit(x: NDArray[Any], y: NDArray[Any], c: float) -> _Weights:
        return _fit_classes(x, y, n_classes, c, seed, max_iter)

    def hits(scores: NDArray[Any], y: NDArray[Any]) -> float:
        return float((scores.argmax(axis=1) == y).mean())

    return _choose_and_fit(features, labels, labelled, splits, grid, fit, hits, progress)


def linear_svm_tags(
    features: NDArray[np.floating],
    tags: NDArray[np.int8],
    *,
    grid: Sequence[float] = PAPER_GRID,
    folds: int = 3,
    seed: int = 0,
    max_iter: int = 1000,
    progress: ProgressCallback = silent,
) -> SVMResult:
    """One linear SVM for each tag, with one C for all chosen by cross-validation.

    Parameters
    ----------
    features : ndarray of shape (n, p)
    tags : ndarray of shape (n, C)
        1 given, 0 not; rows of −1 are left out of the fit but get activations.
    grid, folds, seed, max_iter, progress
        As for :func:`linear_svm`. ``accuracy_by_C`` holds the share of given tags met.

    Raises
    ------
    SolverError
        If fewer images are labelled than there are folds.
    """
    labelled = np.flatnonzero((tags >= 0).all(axis=1))
    if len(labelled) < folds:
        raise SolverError(f"Expected at least {folds} labelled images, got {len(labelled)}.")
    splits = _splits(KFold(folds, shuffle=True, random_state=seed), labelled, tags)

    def fit(x: NDArray[Any], y: NDArray[Any], c: float) -> _Weights:
        return _fit_tags(x, y, c, seed, max_iter)

    def hits(scores: NDArray[Any], y: NDArray[Any]) -> float:
        return float(((scores > 0) == y).mean())

    return _choose_and_fit(features, tags, labelled, splits, grid, fit, hits, progress)


class _Weights(NamedTuple):
    coef: NDArray[np.float64]
    intercept: NDArray[np.float64]
    converged: bool


_Split = tuple[NDArray[np.intp], NDArray[np.intp]]


def _splits(folded: Any, rows: NDArray[np.intp], labels: NDArray[Any]) -> list[_Split]:
    """Rows to fit and rows to judge by, of each fold."""
    return [(rows[train], rows[test]) for train, test in folded.split(rows, labels[rows])]


def _choose_and_fit(
    features: NDArray[np.floating],
    labels: NDArray[Any],
    labelled: NDArray[np.intp],
    splits: Sequence[_Split],
    grid: Sequence[float],
    fit: Callable[[NDArray[Any], NDArray[Any], float], _Weights],
    hits: Callable[[NDArray[Any], NDArray[Any]], float],
    progress: ProgressCallback,
) -> SVMResult:
    """C by cross-validation where there is a choice, then the fit of all labelled rows."""
    scale = float(np.linalg.norm(features, axis=1).mean(dtype=np.float64)) or 1.0
    x = np.asarray(features, dtype=np.float64) / scale
    total = len(grid) * len(splits) + 1
    accuracy: dict[float, float] = {}
    for c in grid if len(grid) > 1 and splits else ():
        reached = []
        for train, test in splits:
            weights = fit(x[train], labels[train], c)
            reached.append(hits(x[test] @ weights.coef + weights.intercept, labels[test]))
            progress(len(accuracy) * len(splits) + len(reached), total, "Cross-validating the SVM")
        accuracy[c] = float(np.mean(reached))
    chosen = max(accuracy, key=lambda c: (accuracy[c], -c)) if accuracy else grid[0]
    coef, intercept, converged = fit(x[labelled], labels[labelled], chosen)
    progress(total, total, "Fitting the SVM")
    return SVMResult(
        coef=coef / scale,
        intercept=intercept,
        activations=np.sqrt((x * x) @ (coef * coef)),
        decision=x @ coef + intercept,
        C=chosen,
        accuracy_by_C=accuracy,
        converged=converged,
    )


def _fit_classes(
    x: NDArray[np.float64],
    y: NDArray[np.integer],
    n_classes: int,
    c: float,
    seed: int,
    max_iter: int,
) -> _Weights:
    """One column a class; those without an image are never the best."""
    model, converged = _fit(x, y, c, seed, max_iter)
    coef, intercept = np.zeros((x.shape[1], n_classes)), np.full(n_classes, -1.0)
    classes = model.classes_
    # With two classes liblinear keeps one column: the second class against the first.
    if len(classes) == 2:
        coef[:, classes[1]], coef[:, classes[0]] = model.coef_[0], -model.coef_[0]
        intercept[classes[1]], intercept[classes[0]] = model.intercept_[0], -model.intercept_[0]
    else:
        coef[:, classes], intercept[classes] = model.coef_.T, model.intercept_
    return _Weights(coef, intercept, converged)


def _fit_tags(
    x: NDArray[np.float64], tags: NDArray[np.int8], c: float, seed: int, max_iter: int
) -> _Weights:
    coef, intercept = np.zeros((x.shape[1], tags.shape[1])), np.zeros(tags.shape[1])
    converged = True
    for tag, given in enumerate(tags.T):
        if given.min() == given.max():
            # Nothing to tell apart: all images have the tag, or none.
            intercept[tag] = 1.0 if given.max() else -1.0
            continue
        model, one = _fit(x, given, c, seed, max_iter)
        coef[:, tag], intercept[tag] = model.coef_[0], model.intercept_[0]
        converged &= one
    return _Weights(coef, intercept, converged)


def _fit(
    x: NDArray[np.float64], y: NDArray[np.integer], c: float, seed: int, max_iter: int
) -> tuple[Any, bool]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model = LinearSVC(C=c, random_state=seed, max_iter=max_iter).fit(x, y)
    return model, not any(issubclass(w.category, ConvergenceWarning) for w in caught)
