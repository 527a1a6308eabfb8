"""What the images most alike are labelled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from air_core.errors import SolverError
from air_core.progress import ProgressCallback, silent

Floats = NDArray[np.float32]
_BLOCK = 1024


def nearest(
    features: NDArray[np.floating],
    k: int,
    *,
    among: NDArray[np.intp] | None = None,
    progress: ProgressCallback = silent,
) -> tuple[NDArray[np.intp], Floats]:
    """The k rows of the largest cosine to each row, itself left out, nearest first.

    Parameters
    ----------
    features : ndarray of shape (n, p)
    k : int
        At most one less than there are rows.
    among : ndarray of intp, optional
        Rows that may be neighbours; all by default.
    progress : callable

    Returns
    -------
    rows : ndarray of shape (n, k), dtype intp
    cosines : ndarray of shape (n, k), dtype float32

    Raises
    ------
    SolverError
        If there are not k other rows.

    Examples
    --------
    >>> nearest(np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]]), 1)[0].ravel()
    array([1, 0, 1])
    """
    import torch

    n = len(features)
    pool = np.arange(n) if among is None else among
    if k >= len(pool):
        raise SolverError(f"Expected more than {k} images to compare, got {len(pool)}.")
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    unit = torch.from_numpy((features / np.maximum(lengths, 1e-12)).astype(np.float32))
    others = unit if among is None else unit[torch.from_numpy(pool)]
    place = np.full(n, -1, dtype=np.intp)
    place[pool] = np.arange(len(pool))
    rows, cosines = np.empty((n, k), np.intp), np.empty((n, k), np.float32)
    for start in range(0, n, _BLOCK):
        progress(start, n, "Finding the images most alike")
        likeness = unit[start : start + _BLOCK] @ others.T
        own = place[start : start + len(likeness)]
        there = np.flatnonzero(own >= 0)
        likeness[torch.from_numpy(there), torch.from_numpy(own[there])] = -2.0
        best = likeness.topk(k)
        rows[start : start + len(likeness)] = pool[best.indices.numpy()]
        cosines[start : start + len(likeness)] = best.values.numpy()
    return rows, cosines


def vote(
    features: NDArray[np.floating],
    targets: NDArray[Any],
    *,
    n_classes: int,
    k: int = 50,
    progress: ProgressCallback = silent,
) -> Floats:
    """Shares (n, C) of the given labels among the k labelled images most alike.

    Parameters
    ----------
    features : ndarray of shape (n, p)
    targets : ndarray of shape (n,) or (n, C)
        Class indices, −1 unlabelled; or tags 1 and 0, rows of −1 unlabelled.
    n_classes, k : int
        With fewer than k + 1 labelled images, all others vote.
    progress : callable

    Raises
    ------
    SolverError
        If fewer than two images are labelled.
    """
    labelled = np.flatnonzero(targets >= 0 if targets.ndim == 1 else (targets >= 0).all(axis=1))
    found, _ = nearest(
        features, max(1, min(k, len(labelled) - 1)), among=labelled, progress=progress
    )
    return counted(found, targets, n_classes)


def counted(
    rows: NDArray[np.intp],
    targets: NDArray[Any],
    n_classes: int,
    weights: NDArray[np.floating] | None = None,
) -> Floats:
    """Shares (n, C) of the labels of each row's neighbours (n, k), which may count unequally.

    Examples
    --------
    >>> counted(np.array([[0, 1]]), np.array([0, 1]), 2, np.array([[3.0, 1.0]]))
    array([[0.75, 0.25]], dtype=float32)
    """
    n, k = rows.shape
    weights = np.ones((n, k), dtype=np.float32) if weights is None else weights
    total = weights.sum(axis=1, keepdims=True)
    if targets.ndim == 2:
        shares = np.einsum("nk,nkc->nc", weights, targets[rows])
        return np.asarray(shares / total, dtype=np.float32)
    cells = np.arange(n)[:, None] * n_classes + targets[rows]
    counts = np.bincount(cells.ravel(), weights.ravel(), minlength=n * n_classes)
    return np.asarray(counts.reshape(n, n_classes) / total, dtype=np.float32)
