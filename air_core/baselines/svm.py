"""The paper's baseline: a linear SVM on the same features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from air_core.baselines.newton import Basis, HingeFit, decompose, fit_squared_hinge
from air_core.baselines.softmax import unstratified
from air_core.errors import SolverError
from air_core.progress import ProgressCallback, silent

PAPER_GRID = (1.0, 10.0, 100.0)

# With a third of it no C that is chosen was another, nor its accuracy by more than 1e-4, on four
# sets and two grids.
_IN_FOLDS = 3e-4


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
        Whether the final fit met its tolerance.
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
    progress: ProgressCallback = silent,
    basis: Basis | None = None,
) -> SVMResult:
    """Fit a linear SVM with squared hinge loss, one class against the rest.

    It is what scikit-learn's ``LinearSVC`` (liblinear) converges to, in a fraction of the time: all
    classes at once, in the eigenvectors of the features' covariance. C is chosen by
    cross-validation, which looks at given labels only, as a user would have to. Features are
    divided by their mean row norm, so that C means the same for every backbone.

    Parameters
    ----------
    features : ndarray of shape (n, p)
    labels : ndarray of shape (n,)
        Class indices; −1 is left out of the fit but gets activations.
    n_classes : int
        C; classes without an image get weights of zero.
    grid : sequence of float
        Values of C; the paper's {1, 10, 100} by default.
    folds, seed : int
    progress : callable
    basis : Basis, optional
        The features as :func:`~air_core.baselines.newton.decompose` turns them, if that was done.

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
    signs = np.full((len(labels), n_classes), -1, dtype=np.float32)
    signs[labelled, labels[labelled]] = 1

    def hits(scores: NDArray[Any], rows: NDArray[np.intp], trained: NDArray[np.bool_]) -> float:
        # A class without an image is never the best.
        found = np.where(trained, scores, -np.inf).argmax(axis=1)
        return float((found == labels[rows]).mean())

    return _choose_and_fit(features, signs, labelled, splits, grid, hits, progress, basis)


def linear_svm_tags(
    features: NDArray[np.floating],
    tags: NDArray[np.int8],
    *,
    grid: Sequence[float] = PAPER_GRID,
    folds: int = 3,
    seed: int = 0,
    progress: ProgressCallback = silent,
    basis: Basis | None = None,
) -> SVMResult:
    """One linear SVM for each tag, with one C for all chosen by cross-validation.

    Parameters
    ----------
    features : ndarray of shape (n, p)
    tags : ndarray of shape (n, C)
        1 given, 0 not; rows of −1 are left out of the fit but get activations.
    grid, folds, seed, progress, basis
        As for :func:`linear_svm`. ``accuracy_by_C`` holds the share of given tags met.

    Raises
    ------
    SolverError
        If fewer images are labelled than there are folds.
    """
    labelled = np.flatnonzero((tags >= 0).all(axis=1))
    if len(labelled) < folds:
        raise SolverError(f"Expected at least {folds} labelled images, got {len(labelled)}.")
    splits = _splits(unstratified(folds, seed), labelled, tags)

    def hits(scores: NDArray[Any], rows: NDArray[np.intp], trained: NDArray[np.bool_]) -> float:
        return float(((scores > 0) == tags[rows]).mean())

    signs = np.where(tags > 0, 1, -1).astype(np.float32)
    return _choose_and_fit(features, signs, labelled, splits, grid, hits, progress, basis)


_Split = tuple[NDArray[np.intp], NDArray[np.intp]]


def _splits(folded: Any, rows: NDArray[np.intp], labels: NDArray[Any]) -> list[_Split]:
    """Rows to fit and rows to judge by, of each fold."""
    return [(rows[train], rows[test]) for train, test in folded.split(rows, labels[rows])]


def _choose_and_fit(
    features: NDArray[np.floating],
    signs: NDArray[np.float32],
    labelled: NDArray[np.intp],
    splits: Sequence[_Split],
    grid: Sequence[float],
    hits: Callable[[NDArray[Any], NDArray[np.intp], NDArray[np.bool_]], float],
    progress: ProgressCallback,
    basis: Basis | None,
) -> SVMResult:
    """C by cross-validation where there is a choice, then the fit of all labelled rows."""
    basis = basis or decompose(features)
    total = len(grid) * len(splits) + 1
    accuracy: dict[float, float] = {}
    starts: list[HingeFit | None] = [None] * len(splits)
    for c in sorted(grid) if len(grid) > 1 and splits else ():
        reached = []
        for number, (train, test) in enumerate(splits):
            fitted = fit_squared_hinge(
                basis, signs, train, c, start=starts[number], tolerance=_IN_FOLDS
            )
            starts[number] = fitted
            trained = np.asarray((signs[train] > 0).any(axis=0))
            reached.append(hits(basis.scores(fitted.weights, test), test, trained))
            progress(len(accuracy) * len(splits) + len(reached), total, "Cross-validating the SVM")
        accuracy[c] = float(np.mean(reached))
    chosen = max(accuracy, key=lambda c: (accuracy[c], -c)) if accuracy else grid[0]
    fitted = fit_squared_hinge(basis, signs, labelled, chosen, tolerance=1e-5)
    progress(total, total, "Fitting the SVM")
    # Nothing to tell apart where all images have a class, or none.
    first = signs[labelled[0]]
    same = np.asarray((signs[labelled] == first).all(axis=0))
    coef = np.where(same, 0.0, fitted.coef)
    intercept = np.where(same, first, fitted.intercept)
    squares = np.square(features, dtype=np.float32) @ np.square(coef).astype(np.float32)
    return SVMResult(
        coef=coef,
        intercept=intercept,
        activations=np.sqrt(squares),
        decision=np.where(same, first, basis.scores(fitted.weights, slice(None))),
        C=chosen,
        accuracy_by_C=accuracy,
        converged=fitted.converged,
    )
