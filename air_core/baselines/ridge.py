"""Ridge regression on one-hot labels: out-of-sample probabilities of every image at one solve.

Leaving an image out of a ridge regression changes its prediction by a known amount, so that all n
models that each miss one image cost no more than one. Nothing else gives honest probabilities of
the labels that a model is trained on as quickly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_softmax

from air_core.baselines.targets import labelled_rows, one_hot
from air_core.errors import SolverError
from air_core.progress import ProgressCallback, silent

Floats = NDArray[np.float32]

STRENGTHS = (100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1)
_BLOCK = 4096
# So many images are enough to tell strengths apart; each is still judged by a model without it.
_JUDGES = 20_000


@dataclass(frozen=True, slots=True)
class RidgeResult:
    """A fitted ridge regression, calibrated to the given labels.

    Parameters
    ----------
    coef : ndarray of shape (p, C), intercept : ndarray of shape (C,)
        Calibrated: ``features @ coef + intercept`` are logits of the given label.
    probabilities : ndarray of shape (n, C), dtype float32
        Of the given label, or of the label that soft targets tell of, each row by the model that
        has not seen it. With tags each entry stands for itself.
    strength : float
        The chosen ridge λ, for features of mean row norm 1.
    loss_by_strength : dict of float to float
        Mean cross-entropy of the given labels, left out, in nats.
    """

    coef: NDArray[Any]
    intercept: NDArray[Any]
    probabilities: Floats
    strength: float
    loss_by_strength: dict[float, float]


def ridge_left_out(
    features: NDArray[np.floating],
    targets: NDArray[Any],
    *,
    n_classes: int,
    soft: bool = False,
    strengths: Sequence[float] = STRENGTHS,
    seed: int = 0,
    progress: ProgressCallback = silent,
    rotated: Rotated | None = None,
) -> RidgeResult:
    """Fit a ridge regression and predict each image from all the others.

    With centred features X = Z Vᵀ (V the eigenvectors of XᵀX, d its eigenvalues) and one-hot
    labels Y, the fit is ``F = Z (d + λ)⁻¹ Zᵀ Y``, image i has the leverage
    ``h_i = Σ_j z_ij² / (d_j + λ) + 1/n``, and the prediction without it is
    ``(F_i − h_i Y_i) / (1 − h_i)``. λ and the calibration (one scale, a bias for each class) are
    those of the least cross-entropy of these predictions.

    Parameters
    ----------
    features : ndarray of shape (n, p)
        May be a memory map; read a few thousand rows at a time.
    targets : ndarray of shape (n,) or (n, C)
        Class indices, −1 unlabelled; tags 1 and 0, rows of −1 unlabelled; or, if ``soft``, chances
        of each class, rows of NaN unlabelled. Unlabelled images are predicted by the whole model.
    n_classes : int
    soft : bool
        Whether rows of targets (n, C) are chances of one label instead of tags.
    strengths : sequence of float
        Candidates for λ, strongest first; the search ends where the loss begins to rise.
    seed : int
        Draws the images that strengths are compared on, where there are very many.
    progress : callable
    rotated : Rotated, optional
        What :func:`rotate` gives for these features and the labelled ones among them, if that was
        done.

    Returns
    -------
    RidgeResult

    Raises
    ------
    SolverError
        If fewer than two images are labelled, or all alike.
    """
    wanted = one_hot(targets, n_classes)
    tags = targets.ndim == 2 and not soft
    labelled = labelled_rows(wanted)
    rotated = rotated or rotate(features, labelled, progress)
    if not np.array_equal(rotated.labelled, labelled):
        raise SolverError(
            f"Expected features rotated by the {len(labelled)} labelled images, got them by "
            f"{len(rotated.labelled)} others."
        )
    model = _fitted(rotated, features, wanted, progress)
    # A stream of its own: noise drawn for a test by the same seed would be judged by as a whole.
    draw = np.random.default_rng([seed, 1])
    judges = np.sort(draw.permutation(labelled)[:_JUDGES])
    losses: dict[float, float] = {}
    calibrations: dict[float, NDArray[np.float64]] = {}
    judged = np.concatenate([z for _, z in rotated.blocks(features, judges)])
    for strength in strengths:
        left_out = model.predict(judged, wanted[judges], strength)
        calibrations[strength], losses[strength] = _calibrate(left_out, wanted[judges], tags)
        progress(len(losses), len(strengths) + 1, "Predicting each image from the others")
        if losses[strength] > 1.02 * min(losses.values()):
            break
    best = min(losses, key=lambda strength: (losses[strength], -strength))
    scale, bias = calibrations[best][0], calibrations[best][1:]
    left_out = np.concatenate(
        [
            model.predict(z, wanted[at], best)
            for at, z in rotated.blocks(features, np.arange(len(wanted)))
        ]
    )
    logits = left_out * scale + bias
    probabilities = expit(logits) if tags else np.exp(log_softmax(logits, axis=1))
    coef, intercept = model.weights(best)
    progress(len(strengths) + 1, len(strengths) + 1, "Predicting each image from the others")
    return RidgeResult(
        coef=coef * scale,
        intercept=intercept * scale + bias,
        probabilities=probabilities.astype(np.float32),
        strength=best,
        loss_by_strength=losses,
    )


@dataclass(frozen=True, slots=True)
class Rotated:
    """Features in the eigenvectors of the covariance of labelled images: X = Z Vᵀ.

    Parameters
    ----------
    labelled : ndarray of intp
        The rows that it was made of.
    scale : float
        Their mean norm.
    mean : ndarray of shape (p,)
        Of the rows divided by ``scale``.
    vectors : ndarray of shape (p, r)
    values : ndarray of shape (r,)
        Of ``XᵀX``, smallest first.
    kept : ndarray of shape (n, r) or None
        Z of all images, where they are few.
    """

    labelled: NDArray[np.intp]
    scale: float
    mean: Floats
    vectors: Floats
    values: NDArray[np.float64]
    kept: Floats | None = None

    def centred(self, features: Floats) -> Floats:
        """Rows (m, p) as they are decomposed."""
        return np.asarray(features / self.scale - self.mean, dtype=np.float32)

    def blocks(self, features: NDArray[np.floating], rows: NDArray[np.intp]) -> Blocks:
        """Rows of Z with their places, some thousands at a time where they are not kept."""
        if self.kept is not None:
            yield rows, self.kept[rows]
            return
        for at, x in _blocks(features, rows):
            yield at, self.centred(x) @ self.vectors


def rotate(
    features: NDArray[np.floating],
    labelled: NDArray[np.intp],
    progress: ProgressCallback = silent,
) -> Rotated:
    """Decompose the labelled rows of features (n, p), which serves all targets and strengths."""
    p, n = features.shape[1], len(labelled)
    total, norms = np.zeros(p), 0.0
    for _, x in _blocks(features, labelled):
        total += x.sum(axis=0, dtype=np.float64)
        norms += float(np.linalg.norm(x, axis=1).sum(dtype=np.float64))
    scale = norms / n or 1.0
    mean = (total / n / scale).astype(np.float32)
    # The smaller of XXᵀ and XᵀX: both have the same eigenvalues.
    gram = np.zeros((p, p)) if p <= n else np.zeros((n, n))
    rows = np.empty((n, p), dtype=np.float32) if p > n else None
    done = 0
    for at, x in _blocks(features, labelled):
        centred = x / scale - mean
        if rows is None:
            gram += centred.T @ centred
        else:
            rows[done : done + len(at)] = centred
        done += len(at)
        progress(0, 1, "Predicting each image from the others")
    if rows is not None:
        gram += rows @ rows.T
    values, vectors = np.linalg.eigh(gram)
    kept = values > 1e-7 * max(values[-1], 1e-12)
    values, vectors = values[kept], vectors[:, kept]
    if rows is not None:
        vectors = rows.T @ (vectors / np.sqrt(values)).astype(np.float32)
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    found = Rotated(labelled, scale, mean, vectors, values)
    if len(features) > _JUDGES:
        return found
    every = [z for _, z in found.blocks(features, np.arange(len(features)))]
    return replace(found, kept=np.concatenate(every))


@dataclass(frozen=True, slots=True)
class _Model:
    """Ridge regressions of all λ on one set of targets."""

    rotated: Rotated
    target_mean: Floats
    products: Floats  # Zᵀ (Y − mean)

    def predict(self, z: Floats, wanted: Floats, strength: float) -> NDArray[np.float64]:
        """Predictions (m, C) of rows of Z, each without its own label where it has one."""
        inverse = (1 / (self.rotated.values + strength)).astype(np.float32)
        fit = z @ (inverse[:, None] * self.products)
        own = wanted - self.target_mean
        known = ~np.isnan(own).any(axis=1)
        # Below 1 by rounding only; at 1 an image has no others to be predicted from.
        share = 1 / len(self.rotated.labelled)
        leverage = np.minimum((z * z) @ inverse + share, 1 - 1e-4)[known, None]
        fit[known] = (fit[known] - leverage * own[known]) / (1 - leverage)
        return np.asarray(fit + self.target_mean, dtype=np.float64)

    def weights(self, strength: float) -> tuple[NDArray[Any], NDArray[Any]]:
        """Coefficients for the features as given, and intercepts."""
        inverse = 1 / (self.rotated.values + strength)
        coef = self.rotated.vectors @ (inverse[:, None] * self.products)
        return coef / self.rotated.scale, self.target_mean - self.rotated.mean @ coef


def _fitted(
    rotated: Rotated,
    features: NDArray[np.floating],
    wanted: Floats,
    progress: ProgressCallback,
) -> _Model:
    target_mean = wanted[rotated.labelled].mean(axis=0)
    if rotated.kept is not None:
        own = wanted[rotated.labelled] - target_mean
        return _Model(rotated, target_mean, rotated.kept[rotated.labelled].T @ own)
    products = np.zeros((features.shape[1], wanted.shape[1]))
    for at, x in _blocks(features, rotated.labelled):
        products += rotated.centred(x).T @ (wanted[at] - target_mean)
        progress(0, 1, "Predicting each image from the others")
    return _Model(rotated, target_mean, (rotated.vectors.T @ products).astype(np.float32))


Blocks = Iterator[tuple[NDArray[np.intp], Floats]]


def _blocks(features: NDArray[np.floating], rows: NDArray[np.intp]) -> Blocks:
    for start in range(0, len(rows), _BLOCK):
        at = rows[start : start + _BLOCK]
        yield at, np.asarray(features[at], dtype=np.float32)


def _calibrate(
    scores: NDArray[np.float64], wanted: Floats, tags: bool
) -> tuple[NDArray[np.float64], float]:
    """Scale and biases (1 + C,) of the least mean cross-entropy, and that."""
    from scipy.optimize import minimize
    from threadpoolctl import threadpool_limits

    n, classes = scores.shape

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = scores * parameters[0] + parameters[1:]
        if tags:
            residual = expit(logits) - wanted
            value = (np.logaddexp(0, logits) - wanted * logits).sum() / n
        else:
            logs = log_softmax(logits, axis=1)
            residual = np.exp(logs) - wanted
            value = -(logs * wanted).sum() / n
        # A trace of ridge, or the bias of a class without images would run away.
        value += 1e-6 * float(parameters[1:] @ parameters[1:])
        slope = np.concatenate([[(residual * scores).sum()], residual.sum(axis=0)]) / n
        slope[1:] += 2e-6 * parameters[1:]
        return float(value), slope

    start = np.concatenate([[5.0], np.zeros(classes)])
    with threadpool_limits(1, "blas"):  # as in every search over short vectors
        found = minimize(loss, start, jac=True, method="L-BFGS-B")
    return found.x, float(found.fun)
