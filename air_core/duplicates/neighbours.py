"""The nearest images of every image, by the angle between their features."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from air_core.atomic import atomic_write
from air_core.progress import ProgressCallback, silent

Indices = NDArray[np.int32]
Floats = NDArray[np.float32]

COUNT = 16
"""Neighbours of each image: enough for a local density, and for the copies of a picture, since
copies of copies are found through each other."""

_DIMENSIONS = 256  # angles hardly change, and n² products of 1,280 numbers would take minutes
_FIT = 20_000
_BLOCK = 2048
_NOTE = "Comparing images"


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The nearest images of each image, itself left out.

    Parameters
    ----------
    rows : ndarray of shape (n, k), dtype int32
        Nearest first.
    similarities : ndarray of shape (n, k), dtype float32
        Cosine of the angle between the features as given.
    """

    rows: Indices
    similarities: Floats


def nearest(
    features: NDArray[np.floating],
    *,
    count: int = COUNT,
    partial: Path | None = None,
    progress: ProgressCallback = silent,
) -> Neighbours:
    """Find the nearest images of every image.

    Candidates come from the leading 256 principal directions of the features scaled to length
    one, by scikit-learn's exhaustive search; their similarities are those of all directions.

    Parameters
    ----------
    features : ndarray of shape (n, p)
        May be a memory map.
    count : int
        At most n − 1 are found.
    partial : Path, optional
        Folder for finished blocks; a search that was stopped goes on from there. Removed at the
        end by whoever named it, once the result is safe.
    progress : callable
        Called after each block; may raise to stop.

    Returns
    -------
    Neighbours
    """
    from sklearn.neighbors import NearestNeighbors

    n = len(features)
    wanted = min(count, n - 1)
    if wanted < 1:
        return Neighbours(np.zeros((n, 0), np.int32), np.zeros((n, 0), np.float32))
    reduced = _reduced(features)
    search = NearestNeighbors(n_neighbors=wanted + 1, algorithm="brute").fit(reduced)
    rows, similarities = [], []
    for start in range(0, n, _BLOCK):
        stop = min(start + _BLOCK, n)
        kept = None if partial is None else partial / f"{start}-{wanted}.npz"
        found = _read(kept)
        if found is None:
            near = search.kneighbors(reduced[start:stop], return_distance=False)
            found = _sorted(features, start, _without_self(near, start))
            _write(kept, found)
        rows.append(found.rows)
        similarities.append(found.similarities)
        progress(stop, n, _NOTE)
    return Neighbours(np.concatenate(rows), np.concatenate(similarities))


def oddness(neighbours: Neighbours, *, count: int = 10) -> NDArray[np.float64]:
    """How far each image lies from all others.

    Parameters
    ----------
    neighbours : Neighbours
    count : int
        Mean over so many nearest images, so that a copy or two does not make an image usual.

    Returns
    -------
    ndarray of shape (n,)
        Mean of 1 − cosine; larger is odder. 0 where there is one image only.
    """
    nearest_few = neighbours.similarities[:, :count]
    if not nearest_few.shape[1]:
        return np.zeros(len(nearest_few))
    return np.asarray(1 - nearest_few.mean(axis=1, dtype=np.float64))


def _reduced(features: NDArray[np.floating]) -> Floats:
    """Unit rows in their leading principal directions (n, ≤ 256)."""
    n, p = features.shape
    if p <= _DIMENSIONS:
        return _unit(np.asarray(features))
    fit = np.random.default_rng(0).permutation(n)[:_FIT]
    gram = np.zeros((p, p), dtype=np.float64)
    for start in range(0, len(fit), _BLOCK):
        some = _unit(features[np.sort(fit[start : start + _BLOCK])])
        gram += some.T @ some
    directions = np.linalg.eigh(gram)[1][:, -_DIMENSIONS:].astype(np.float32)
    blocks = [_unit(features[i : i + _BLOCK]) @ directions for i in range(0, n, _BLOCK)]
    return np.concatenate(blocks)


def _unit(rows: NDArray[np.floating]) -> Floats:
    some = np.asarray(rows, dtype=np.float32)
    return np.asarray(some / np.maximum(np.linalg.norm(some, axis=1, keepdims=True), 1e-12))


def _without_self(near: NDArray[np.integer], start: int) -> Indices:
    """Drop each image from its own list; the last one where copies crowd it out."""
    own = np.arange(start, start + len(near))[:, None]
    drop = near == own
    drop[~drop.any(axis=1), -1] = True
    return np.asarray(near[~drop].reshape(len(near), -1), dtype=np.int32)


def _sorted(features: NDArray[np.floating], start: int, near: Indices) -> Neighbours:
    """True similarities of candidates, most similar first."""
    similar = np.empty(near.shape, dtype=np.float32)
    for i in range(0, len(near), 128):
        own = _unit(features[start + i : start + i + 128][: len(near) - i])
        others = near[i : i + 128]
        distinct, where = np.unique(others, return_inverse=True)
        theirs = _unit(features[distinct])[where.reshape(others.shape)]
        similar[i : i + 128] = np.einsum("ip,ikp->ik", own, theirs)
    order = np.argsort(-similar, axis=1, kind="stable")
    return Neighbours(
        np.take_along_axis(near, order, axis=1), np.take_along_axis(similar, order, axis=1)
    )


def _read(path: Path | None) -> Neighbours | None:
    if path is None:
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            return Neighbours(stored["rows"], stored["similarities"])
    except (OSError, ValueError, KeyError, EOFError):
        return None


def _write(path: Path | None, found: Neighbours) -> None:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            np.savez(file, rows=found.rows, similarities=found.similarities)
