"""What the solvers accept, checked once."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse

from air_core.errors import SolverError

# Looked at together, so that a memory-mapped array is never loaded whole.
_BLOCK_BYTES = 2**23


class NegativeFeaturesWarning(UserWarning):
    """The method assumes features that are not negative."""


def check_features(features: ArrayLike, index: NDArray[np.intp] | None = None) -> NDArray[Any]:
    """Features as a floating array of shape (n, p); memory-mapped ones stay on disk.

    All rows must be finite, or those in ``index``.

    Raises
    ------
    SolverError
        If they are none. Negative features only warn.
    """
    if issparse(features):
        raise SolverError(
            "Expected a dense array of features, got a sparse matrix.",
            hint="Convert it with .toarray(): image features are dense.",
        )
    x = np.asarray(features)
    if x.ndim != 2 or 0 in x.shape:
        raise SolverError(f"Expected features of shape (n, p), got {x.shape}.")
    if not np.issubdtype(x.dtype, np.floating):
        x = x.astype(np.float64)
    negative = False
    for start, part in _blocks(x, index):
        bad = ~np.isfinite(part).all(axis=1)
        if bad.any():
            row = start + int(bad.argmax())
            row = row if index is None else int(index[row])
            raise SolverError(
                f"Expected finite features, got NaN or infinity in row {row}.",
                hint="Drop such rows or extract the features again.",
            )
        negative = negative or bool((part < 0).any())
    if negative:
        warnings.warn(
            "Some features are negative. AIR measures how strongly an image activates a class by "
            "||x * w||, which ignores signs; features after a rectifier suit it better.",
            NegativeFeaturesWarning,
            stacklevel=3,
        )
    return x


def check_labels(
    labels: ArrayLike, n: int, n_classes: int | None, *, alone: bool = True
) -> tuple[NDArray[np.int64], int]:
    """Class indices of shape (n,) and the number of classes.

    If they are not ``alone``, other processes have the other classes.

    Raises
    ------
    SolverError
        If there are not n of them, they are no integers or out of range, or fewer than two
        classes have an image.
    """
    y = np.asarray(labels)
    if y.shape != (n,):
        raise SolverError(f"Expected one label for each of {n} rows, got shape {y.shape}.")
    if not np.issubdtype(y.dtype, np.integer):
        raise SolverError(f"Expected integer class indices, got dtype {y.dtype}.")
    y = y.astype(np.int64)
    present = np.unique(y[y >= 0])
    if not alone and n_classes is None:
        raise SolverError("Expected n_classes, since the labels are a part of all labels.")
    if alone and len(present) < 2:
        raise SolverError(
            f"Expected at least two classes among the labels, got {len(present)}.",
            hint="AIR compares classes with each other; label images of a second class.",
        )
    count = int(present[-1]) + 1 if n_classes is None else n_classes
    if y.min() < -1 or y.max() >= count:
        raise SolverError(
            f"Expected labels in -1 … {count - 1}, got {int(y.min())} … {int(y.max())}."
        )
    return y, count


def check_tags(tags: ArrayLike, n: int) -> NDArray[np.float64]:
    """Tags of shape (n, C): 1 present, 0 absent, NaN unknown.

    Raises
    ------
    SolverError
        For another shape or other values.
    """
    y = np.asarray(tags, dtype=np.float64)
    if y.ndim != 2 or len(y) != n or not y.shape[1]:
        raise SolverError(f"Expected tags of shape ({n}, C), got {y.shape}.")
    known = ~np.isnan(y)
    if not np.isin(y[known], (0, 1)).all() or not known.any():
        raise SolverError("Expected tags of 0, 1 or NaN for unknown, got other values.")
    return y


def mean_row_norm(features: NDArray[Any], index: NDArray[np.intp] | None = None) -> float:
    """Mean Euclidean norm of the rows, or of those in ``index``: the unit features are scaled by.

    Raises
    ------
    SolverError
        If every feature is zero.
    """
    total = sum(
        # In float64: squares of float16 overflow from 256 on.
        float(np.linalg.norm(part.astype(np.float64), axis=1).sum())
        for _, part in _blocks(features, index)
    )
    if not np.isfinite(total):
        raise SolverError("Expected features whose row norms are finite, got infinite ones.")
    if total == 0:
        raise SolverError(
            "Expected features that are not all zero.", hint="Check the backbone and its weights."
        )
    return total / (len(features) if index is None else len(index))


def _blocks(
    features: NDArray[Any], index: NDArray[np.intp] | None
) -> Iterator[tuple[int, NDArray[Any]]]:
    """Consecutive rows, and the position of the first of them."""
    size = max(1, _BLOCK_BYTES // (8 * features.shape[1]))
    for start in range(0, len(features) if index is None else len(index), size):
        rows = slice(start, start + size)
        yield start, features[rows if index is None else index[rows]]
