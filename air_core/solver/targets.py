"""What scikit-learn users hand over as ``y``, with rows or entries that nobody has labelled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from air_core.errors import SolverError


def as_dense(y: Any) -> NDArray[Any]:
    """``y`` as an array, also if it is a sparse indicator matrix."""
    return np.asarray(y.toarray() if issparse(y) else y)


def is_missing(y: NDArray[Any], missing_label: Any) -> NDArray[np.bool_]:
    """Where ``y`` holds the missing label; NaN stands for None and pandas' NA too.

    Examples
    --------
    >>> is_missing(np.array(["cat", None], dtype=object), np.nan).tolist()
    [False, True]
    >>> is_missing(np.array([-1, 1]), None).tolist()
    [False, False]
    """
    if missing_label is None:
        return np.zeros(y.shape, dtype=bool)
    missing = pd.isna(y) if pd.isna(missing_label) else y == missing_label
    return np.broadcast_to(missing, y.shape)


def split_labels(y: ArrayLike, missing_label: Any) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The labels that are there, and where there is none.

    Parameters
    ----------
    y : array of shape (n,) or (n, 1)
    missing_label : scalar, optional

    Returns
    -------
    labels : ndarray of shape (m,)
    missing : ndarray of shape (n,), bool
        m of them are False.

    Raises
    ------
    ValueError
        For continuous values, NaN, infinity, or strings mixed with others.
    """
    column: NDArray[Any] = column_or_1d(y, warn=True)
    missing = is_missing(column, missing_label)
    labels = column[~missing]
    if labels.dtype == object and len(labels):
        strings = {isinstance(label, str) for label in labels}
        if len(strings) > 1:
            odd = next(label for label in labels if not isinstance(label, str))
            raise SolverError(
                f"Expected labels that are all strings or all numbers, got {odd!r} among strings.",
                hint="If that means 'no label', pass it as missing_label (NaN for None).",
            )
        if strings == {False}:  # numbers that came with None beside them
            labels = np.array(labels.tolist())
    if len(labels):
        labels = check_array(labels, ensure_2d=False, dtype=None, input_name="y")
        check_classification_targets(labels)
    return labels, missing


def read_tags(y: ArrayLike, missing_label: Any) -> NDArray[np.float64]:
    """Tags of shape (n, C): 1, 0 or NaN for unknown.

    Raises
    ------
    SolverError
        For another shape or other values.

    Examples
    --------
    >>> read_tags([[1, -9], [0, 1]], -9)
    array([[ 1., nan],
           [ 0.,  1.]])
    """
    array = as_dense(y)
    missing = is_missing(array, missing_label)
    known = np.isin(array[~missing], (0, 1))
    if array.ndim != 2 or not known.all():
        raise SolverError(
            "Expected tags of shape (n, C) with the values 0 and 1, got others.",
            hint="Pass the value that means 'unknown' as missing_label.",
        )
    tags = np.full(array.shape, np.nan)
    tags[~missing] = array[~missing]
    return tags
