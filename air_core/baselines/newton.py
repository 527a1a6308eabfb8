"""Linear models on features in the eigenvectors of their covariance, where few steps suffice.

The curvature of a softmax loss is bounded by that of least squares. In the eigenvectors of XᵀX it
is diagonal, so that dividing each direction by the root of its bound makes L-BFGS converge in tens
of steps where it would take hundreds on the features as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize
from scipy.special import expit

Floats = NDArray[np.float32]

# Products of up to so many multiplications NumPy's OpenBLAS computes without copying what it
# multiplies, on one thread (AVX-512; no harm was seen elsewhere, but not measured either).
_SMALL = 10**6
_FEWEST_ROWS = 24
_MANY_ROWS = 1024


@dataclass(frozen=True, slots=True)
class Basis:
    """Centred features of mean row norm 1 in the eigenvectors of their covariance.

    Parameters
    ----------
    rows : ndarray of shape (n, r), dtype float32
    values : ndarray of shape (r,), dtype float64
        Mean square of each column, largest first.
    vectors : ndarray of shape (p, r), dtype float32
    mean : ndarray of shape (p,), dtype float32
    scale : float
        ``rows = (features / scale − mean) @ vectors``.
    """

    rows: Floats
    values: NDArray[np.float64]
    vectors: Floats
    mean: Floats
    scale: float

    def scores(self, weights: NDArray[Any], rows: Any) -> Floats:
        """Decision values (len(rows), C) of weights (r + 1, C), the last row the intercepts."""
        picked = self.rows[rows] @ weights[:-1].astype(np.float32)
        return np.asarray(picked + weights[-1].astype(np.float32), dtype=np.float32)

    def unrotated(self, weights: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Coefficients for the features as given, and intercepts."""
        coef = self.vectors.astype(np.float64) @ weights[:-1]
        return coef / self.scale, weights[-1] - self.mean @ coef


@dataclass(frozen=True, slots=True)
class HingeFit:
    """Linear SVMs, one a column.

    Parameters
    ----------
    weights : ndarray of shape (r + 1, K)
        In a basis, the last row the intercepts there: see :meth:`Basis.scores`.
    coef : ndarray of shape (p, K), intercept : ndarray of shape (K,)
        For the features as given.
    converged : bool
        Whether the gradient is within ten times the tolerance: single precision ends there.
    """

    weights: NDArray[np.float64]
    coef: NDArray[np.float64]
    intercept: NDArray[np.float64]
    converged: bool


def decompose(features: NDArray[np.floating]) -> Basis:
    """Rotate features (n, p); nothing but rounding is lost."""
    x = np.asarray(features, dtype=np.float32)
    scale = float(np.linalg.norm(x, axis=1).mean(dtype=np.float64)) or 1.0
    x = x / np.float32(scale)
    mean = x.mean(axis=0, dtype=np.float64).astype(np.float32)
    x -= mean
    n, p = x.shape
    if p <= n:
        values, vectors = np.linalg.eigh((x.T @ x).astype(np.float64) / n)
        kept = values > 1e-9 * max(float(values[-1]), 1e-12)
        values, vectors = values[kept][::-1], vectors[:, kept][:, ::-1]
    else:
        values, left = np.linalg.eigh((x @ x.T).astype(np.float64) / n)
        kept = values > 1e-7 * max(float(values[-1]), 1e-12)
        values, left = values[kept][::-1], left[:, kept][:, ::-1]
        vectors = x.T @ (left / np.sqrt(values * n))
    basis = np.ascontiguousarray(vectors, dtype=np.float32)
    return Basis(x @ basis, np.ascontiguousarray(values), basis, mean, scale)


def fit_linear(
    basis: Basis,
    wanted: Floats,
    rows: NDArray[np.intp],
    penalty: float,
    *,
    tags: bool = False,
    start: NDArray[Any] | None = None,
    tolerance: float = 1e-4,
    max_iterations: int = 500,
) -> NDArray[np.float64]:
    """Weights (r + 1, C) of the least ``Σ_i loss + penalty ‖W‖² / 2`` over some rows.

    Parameters
    ----------
    basis : Basis
    wanted : ndarray of shape (n, C)
        Shares of each class, or tags.
    rows : ndarray of intp
    penalty : float
    tags : bool
        A logistic loss for each column, instead of one softmax over all.
    start : ndarray of shape (r + 1, C), optional
        Weights of a problem nearby.
    tolerance : float
        Largest entry of the gradient of the mean loss, preconditioned.
    max_iterations : int
    """
    z, y = basis.rows[rows], wanted[rows]
    n, classes = len(z), wanted.shape[1]
    ridge = penalty / n
    bound = 0.25 if tags else 0.5
    shrink = 1 / np.sqrt(np.append(bound * basis.values + ridge, bound))[:, None]
    decay = np.append(np.full(len(basis.values), ridge), 0.0)[:, None]

    def of_rows(scores: Floats, part: slice) -> tuple[float, Floats]:
        if tags:
            value = np.logaddexp(0, scores) - y[part] * scores
            return float(value.sum(dtype=np.float64)), expit(scores) - y[part]
        scores -= scores.max(axis=1, keepdims=True)
        chances = np.exp(scores)
        total = chances.sum(axis=1, keepdims=True)
        value = np.log(total).sum(dtype=np.float64) - (y[part] * scores).sum(dtype=np.float64)
        chances /= total
        chances -= y[part]
        return float(value), chances

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = parameters.reshape(-1, classes) * shrink
        value, slope = _swept(z, weights, of_rows)
        slope += decay * weights
        return value + 0.5 * float((decay * weights**2).sum()), (slope * shrink).ravel()

    first = np.zeros((len(shrink), classes)) if start is None else start / shrink
    found = _searched(loss, first, maxiter=max_iterations, gtol=tolerance, ftol=1e-9)
    return np.asarray(found.x.reshape(-1, classes) * shrink)


def fit_squared_hinge(
    basis: Basis,
    signs: NDArray[np.floating],
    rows: NDArray[np.intp],
    inverse_strength: float,
    *,
    start: HingeFit | None = None,
    tolerance: float = 1e-4,
    max_iterations: int = 500,
) -> HingeFit:
    """The linear SVM of each column, as liblinear defines it: ``LinearSVC`` of scikit-learn.

    ``‖w‖² / 2 + b² / 2 + C Σ_i max(0, 1 − s_i (x_i w + b))²`` on features of mean row norm 1; the
    intercept is penalised as a weight of a constant feature.

    Parameters
    ----------
    basis : Basis
    signs : ndarray of shape (n, K)
        +1 or −1.
    rows : ndarray of intp
    inverse_strength : float
        C.
    start : HingeFit, optional
        Weights of a problem nearby.
    tolerance : float
        Largest entry of the gradient of the mean loss, preconditioned.
    max_iterations : int
    """
    z, s = basis.rows[rows], signs[rows].astype(np.float32)
    n, columns = s.shape
    ridge = 1 / (2 * inverse_strength * n)
    # The mean has a part among the directions that rows differ in, and one at right angles: a
    # weight along that one is an intercept too, and shares the penalty with b.
    within = (basis.mean @ basis.vectors).astype(np.float64)
    beyond = basis.mean - basis.vectors @ within.astype(np.float32)
    room = 1 + float(beyond @ beyond)
    shrink = 1 / np.sqrt(np.append(basis.values + 2 * ridge, 1.0))[:, None]

    def of_rows(scores: Floats, part: slice) -> tuple[float, Floats]:
        short = 1 - s[part] * scores
        np.maximum(short, 0, out=short)
        return float(np.square(short, dtype=np.float64).sum()), short * (-2 * s[part])

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = parameters.reshape(-1, columns) * shrink
        offset = (weights[-1] - within @ weights[:-1]) / room
        value, slope = _swept(z, weights, of_rows)
        value += ridge * float((weights[:-1] ** 2).sum() + room * (offset**2).sum())
        slope[:-1] += 2 * ridge * (weights[:-1] - np.outer(within, offset))
        slope[-1] += 2 * ridge * offset
        return value, (slope * shrink).ravel()

    first = np.zeros((len(shrink), columns)) if start is None else start.weights / shrink
    found = _searched(loss, first, maxiter=max_iterations, gtol=tolerance, ftol=1e-5 * tolerance)
    weights = found.x.reshape(-1, columns) * shrink
    offset = (weights[-1] - within @ weights[:-1]) / room
    coef = basis.vectors.astype(np.float64) @ weights[:-1] + np.outer(beyond, offset)
    reached = float(np.abs(found.jac).max()) <= 10 * tolerance
    return HingeFit(weights, coef / basis.scale, offset, reached)


Loss = Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]


def _searched(loss: Loss, first: NDArray[np.float64], **options: float) -> OptimizeResult:
    """L-BFGS from ``first``.

    SciPy brings a BLAS of its own. Its threads, for the few sums of the search, and NumPy's, for
    the products, wait for each other: on two cores a fit of fifty classes took 26 s instead of 8.
    """
    from threadpoolctl import ThreadpoolController

    pools = ThreadpoolController()
    its_own = [
        pool["filepath"]
        for pool in pools.info()
        if {"scipy", "scipy.libs"} & set(Path(pool["filepath"]).parts)
    ]
    with pools.select(filepath=its_own).limit(limits=1):
        return minimize(
            loss, first.ravel(), jac=True, method="L-BFGS-B", options={"maxcor": 20, **options}
        )


def some_rows(count: int, size: int) -> Iterator[slice]:
    """Parts of ``count`` rows whose product with a matrix of ``size`` entries is fastest."""
    rows = _SMALL // max(size, 1)
    rows = rows if rows >= _FEWEST_ROWS else _MANY_ROWS
    for start in range(0, count, rows):
        yield slice(start, min(start + rows, count))


def _swept(
    z: Floats,
    weights: NDArray[np.float64],
    of_rows: Callable[[Floats, slice], tuple[float, Floats]],
) -> tuple[float, NDArray[np.float64]]:
    """Mean loss of rows (n, r) and its slope by weights (r + 1, K), the last row the intercepts.

    ``of_rows`` tells from the scores of some rows their summed loss and its slope by the scores.
    Rows are taken while they are in the cache, as many as the products are fastest with: of eight
    thousand by 1,280 with ten columns that takes 7 ms, two products of all 16; on two cores 7 and
    11.
    """
    narrow = weights.astype(np.float32)
    count, columns = len(z), weights.shape[1]
    total = 0.0
    slope = np.zeros((columns, z.shape[1]), dtype=np.float32)
    of_part = np.empty_like(slope)
    residuals = np.zeros(columns)
    for part in some_rows(count, narrow.size):
        value, residual = of_rows(z[part] @ narrow[:-1] + narrow[-1], part)
        total += value
        slope += np.matmul(residual.T, z[part], out=of_part)
        residuals += residual.sum(axis=0)
    return total / count, np.vstack([slope.T.astype(np.float64), residuals]) / count
