"""Neighbours of many images along a graph of like ones, instead of comparing all with all.

It takes faiss, which the extra ``neighbours`` brings.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from air_core.progress import ProgressCallback, silent

Floats = NDArray[np.float32]

EXACT_UP_TO = 100_000
"""Images that are all compared with each other: twice as many take four times as long."""

LOOKED_AT = 256
"""Candidates kept on the way: more find more of the nearest, and take longer."""

_LINKS, _LOOKED_AT_BUILDING = 32, 80
_BLOCK = 8192


def is_there() -> bool:
    """Whether faiss is installed."""
    return importlib.util.find_spec("faiss") is not None


class LikeGraph:
    """A hierarchical navigable small world (Malkov and Yashunin) of rows.

    The same rows always give the same answers: it is built by one thread, since several would
    link rows in the order in which they happen to arrive.

    Parameters
    ----------
    unit : ndarray of shape (n, p), dtype float32
        Of length one; copied.
    progress : callable
    """

    def __init__(self, unit: Floats, *, progress: ProgressCallback = silent) -> None:
        import faiss

        n, p = unit.shape
        self._index: Any = faiss.IndexHNSWFlat(p, _LINKS, faiss.METRIC_INNER_PRODUCT)
        self._index.hnsw.efConstruction = _LOOKED_AT_BUILDING
        with _one_thread(faiss):
            for start in range(0, n, _BLOCK):
                progress(start, n, "Linking images that are alike")
                self._index.add(unit[start : start + _BLOCK])

    def nearest(
        self, questions: Floats, k: int, *, progress: ProgressCallback = silent
    ) -> tuple[NDArray[np.intp], Floats]:
        """Rows and cosines (m, k) of the largest found, largest first; −1 where there are fewer."""
        m = len(questions)
        self._index.hnsw.efSearch = max(LOOKED_AT, 2 * k)
        rows, cosines = np.empty((m, k), np.intp), np.empty((m, k), np.float32)
        for start in range(0, m, _BLOCK):
            progress(start, m, "Finding the images most alike")
            part = slice(start, start + _BLOCK)
            cosines[part], rows[part] = self._index.search(questions[part], k)
        return rows, cosines


@contextmanager
def _one_thread(faiss: Any) -> Iterator[None]:
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)
