"""Label noise to order: what benchmarks and tests put on clean labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from air_core.errors import SolverError

Labels = NDArray[np.intp]
Floats = NDArray[np.float64]


def symmetric(n_classes: int, rate: float) -> Floats:
    """Transition matrix (C, C), true → given, that spreads ``rate`` over all other classes.

    Examples
    --------
    >>> symmetric(3, 0.5)
    array([[0.5 , 0.25, 0.25],
           [0.25, 0.5 , 0.25],
           [0.25, 0.25, 0.5 ]])
    """
    matrix = np.full((n_classes, n_classes), rate / (n_classes - 1))
    np.fill_diagonal(matrix, 1 - rate)
    return matrix


def pairwise(n_classes: int, rate: float) -> Floats:
    """Transition matrix (C, C) that gives ``rate`` of each class to the next one.

    Examples
    --------
    >>> pairwise(3, 0.25)
    array([[0.75, 0.25, 0.  ],
           [0.  , 0.75, 0.25],
           [0.25, 0.  , 0.75]])
    """
    return np.eye(n_classes) * (1 - rate) + np.roll(np.eye(n_classes), 1, axis=1) * rate


def random_confusions(n_classes: int, rate: float, rng: np.random.Generator) -> Floats:
    """Transition matrix (C, C) that spreads ``rate`` unevenly over the other classes.

    The matrix Q of Sukhbaatar et al. (the paper, section 4.1): 1 − ``rate`` on the diagonal, and
    random chances beside it that sum to ``rate`` in each row.

    Examples
    --------
    >>> matrix = random_confusions(10, 0.5, np.random.default_rng(0))
    >>> matrix.diagonal().round(6).tolist() == [0.5] * 10, bool(np.allclose(matrix.sum(axis=1), 1))
    (True, True)
    """
    matrix = rng.random((n_classes, n_classes))
    np.fill_diagonal(matrix, 0)
    matrix *= rate / matrix.sum(axis=1, keepdims=True)
    np.fill_diagonal(matrix, 1 - rate)
    return matrix


def flip(labels: Labels, transition: Floats, rng: np.random.Generator) -> Labels:
    """Draw a given label for each true one.

    Parameters
    ----------
    labels : ndarray of shape (n,), dtype intp
        True classes; −1 stays.
    transition : ndarray of shape (C, C)
        Row ``y``: chances of each given label where the true one is ``y``.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (n,), dtype intp

    Raises
    ------
    SolverError
        If a row is no distribution.

    Examples
    --------
    >>> flip(np.array([0, 1, -1]), np.array([[0, 1.0], [1.0, 0]]), np.random.default_rng(0))
    array([ 1,  0, -1])
    """
    if (transition < 0).any() or not np.allclose(transition.sum(axis=1), 1):
        raise SolverError("Expected rows of chances that sum to 1 in the transition matrix.")
    reached = np.cumsum(transition, axis=1)[np.maximum(labels, 0)]
    # The last class takes what rounding leaves.
    drawn = (reached[:, :-1] <= rng.random(len(labels))[:, None]).sum(axis=1)
    return np.where(labels < 0, labels, drawn).astype(np.intp)
