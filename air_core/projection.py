"""Features to a map of two dimensions, by t-SNE or UMAP."""

from __future__ import annotations

import re
import warnings
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from air_core.errors import SolverError
from air_core.progress import ProgressCallback, silent

Method = Literal["tsne", "umap"]
METHODS: dict[str, str] = {"umap": "UMAP", "tsne": "t-SNE"}
# Both methods work on distances; 50 principal components keep them and drop the noise.
COMPONENTS = 50
TSNE_ITERATIONS = 750
UMAP_EPOCHS = 300


def project(
    features: NDArray[np.floating],
    method: Method = "umap",
    *,
    seed: int = 0,
    progress: ProgressCallback = silent,
) -> NDArray[np.float32]:
    """Project features to the plane.

    Parameters
    ----------
    features : ndarray of shape (n, p)
    method : {"umap", "tsne"}
    seed : int
        The same features and seed give the same map on the same machine.
    progress : callable
        May raise :class:`~air_core.errors.Cancelled`.

    Returns
    -------
    ndarray of shape (n, 2), dtype float32

    Raises
    ------
    SolverError
        For an unknown method or fewer than four images.
    """
    if method not in METHODS:
        raise SolverError(f"Expected a projection among {', '.join(METHODS)}, got {method!r}.")
    n, p = features.shape
    if n < 4:
        raise SolverError(f"Expected at least 4 images for a map, got {n}.")
    progress(0, 100, "Preparing the map")
    components = min(COMPONENTS, n - 1, p)
    # Rows at unit norm: the angle between two images says more than their lengths.
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    reduced = PCA(components, random_state=seed, svd_solver="randomized").fit_transform(
        features / np.maximum(norms, np.finfo(np.float32).tiny)
    )
    run = _tsne if method == "tsne" else _umap
    layout = run(reduced, seed, progress)
    progress(100, 100, f"{METHODS[method]} map")
    return np.ascontiguousarray(layout, dtype=np.float32)


def _tsne(reduced: NDArray[np.floating], seed: int, progress: ProgressCallback) -> NDArray[Any]:
    from openTSNE import TSNE

    iterations = 0

    def report(_iteration: int, _error: float, _embedding: object) -> None:
        nonlocal iterations
        iterations += _EVERY
        progress(min(99, 100 * iterations // TSNE_ITERATIONS), 100, "t-SNE map")

    tsne = TSNE(
        perplexity=min(30, (len(reduced) - 1) / 3),
        early_exaggeration_iter=TSNE_ITERATIONS // 3,
        n_iter=TSNE_ITERATIONS - TSNE_ITERATIONS // 3,
        initialization="pca",
        random_state=seed,
        n_jobs=-1,
        callbacks=report,
        callbacks_every_iters=_EVERY,
    )
    return np.asarray(tsne.fit(reduced.astype(np.float64)))


_EVERY = 10


class _EpochLog:
    """A file that UMAP's progress bar writes to: turns "12/300" into progress calls."""

    def __init__(self, progress: ProgressCallback) -> None:
        self.progress = progress

    def write(self, text: str) -> None:
        match = re.search(r"(\d+)/(\d+)", text)
        if match:
            done, total = int(match[1]), int(match[2])
            self.progress(min(99, 100 * done // max(total, 1)), 100, "UMAP map")

    def flush(self) -> None:
        """Nothing is buffered."""


def _umap(reduced: NDArray[np.floating], seed: int, progress: ProgressCallback) -> NDArray[Any]:
    with warnings.catch_warnings():
        # Its optional TensorFlow part and its single thread under a fixed seed are known to us.
        warnings.simplefilter("ignore")
        from umap import UMAP

        reducer = UMAP(
            n_neighbors=min(15, len(reduced) - 1),
            n_epochs=UMAP_EPOCHS,
            random_state=seed,
            init="pca",
            tqdm_kwds={
                "file": _EpochLog(progress),
                "bar_format": "{n_fmt}/{total_fmt}",
                "disable": False,
                # Every few epochs, however fast they pass: a cancel must get through.
                "mininterval": 0.0,
                "miniters": 5,
            },
        )
        return np.asarray(reducer.fit_transform(reduced))
