"""The paper's baseline: a linear SVM on the same features."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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
    scale = float(np.linalg.norm(features, axis=1).mean(dtype=np.float64)) or 1.0
    x = np.asarray(features, dtype=np.float64) / scale
    labelled = np.flatnonzero(labels >= 0)
    x_fit, y_fit = x[labelled], labels[labelled]
    classes, counts = np.unique(y_fit, return_counts=True)
    if len(classes) < 2:
        raise SolverError(f"Expected images of at least two classes, got {len(classes)}.")
    total = len(grid) * folds + 1
    accuracy: dict[float, float] = {}
    # A class with fewer images than folds cannot be in every fold; those are then left out of the
    # choice of C, not of the fit.
    common = np.isin(y_fit, classes[counts >= folds])
    if len(grid) > 1 and len(np.unique(y_fit[common])) > 1:
        x_cv, y_cv = x_fit[common], y_fit[common]
        splits = list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(x_cv, y_cv))
        for c in grid:
            hits = []
            for train, test in splits:
                model, _ = _fit(x_cv[train], y_cv[train], c, seed, max_iter)
                hits.append(float((model.predict(x_cv[test]) == y_cv[test]).mean()))
                progress(len(accuracy) * folds + len(hits), total, "Cross-validating the SVM")
            accuracy[c] = float(np.mean(hits))
    chosen = max(accuracy, key=lambda c: (accuracy[c], -c)) if accuracy else grid[0]
    model, converged = _fit(x_fit, y_fit, chosen, seed, max_iter)
    coef = np.zeros((x.shape[1], n_classes))
    intercept = np.full(n_classes, -1.0)
    # With two classes liblinear keeps one column: the second class against the first.
    if len(classes) == 2:
        coef[:, classes[1]], coef[:, classes[0]] = model.coef_[0], -model.coef_[0]
        intercept[classes[1]], intercept[classes[0]] = model.intercept_[0], -model.intercept_[0]
    else:
        coef[:, classes], intercept[classes] = model.coef_.T, model.intercept_
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
    scale = float(np.linalg.norm(features, axis=1).mean(dtype=np.float64)) or 1.0
    x = np.asarray(features, dtype=np.float64) / scale
    labelled = np.flatnonzero((tags >= 0).all(axis=1))
    if len(labelled) < folds:
        raise SolverError(f"Expected at least {folds} labelled images, got {len(labelled)}.")
    x_fit, y_fit = x[labelled], tags[labelled]
    total = len(grid) * folds + 1
    accuracy: dict[float, float] = {}
    if len(grid) > 1:
        splits = list(KFold(folds, shuffle=True, random_state=seed).split(x_fit))
        for c in grid:
            hits = []
            for train, test in splits:
                coef, intercept, _ = _fit_tags(x_fit[train], y_fit[train], c, seed, max_iter)
                hits.append(float(((x_fit[test] @ coef + intercept > 0) == y_fit[test]).mean()))
                progress(len(accuracy) * folds + len(hits), total, "Cross-validating the SVM")
            accuracy[c] = float(np.mean(hits))
    chosen = max(accuracy, key=lambda c: (accuracy[c], -c)) if accuracy else grid[0]
    coef, intercept, converged = _fit_tags(x_fit, y_fit, chosen, seed, max_iter)
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


def _fit_tags(
    x: NDArray[np.float64], tags: NDArray[np.int8], c: float, seed: int, max_iter: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], bool]:
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
    return coef, intercept, converged


def _fit(
    x: NDArray[np.float64], y: NDArray[np.integer], c: float, seed: int, max_iter: int
) -> tuple[Any, bool]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model = LinearSVC(C=c, random_state=seed, max_iter=max_iter).fit(x, y)
    return model, not any(issubclass(w.category, ConvergenceWarning) for w in caught)
