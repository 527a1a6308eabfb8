"""From features to places on the plane."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from air_core.errors import SolverError
from air_core.progress import ProgressCallback, silent
from air_core.projection.settings import METHODS, MapSettings

# Both methods work on distances; 50 principal components keep them and drop the noise.
COMPONENTS = 50
TSNE_ITERATIONS = 750
UMAP_EPOCHS = 300
# Principal axes of some 20,000 images are those of a million, and the million stays on disk.
_AXES_FROM = 20_000
_BLOCK = 10_000
_EVERY = 10
_SETTLE = 50

Place = Callable[[NDArray[np.float32]], NDArray[Any]]


def project(
    features: NDArray[np.floating],
    settings: MapSettings | None = None,
    *,
    progress: ProgressCallback = silent,
) -> NDArray[np.float32]:
    """Project features to the plane.

    Parameters
    ----------
    features : ndarray of shape (n, p)
        May be memory-mapped; read in blocks.
    settings : MapSettings, optional
        The same features and settings give the same map on the same machine.
    progress : callable
        May raise :class:`~air_core.errors.Cancelled`. Finding neighbours reports nothing
        meanwhile; :func:`~air_core.projection.process.project_apart` stops at once all the same.

    Returns
    -------
    ndarray of shape (n, 2), dtype float32

    Raises
    ------
    SolverError
        For fewer than four images or features that are not finite.
    """
    settings = settings or MapSettings()
    n = len(features)
    if n < 4:
        raise SolverError(f"Expected at least 4 images for a map, got {n}.")
    rng = np.random.default_rng(settings.seed)
    reduced = _reduce(features, rng, progress)
    drawn = np.arange(n)
    if settings.sample is not None and settings.sample < n:
        drawn = np.sort(rng.choice(n, settings.sample, replace=False))
    run = _tsne if settings.method == "tsne" else _umap
    share = 90 if len(drawn) < n else 99

    def part(done: int, total: int, note: str) -> None:
        progress(10 + (share - 10) * done // total, 100, note)

    layout = np.empty((n, 2), dtype=np.float32)
    layout[drawn], place = run(reduced[drawn], settings, part)
    rest = np.setdiff1d(np.arange(n), drawn, assume_unique=True)
    for start in range(0, len(rest), _BLOCK):
        progress(90 + 9 * start // len(rest), 100, "Placing the other images")
        rows = rest[start : start + _BLOCK]
        layout[rows] = place(reduced[rows])
    progress(100, 100, f"{METHODS[settings.method]} map")
    return layout


def _reduce(
    features: NDArray[np.floating], rng: np.random.Generator, progress: ProgressCallback
) -> NDArray[np.float32]:
    """Principal components (n, ≤ 50) of the features at unit norm.

    The angle between two images says more than their lengths.
    """
    from sklearn.decomposition import PCA

    n, p = features.shape
    progress(0, 100, "Reading features")
    drawn = np.arange(n) if n <= _AXES_FROM else np.sort(rng.choice(n, _AXES_FROM, replace=False))
    sample = _unit(features[drawn])
    if not np.isfinite(sample).all():
        raise SolverError("Expected finite features, got some that are not.")
    components = min(COMPONENTS, n - 1, p)
    solver = "covariance_eigh" if len(drawn) > p else "full"
    axes = PCA(components, svd_solver=solver).fit(sample)
    blocks = []
    for start in range(0, n, _BLOCK):
        progress(1 + 9 * start // n, 100, "Reading features")
        blocks.append(axes.transform(_unit(features[start : start + _BLOCK])))
    return np.concatenate(blocks).astype(np.float32)


def _unit(rows: NDArray[np.floating]) -> NDArray[np.float32]:
    rows = np.asarray(rows, dtype=np.float32)  # squares of float16 overflow from 256 on
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    found: NDArray[np.float32] = rows / np.maximum(norms, np.finfo(np.float32).tiny)
    return found


def _tsne(
    reduced: NDArray[np.float32], settings: MapSettings, progress: ProgressCallback
) -> tuple[NDArray[Any], Place]:
    from openTSNE import TSNE

    progress(0, 100, "Finding neighbours")
    iterations = 0

    def report(_iteration: int, _error: float, _embedding: object) -> None:
        nonlocal iterations
        iterations += _EVERY
        progress(
            30 + 70 * min(iterations, TSNE_ITERATIONS) // TSNE_ITERATIONS,
            100,
            f"t-SNE, step {min(iterations, TSNE_ITERATIONS)} of {TSNE_ITERATIONS}",
        )

    early = TSNE_ITERATIONS // 3
    fitted = TSNE(
        perplexity=min(settings.perplexity, (len(reduced) - 1) / 3),
        early_exaggeration_iter=early,
        n_iter=TSNE_ITERATIONS - early,
        initialization="pca",
        random_state=settings.seed,
        n_jobs=-1,
        callbacks=report,
        callbacks_every_iters=_EVERY,
    ).fit(reduced.astype(np.float64))

    def place(rows: NDArray[np.float32]) -> NDArray[Any]:
        # Each moves among the images laid out only, so blocks do not depend on each other.
        return np.asarray(fitted.transform(rows.astype(np.float64), perplexity=5, n_iter=_SETTLE))

    return np.asarray(fitted), place


class _EpochLog:
    """A file that UMAP's progress bar writes to: turns "12/300" into progress calls."""

    def __init__(self, progress: ProgressCallback) -> None:
        self.progress = progress

    def write(self, text: str) -> None:
        match = re.search(r"(\d+)/(\d+)", text)
        if match and (total := int(match[2])):
            done = int(match[1])
            self.progress(30 + 70 * done // total, 100, f"UMAP, epoch {done} of {total}")

    def flush(self) -> None:
        """Nothing is buffered."""


def _umap(
    reduced: NDArray[np.float32], settings: MapSettings, progress: ProgressCallback
) -> tuple[NDArray[Any], Place]:
    progress(0, 100, "Getting UMAP ready")
    with warnings.catch_warnings():
        # Its optional TensorFlow part and its single thread under a fixed seed are known to us.
        warnings.simplefilter("ignore")
        from umap import UMAP

        progress(1, 100, "Finding neighbours")
        reducer = UMAP(
            n_neighbors=min(settings.n_neighbors, len(reduced) - 1),
            min_dist=settings.min_dist,
            n_epochs=UMAP_EPOCHS,
            random_state=settings.seed,
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
        layout = np.asarray(reducer.fit_transform(reduced))

    def place(rows: NDArray[np.float32]) -> NDArray[Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reducer.tqdm_kwds = {"disable": True}
            return np.asarray(reducer.transform(rows))

    return layout, place
