"""The images most alike to one, by the angle between their features."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

BLOCK = 8192
"""Rows taken at a time: what is read of the features stays small, however many images there are."""


class NearestIndex(Protocol):
    """Finds neighbours; :class:`CosineIndex` exactly, others may approximate."""

    def nearest(
        self, row: int, k: int, among: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Rows and similarities of at most ``k`` neighbours of a row, most alike first."""
        ...


class CosineIndex:
    """Exact search: every image is compared, one pass over the features a question.

    Parameters
    ----------
    features : ndarray of shape (n, p), dtype float32 or float16
        May be memory-mapped; it is never copied.

    Examples
    --------
    >>> index = CosineIndex(np.array([[1, 0], [2, 0.1], [0, 1], [1, 1]], dtype=np.float32))
    >>> rows, similarities = index.nearest(0, k=2)
    >>> rows.tolist(), [round(float(s), 2) for s in similarities]
    ([1, 3], [1.0, 0.71])
    """

    def __init__(self, features: NDArray[np.float32]) -> None:
        self._features = features
        norms = np.empty(len(features), dtype=np.float32)
        for rows in _blocks(len(features)):
            norms[rows] = np.linalg.norm(features[rows].astype(np.float32, copy=False), axis=1)
        # A picture without any feature is like none.
        self._inverse_norms = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)

    def nearest(
        self, row: int, k: int, among: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """The ``k`` rows of highest cosine, the row itself left out.

        Parameters
        ----------
        row : int
        k : int
        among : ndarray of shape (n,), dtype bool, optional
            Rows to choose from; all by default.

        Returns
        -------
        rows : ndarray of shape (at most k,), dtype intp
            Most alike first; equally alike ones in the order of the rows.
        similarities : ndarray of the same shape, dtype float32
            Cosines, in [0, 1] for features that are not negative.
        """
        target = np.asarray(self._features[row], dtype=np.float32) * self._inverse_norms[row]
        cosines = np.empty(len(self._features), dtype=np.float32)
        for rows in _blocks(len(self._features)):
            np.matmul(self._features[rows], target, out=cosines[rows], casting="same_kind")
        cosines *= self._inverse_norms
        allowed = np.ones(len(cosines), dtype=np.bool_) if among is None else among.copy()
        allowed[row] = False
        candidates = np.flatnonzero(allowed)
        k = min(k, len(candidates))
        if k == 0:
            return candidates[:0], cosines[:0]
        values = cosines[candidates]
        worst_taken = np.partition(values, len(values) - k)[len(values) - k]
        taken = np.flatnonzero(values >= worst_taken)
        order = taken[np.argsort(-values[taken], kind="stable")][:k]
        return candidates[order], np.minimum(values[order], 1)


def _blocks(n: int) -> list[slice]:
    return [slice(start, min(start + BLOCK, n)) for start in range(0, n, BLOCK)]
