"""What the solvers accept, checked once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from air_core.errors import SolverError


def check_arrays(
    features: ArrayLike, labels: ArrayLike, n_classes: int | None
) -> tuple[NDArray[Any], NDArray[np.int64], int]:
    """Validate features and integer labels.

    Returns
    -------
    features : ndarray of shape (n, p), floating
    labels : ndarray of shape (n,), dtype int64
    n_classes : int

    Raises
    ------
    SolverError
        Says which expectation failed and how to mend it.
    """
    x = np.asarray(features)
    if x.ndim != 2 or 0 in x.shape:
        raise SolverError(f"Expected features of shape (n, p), got {x.shape}.")
    if not np.issubdtype(x.dtype, np.floating):
        x = x.astype(np.float64)
    bad = ~np.isfinite(x).all(axis=1)
    if bad.any():
        raise SolverError(
            f"Expected finite features, got NaN or infinity in {int(bad.sum())} rows, "
            f"first in row {int(bad.argmax())}.",
            hint="Drop those rows or extract the features again.",
        )
    y = np.asarray(labels)
    if y.shape != (len(x),):
        raise SolverError(f"Expected one label for each of {len(x)} rows, got shape {y.shape}.")
    if not np.issubdtype(y.dtype, np.integer):
        raise SolverError(f"Expected integer class indices, got dtype {y.dtype}.")
    y = y.astype(np.int64)
    present = np.unique(y[y >= 0])
    if len(present) < 2:
        raise SolverError(
            f"Expected at least two classes among the labels, got {len(present)}.",
            hint="AIR compares classes with each other; label images of a second class.",
        )
    count = int(present[-1]) + 1 if n_classes is None else n_classes
    if y.min() < -1 or y.max() >= count:
        raise SolverError(
            f"Expected labels in -1 … {count - 1}, got {int(y.min())} … {int(y.max())}."
        )
    return x, y, count


def mean_row_norm(features: NDArray[Any]) -> float:
    """Mean Euclidean norm of the rows, the unit that features are scaled by.

    Raises
    ------
    SolverError
        If every feature is zero.
    """
    norm = float(np.linalg.norm(features, axis=1).mean(dtype=np.float64))
    if norm == 0:
        raise SolverError(
            "Expected features that are not all zero.", hint="Check the backbone and its weights."
        )
    return norm
