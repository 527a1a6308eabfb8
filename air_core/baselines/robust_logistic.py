"""RoLR: robust logistic regression of Feng, Xu, Mannor and Yan (NIPS 2014).

Their estimator maximises the trimmed sum of agreements ``Σ_{i≤m} [y ⟨β, x⟩]_(i)`` over the unit
ball, the m smallest of all n: a row that agrees very much, as a gross outlier can be made to, has
no pull. As a linear programme over the trimming weights it is

    max_{‖β‖≤1} min_t Σ_i t_i y_i ⟨β, x_i⟩  =  min_t ‖Σ_i t_i y_i x_i‖,   0 ≤ t_i ≤ 1, Σ t_i = m,

whose right side is solved here, by conditional gradients: each step needs only the m rows that
agree least, and the difference of both sides certifies what has been reached.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf_shrinkage

from air_core.baselines.newton import Basis, decompose, fit_linear, some_rows
from air_core.baselines.softmax import split_rows
from air_core.baselines.targets import labelled_rows, one_hot
from air_core.progress import ProgressCallback, silent

Floats = NDArray[np.float32]

SHARES = (0.0, 0.1, 0.2, 0.3, 0.5)
"""Upper bounds on the share of outliers that are tried."""

_WHAT = "Fitting robust logistic regression"
_FEWEST = 5  # fewer labels do not tell bounds apart
_ENTRIES = 2**26  # of agreements held at a time: four arrays of 256 MB
_FAR = 4.0  # rows so many times as long as the median row are taken out beforehand


@dataclass(frozen=True, slots=True)
class RobustResult:
    """A fitted RoLR, one classifier for each class against the rest.

    Parameters
    ----------
    coef : ndarray of shape (p, C), intercept : ndarray of shape (C,)
        For the features as given. Directions are RoLR's; the length and intercept of each, which
        it leaves open, are those of a logistic regression on its one projection.
    decision : ndarray of shape (n, C), dtype float32
        Log-odds.
    outliers : float
        The chosen bound on the share of outliers.
    loss_by_outliers : dict of float to float
        Share of given labels missed on a held-out fifth.
    gap : float
        Largest relative duality gap of the directions.
    """

    coef: NDArray[Any]
    intercept: NDArray[Any]
    decision: Floats
    outliers: float
    loss_by_outliers: dict[float, float]
    gap: float


def robust_logistic(
    features: NDArray[np.floating],
    targets: NDArray[Any],
    *,
    n_classes: int,
    shares: Sequence[float] = SHARES,
    seed: int = 0,
    iterations: int = 200,
    progress: ProgressCallback = silent,
    basis: Basis | None = None,
) -> RobustResult:
    """Fit RoLR one class against the rest, for single labels or for tags.

    Its theory is of features with independent directions: they are whitened first, with the
    covariance shrunk as Ledoit and Wolf do.

    Parameters
    ----------
    features : ndarray of shape (n, p)
    targets : ndarray of shape (n,) or (n, C)
        Class indices, −1 unlabelled; or tags 1 and 0, rows of −1 unlabelled. Unlabelled images
        are left out of the fit but get scores.
    n_classes : int
    shares : sequence of float in [0, 1)
        Bounds on the share of outliers; with more than one, the best on a held-out fifth of the
        given labels.
    seed, iterations : int
    progress : callable
    basis : Basis, optional
        The features as :func:`~air_core.baselines.newton.decompose` turns them, if that was done.

    Raises
    ------
    SolverError
        If fewer than two images are labelled, or all alike.
    """
    wanted = one_hot(targets, n_classes)
    labelled = labelled_rows(wanted)
    basis = basis or decompose(features)
    shrunk = ledoit_wolf_shrinkage(basis.rows[labelled], assume_centered=True)
    spread = (1 - shrunk) * basis.values + shrunk * basis.values.mean()
    stretch = (1 / np.sqrt(spread)).astype(np.float32)
    white = basis.rows * stretch
    lengths = np.linalg.norm(white, axis=1)
    near = labelled[lengths[labelled] <= _FAR * np.median(lengths[labelled])]

    def fit(rows: NDArray[np.intp], bounds: Sequence[float], done: int) -> tuple[Floats, float]:
        """Directions (p, bounds · C) for each bound and class, and the largest gap."""
        signs = np.tile(2 * wanted[rows] - 1, len(bounds))
        each = np.repeat(bounds, wanted.shape[1])

        def report(share_done: float) -> None:
            progress(done + int(share_done * len(bounds)), len(compared) + 1, _WHAT)

        found, gaps = trimmed_directions(white[rows], signs, each, iterations, report)
        return found, float(gaps.max())

    tags = targets.ndim == 2
    compared = list(shares) if len(shares) > 1 and len(near) >= _FEWEST else []
    kept, held = split_rows(targets, near, 5, seed)[0] if compared else (near, near[:0])
    losses: dict[float, float] = {}
    # Several at a time: a product with five times the columns takes twice as long.
    together = max(1, _ENTRIES // max(len(kept) * wanted.shape[1], 1))
    for first in range(0, len(compared), together):
        bounds = compared[first : first + together]
        directions, _ = fit(kept, bounds, first)
        for share, of_share in zip(bounds, np.split(directions, len(bounds), 1), strict=True):
            decision = _log_odds(white @ of_share, wanted, kept)[0][held]
            if tags:
                losses[share] = float(((decision > 0) != wanted[held]).mean())
            else:
                missed = decision.argmax(axis=1) != wanted[held].argmax(axis=1)
                losses[share] = float(missed.mean())
    chosen = min(losses, key=lambda share: (losses[share], share)) if losses else shares[0]
    directions, gap = fit(near, [chosen], len(compared))
    decision, length, intercept = _log_odds(white @ directions, wanted, near)
    progress(len(compared) + 1, len(compared) + 1, _WHAT)
    coef, offset = basis.unrotated(
        np.vstack([directions * length * stretch[:, None], intercept]).astype(np.float64)
    )
    return RobustResult(coef, offset, decision, chosen, losses, gap)


def trimmed_directions(
    rows: Floats,
    signs: NDArray[np.floating],
    share: float | NDArray[np.floating],
    iterations: int = 200,
    report: Callable[[float], None] = lambda done: None,
) -> tuple[Floats, Floats]:
    """Unit vectors of the largest trimmed agreement, and their relative duality gaps.

    Parameters
    ----------
    rows : ndarray of shape (n, p)
        Zero mean, whitened.
    signs : ndarray of shape (n, K)
        +1 or −1; each column is a problem of its own.
    share : float or ndarray of shape (K,)
        Of rows that are trimmed, those that agree most.
    iterations : int
    report : callable
        Told after each iteration what share of them is done; may raise.

    Returns
    -------
    directions : ndarray of shape (p, K)
    gaps : ndarray of shape (K,)

    Examples
    --------
    >>> x = np.array([[1.0, 0.0], [-1.0, 0.1], [1.0, -0.1], [40.0, 0.0]])
    >>> beta, gaps = trimmed_directions(x, np.array([[1, -1, 1, -1]]).T, share=0.0)
    >>> bool(beta[0, 0] > 0)  # one outlier turns it round
    False
    """
    signs = signs.astype(rows.dtype)
    n = len(rows)
    kept = np.maximum(1, n - (np.broadcast_to(share, signs.shape[1]) * n).astype(np.intp))
    pulls = (rows.T @ signs) * (kept / n).astype(rows.dtype)
    # A class that all rows have, or none, has no direction.
    apart = (signs != signs[0]).any(axis=0)
    pulls[:, ~apart] = 0.0
    gaps = np.where(apart, np.inf, 0.0)
    active = np.flatnonzero(apart)
    for iteration in range(iterations):
        report(iteration / iterations)
        lengths = np.linalg.norm(pulls[:, active], axis=0)
        active, lengths = active[lengths > 0], lengths[lengths > 0]
        if not len(active):
            break
        agreement = _times(rows, pulls[:, active] / lengths) * signs[:, active]
        least = np.ones_like(agreement)
        for count in np.unique(kept[active]):
            if count < n:
                columns = np.flatnonzero(kept[active] == count)
                most = np.argpartition(agreement[:, columns], count - 1, axis=0)[count:]
                least[most, columns] = 0.0
        gaps[active] = np.maximum(0.0, 1 - (agreement * least).sum(axis=0) / lengths)
        wide = gaps[active] >= 1e-3
        active = active[wide]
        if not len(active):
            break
        steps = _adjoint(rows, least[:, wide] * signs[:, active]) - pulls[:, active]
        along = -(pulls[:, active] * steps).sum(axis=0) / np.square(steps).sum(axis=0)
        pulls[:, active] += np.clip(along, 0, 1) * steps
    lengths = np.linalg.norm(pulls, axis=0)
    return (pulls / np.where(lengths > 0, lengths, 1.0)).astype(np.float32), gaps


def _times(rows: Floats, w: Floats) -> Floats:
    found = np.empty((len(rows), w.shape[1]), dtype=rows.dtype)
    for part in some_rows(len(rows), w.size):
        np.matmul(rows[part], w, out=found[part])
    return found


def _adjoint(rows: Floats, r: Floats) -> Floats:
    found = np.zeros((r.shape[1], rows.shape[1]), dtype=rows.dtype)
    for part in some_rows(len(rows), found.size):
        found += r[part].T @ rows[part]
    return found.T


def _log_odds(
    projected: Floats, wanted: Floats, rows: NDArray[np.intp]
) -> tuple[Floats, Floats, Floats]:
    """Log-odds (n, C) of each class by its one projection, with slopes and intercepts."""
    slopes, offsets = [], []
    for one, column in zip(projected.T, wanted.T, strict=True):
        basis = decompose(one[:, None])
        weights = fit_linear(basis, column[:, None], rows, 1.0, tags=True)
        slope, offset = basis.unrotated(weights)
        slopes.append(max(float(slope[0, 0]), 0.0))
        offsets.append(float(offset[0]))
    slope_, offset_ = np.array(slopes, np.float32), np.array(offsets, np.float32)
    return projected * slope_ + offset_, slope_, offset_
