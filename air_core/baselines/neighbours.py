"""What the images most alike are labelled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from air_core.baselines import approximate
from air_core.errors import SolverError
from air_core.progress import ProgressCallback, silent

Floats = NDArray[np.float32]
_BLOCK = 1024
VOTERS = 50
"""Neighbours that vote, unless another number is asked for."""


def nearest(
    features: NDArray[np.floating],
    k: int,
    *,
    among: NDArray[np.intp] | None = None,
    exact: bool | None = None,
    progress: ProgressCallback = silent,
) -> tuple[NDArray[np.intp], Floats]:
    """The k rows of the largest cosine to each row, itself left out, nearest first.

    Among more than :data:`~air_core.baselines.approximate.EXACT_UP_TO` rows nearly all of the
    nearest are found, if faiss is installed; ``bench scale`` says how many.

    Parameters
    ----------
    features : ndarray of shape (n, p)
    k : int
        At most one less than there are rows.
    among : ndarray of intp, optional
        Rows that may be neighbours; all by default.
    exact : bool, optional
        Compare every row with every other, however many there are; or never do.
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
    n = len(features)
    pool = np.arange(n) if among is None else among
    if k >= len(pool):
        raise SolverError(f"Expected more than {k} images to compare, got {len(pool)}.")
    array = np.asarray(features, dtype=np.float32)  # squares of float16 overflow from 256 on
    unit = array / np.maximum(np.linalg.norm(array, axis=1, keepdims=True), 1e-12)
    if exact is None:
        exact = len(pool) <= approximate.EXACT_UP_TO or not approximate.is_there()
    if exact:
        return _compared(unit, np.arange(n), pool, k, progress)
    return _looked_up(unit, pool, k, progress)


def _compared(
    unit: Floats,
    questions: NDArray[np.intp],
    pool: NDArray[np.intp],
    k: int,
    progress: ProgressCallback,
) -> tuple[NDArray[np.intp], Floats]:
    """Each question with every row of the pool."""
    import torch

    whole = len(pool) == len(unit)
    others = torch.from_numpy(unit if whole else unit[pool])
    place = np.full(len(unit), -1, dtype=np.intp)
    place[pool] = np.arange(len(pool))
    m = len(questions)
    rows, cosines = np.empty((m, k), np.intp), np.empty((m, k), np.float32)
    for start in range(0, m, _BLOCK):
        progress(start, m, "Finding the images most alike")
        asked = questions[start : start + _BLOCK]
        likeness = torch.from_numpy(unit[asked]) @ others.T
        own = place[asked]
        there = np.flatnonzero(own >= 0)
        likeness[torch.from_numpy(there), torch.from_numpy(own[there])] = -2.0
        best = likeness.topk(k)
        rows[start : start + len(asked)] = pool[best.indices.numpy()]
        cosines[start : start + len(asked)] = best.values.numpy()
    return rows, cosines


def _looked_up(
    unit: Floats, pool: NDArray[np.intp], k: int, progress: ProgressCallback
) -> tuple[NDArray[np.intp], Floats]:
    """Each row with those rows of the pool that a graph leads to."""
    others = unit if len(pool) == len(unit) else unit[pool]
    graph = approximate.LikeGraph(others, progress=progress)
    found, cosines = graph.nearest(unit, k + 1, progress=progress)
    none = found < 0
    short, found = np.flatnonzero(none.any(axis=1)), pool[found]
    # Each row leaves itself out; one that is not in the pool, or not found, has one too many.
    drop = (found == np.arange(len(unit))[:, None]) & ~none
    drop[~drop.any(axis=1), -1] = True
    rows, nearest_k = found[~drop].reshape(-1, k), cosines[~drop].reshape(-1, k)
    if len(short):  # the graph led to too few
        rows[short], nearest_k[short] = _compared(unit, short, pool, k, silent)
    return rows, nearest_k


def vote(
    features: NDArray[np.floating],
    targets: NDArray[Any],
    *,
    n_classes: int,
    k: int = VOTERS,
    known: NDArray[np.intp] | None = None,
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
    known : ndarray of shape (n, ≥ k), optional
        What :func:`nearest_labelled` found before.
    progress : callable

    Raises
    ------
    SolverError
        If fewer than two images are labelled.
    """
    if known is None:
        known = nearest_labelled(features, targets, k, progress)
    return counted(known[:, :k], targets, n_classes)


def nearest_labelled(
    features: NDArray[np.floating],
    targets: NDArray[Any],
    k: int = VOTERS,
    progress: ProgressCallback = silent,
) -> NDArray[np.intp]:
    """The k labelled rows (n, k) most alike to each row, nearest first; fewer if there are not k.

    Raises
    ------
    SolverError
        If fewer than two images are labelled.
    """
    labelled = np.flatnonzero(targets >= 0 if targets.ndim == 1 else (targets >= 0).all(axis=1))
    k = max(1, min(k, len(labelled) - 1))
    return nearest(features, k, among=labelled, progress=progress)[0]


def counted(
    rows: NDArray[np.intp],
    targets: NDArray[Any],
    n_classes: int,
    weights: NDArray[np.floating] | None = None,
) -> Floats:
    """Shares (n, C) of the labels of each row's neighbours (n, k), which may count unequally.

    Targets are class indices (n,), or tags or chances of each class (n, C).

    Examples
    --------
    >>> counted(np.array([[0, 1]]), np.array([0, 1]), 2, np.array([[3.0, 1.0]]))
    array([[0.75, 0.25]], dtype=float32)
    """
    n, k = rows.shape
    weights = np.ones((n, k), dtype=np.float32) if weights is None else weights
    total = weights.sum(axis=1, keepdims=True)
    if targets.ndim == 2:
        shares = np.empty((n, n_classes), dtype=np.float32)
        for start in range(0, n, _BLOCK):
            at = slice(start, start + _BLOCK)
            shares[at] = np.einsum("nk,nkc->nc", weights[at], targets[rows[at]])
        return np.asarray(shares / total, dtype=np.float32)
    cells = np.arange(n)[:, None] * n_classes + targets[rows]
    counts = np.bincount(cells.ravel(), weights.ravel(), minlength=n * n_classes)
    return np.asarray(counts.reshape(n, n_classes) / total, dtype=np.float32)
