"""Images that show the same picture, and images that show something else than all others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from air_core.duplicates.copies import look_at
from air_core.duplicates.neighbours import Neighbours
from air_core.progress import ProgressCallback, silent

RULES: tuple[tuple[float, int], ...] = ((0.5, 10), (0.35, 14))
"""A pair is a copy if, for one of these, its features are at most so far apart as a share of the
way to an ordinary neighbour, and its hashes differ in at most so many of 64 bits. Measured in
``docs/noise.md``: natural images that are no copies differ in 18 bits or more."""

# Many copies of one picture crowd out its ordinary neighbours; the rest of the images says how
# far those would be.
_FLOOR = 0.25
_WIDEST = max(share for share, _ in RULES)


@dataclass(frozen=True, slots=True)
class Group:
    """Images that are copies of each other.

    Parameters
    ----------
    rows : tuple of int
        In the dataset's order.
    exact : bool
        Whether all files are the same, byte for byte.
    conflicting : bool
        Whether their given labels differ, unlabelled images aside.
    """

    rows: tuple[int, ...]
    exact: bool
    conflicting: bool


def find_pairs(
    neighbours: Neighbours,
    digests: Sequence[str],
    load: Callable[[int], Image.Image],
    *,
    progress: ProgressCallback = silent,
) -> NDArray[np.intp]:
    """Pairs of rows that show the same picture.

    Equal files are pairs. Of other neighbours, those are that lie much closer together than
    neighbours usually do here *and* whose perceptual hashes agree, as they are or mirrored
    (:data:`RULES`). Either alone fails: digits look alike to a hash, and two photographs of one
    car to a network.

    Parameters
    ----------
    neighbours : Neighbours
    digests : sequence of str
        Of the files' contents.
    load : callable
        Opens the picture of a row, small; called for candidates only.
    progress : callable

    Returns
    -------
    ndarray of shape (m, 2)
        Smaller row first, each pair once.
    """
    n, k = neighbours.rows.shape
    equal = _equal_files(digests)
    if not k:
        return equal
    left = np.repeat(np.arange(n), k)
    right = neighbours.rows.ravel().astype(np.intp)
    distance = 1 - neighbours.similarities
    usual = np.maximum(distance[:, -1], _FLOOR * np.median(distance[:, -1]))
    share = distance.ravel() / np.maximum(np.minimum(usual[left], usual[right]), 1e-12)
    close = share <= _WIDEST
    left, right, share = left[close], right[close], share[close]
    rows = np.unique(np.concatenate([left, right]))
    looks = look_at(rows.tolist(), load, progress=progress)
    bits = looks.distances(np.searchsorted(rows, left), np.searchsorted(rows, right))
    copies = np.zeros(len(left), dtype=bool)
    for widest, most in RULES:
        copies |= (share <= widest) & (bits <= most)
    pairs = np.stack([np.minimum(left, right), np.maximum(left, right)], axis=1)[copies]
    return np.unique(np.concatenate([equal, pairs]), axis=0)


def group(
    pairs: NDArray[np.integer],
    digests: Sequence[str],
    labels: Sequence[str | None],
) -> list[Group]:
    """Join pairs into groups: those whose labels conflict first, then the larger ones.

    Parameters
    ----------
    pairs : ndarray of shape (m, 2)
    digests, labels : sequence
        Of every row; a label is None where there is none.

    Examples
    --------
    >>> group(np.array([[0, 2], [2, 3]]), ["a", "b", "a", "c"], ["cat", None, "dog", "cat"])
    [Group(rows=(0, 2, 3), exact=False, conflicting=True)]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(digests)
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    _, member = connected_components(graph, directed=False)
    rows = np.unique(pairs)
    order = rows[np.argsort(member[rows], kind="stable")]
    cuts = np.flatnonzero(np.diff(member[order])) + 1
    found = [
        Group(
            rows=tuple(part.tolist()),
            exact=len({digests[row] for row in part}) == 1,
            conflicting=len({labels[row] for row in part} - {None}) > 1,
        )
        for part in np.split(order, cuts)
        if len(part)
    ]
    return sorted(found, key=lambda one: (not one.conflicting, -len(one.rows), one.rows))


def _equal_files(digests: Sequence[str]) -> NDArray[np.intp]:
    """Each file with the first one that is equal to it."""
    first: dict[str, int] = {}
    pairs = [
        (first[digest], row)
        for row, digest in enumerate(digests)
        if first.setdefault(digest, row) != row
    ]
    return np.array(pairs, dtype=np.intp).reshape(-1, 2)
