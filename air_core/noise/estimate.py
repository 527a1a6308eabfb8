"""How many labels of each class are wrong, between what two estimators say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from air_core.errors import SolverError
from air_core.noise.confident import confident_joint
from air_core.noise.latent import Evidence, LatentFit, fit_latent, gather, joint, posteriors
from air_core.progress import ProgressCallback, silent

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]

METHOD = "hidden label, scales by class; a third of the way to the confident joint"
"""Changes with the estimate, so that one made otherwise is not taken for it."""

REPEATS = 30
"""Resamplings behind each interval."""

_NORMAL = 1.96
_TOWARDS_CONFIDENT = 1 / 3
# A resample of so many images tells the spread of all: it shrinks with the root of their number.
_RESAMPLE, _RESAMPLE_A_CLASS = 5000, 40


@dataclass(frozen=True, slots=True)
class NoiseEstimate:
    """Wrong labels by class, estimated from noisy labels alone.

    Parameters
    ----------
    sizes : ndarray of shape (C,), dtype intp
        Labelled images with each given label.
    transition, low, high : ndarray of shape (C, C)
        Chance of each true label (column) where the given one is the row's, and its limits;
        NaN in the row of a class without images.
    overall : tuple of float
        Share of wrong labels among all images: estimate, low, high.
    wrong : ndarray of shape (n,)
        Chance that the label of an image is wrong, for shares of images; 0 where unlabelled. Not
        meant to rank by.
    latent, confident : ndarray of shape (C,)
        Rates by the hidden-label model and by the confident joint.
    """

    sizes: Labels
    transition: Floats
    low: Floats
    high: Floats
    overall: tuple[float, float, float]
    wrong: Floats
    latent: Floats
    confident: Floats

    @property
    def rates(self) -> Floats:
        """Share (C,) of the images with each given label whose label is wrong."""
        return np.asarray(1 - np.diag(self.transition))

    @property
    def rate_limits(self) -> tuple[Floats, Floats]:
        """Limits (C,) of :attr:`rates`."""
        return np.asarray(1 - np.diag(self.high)), np.asarray(1 - np.diag(self.low))


def estimate_noise(
    probabilities: NDArray[np.floating],
    labels: Labels,
    *,
    repeats: int = REPEATS,
    seed: int = 0,
    progress: ProgressCallback = silent,
) -> NoiseEstimate:
    """Estimate the wrong labels of each class and what they should have been.

    Two estimators err in opposite ways where images are hard to tell apart. The hidden-label
    model (:func:`~air_core.noise.latent.fit_latent`) puts every disagreement on such an image
    down to the classifier and so errs low where people, too, mislabel what is hard; the confident
    joint (:func:`~air_core.noise.confident.confident_joint`) puts it down to the label and errs
    high. The estimate lies a third of the way from the first to the second; an interval reaches
    from the lower limit of the one to the upper limit of the other, each 1.96 standard errors
    over resampled images away. What this gave on known noise is in ``docs/noise.md``.

    Parameters
    ----------
    probabilities : ndarray of shape (n, C)
        Of the given label, out of sample: by models that have not seen the image's own label.
    labels : ndarray of shape (n,)
        Given classes; −1 unlabelled.
    repeats : int
    seed : int
    progress : callable

    Raises
    ------
    SolverError
        If the shapes do not fit or nothing is labelled.
    """
    classes = probabilities.shape[1]
    if probabilities.ndim != 2 or len(probabilities) != len(labels):
        raise SolverError(
            f"Expected probabilities for {len(labels)} images, got {probabilities.shape}."
        )
    rows = np.flatnonzero(labels >= 0)
    if not len(rows):
        raise SolverError(
            "Expected labelled images, got none.", hint="There is no label that could be wrong."
        )
    p, y = probabilities[rows], labels[rows]
    evidence = gather(p, y)
    fit = fit_latent(evidence)
    chances = posteriors(evidence, fit)
    first = (joint(evidence, chances), confident_joint(p, y))
    spread = _spread(p, evidence, fit, repeats, seed, progress)
    sizes = np.bincount(y, minlength=classes)
    share = [_by_row(counts) for counts in first]
    limits = [(s - _NORMAL * e[0], s + _NORMAL * e[0]) for s, e in zip(share, spread, strict=True)]
    total = [float(1 - np.trace(counts) / len(rows)) for counts in first]
    reach = [_NORMAL * float(e[1]) for e in spread]
    transition = _between(share[0], share[1])
    wrong = np.zeros(len(labels))
    wrong[rows] = _matched(_own_doubt(evidence, chances), y, 1 - np.diag(transition))
    return NoiseEstimate(
        sizes=sizes,
        transition=transition,
        low=np.clip(np.minimum(limits[0][0], limits[1][0]), 0, 1),
        high=np.clip(np.maximum(limits[0][1], limits[1][1]), 0, 1),
        overall=(
            float(_between(total[0], total[1])),
            max(0.0, min(total[0] - reach[0], total[1] - reach[1])),
            min(1.0, max(total[0] + reach[0], total[1] + reach[1])),
        ),
        wrong=wrong,
        latent=1 - np.diag(share[0]),
        confident=1 - np.diag(share[1]),
    )


def _between(latent: Any, confident: Any) -> Any:
    return latent + _TOWARDS_CONFIDENT * (confident - latent)


def _spread(
    probabilities: NDArray[np.floating],
    evidence: Evidence,
    fit: LatentFit,
    repeats: int,
    seed: int,
    progress: ProgressCallback,
) -> list[tuple[Floats, float]]:
    """Standard errors of both estimators: of each share (C, C) and of the overall rate."""
    rng = np.random.default_rng(seed)
    n = len(evidence.labels)
    drawn = min(n, max(_RESAMPLE, _RESAMPLE_A_CLASS * evidence.n_classes))
    shares: list[list[Floats]] = [[], []]
    totals: list[list[float]] = [[], []]
    for repeat in range(repeats):
        progress(repeat, repeats, "Estimating the noise")
        rows = rng.integers(0, n, drawn)
        again = evidence.take(rows)
        # From the fit of all images the maximum is a few steps away.
        refit = fit_latent(again, fit, max_iterations=40)
        counts = (
            joint(again, posteriors(again, refit)),
            confident_joint(probabilities[rows], again.labels),
        )
        for share, total, count in zip(shares, totals, counts, strict=True):
            share.append(_by_row(count))
            total.append(1 - np.trace(count) / drawn)
    progress(repeats, repeats, "Estimating the noise")
    shrink = np.sqrt(drawn / n)
    return [
        (shrink * _deviation(np.stack(share)), float(shrink * np.std(total, ddof=1)))
        for share, total in zip(shares, totals, strict=True)
    ]


def _deviation(values: Floats) -> Floats:
    """Standard deviation over the first axis, of those that are there; 0 for fewer than two."""
    there = ~np.isnan(values)
    count = there.sum(axis=0)
    mean = np.where(there, values, 0).sum(axis=0) / np.maximum(count, 1)
    squares = np.where(there, (values - mean) ** 2, 0).sum(axis=0)
    return np.asarray(np.sqrt(squares / np.maximum(count - 1, 1)))


def _by_row(counts: Floats) -> Floats:
    """Each row as shares; NaN where it is empty."""
    total = counts.sum(axis=1, keepdims=True)
    return np.where(total > 0, counts / np.maximum(total, 1e-12), np.nan)


def _own_doubt(evidence: Evidence, chances: Floats) -> Floats:
    own = evidence.classes == evidence.labels[:, None]
    return np.asarray(1 - np.where(own, chances, 0).sum(axis=1))


def _matched(doubt: Floats, labels: Labels, rates: Floats) -> Floats:
    """Doubts shifted in the log-odds of each class until their mean is the class's rate."""
    from scipy.optimize import brentq

    matched = np.empty_like(doubt)
    odds = logit(np.clip(doubt, 1e-9, 1 - 1e-9))
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        rate = float(np.clip(rates[label], 1e-6, 1 - 1e-6))
        shift = brentq(_excess, -60.0, 60.0, args=(odds[rows], rate))
        matched[rows] = expit(odds[rows] + shift)
    return matched


def _excess(shift: float, odds: Floats, rate: float) -> float:
    return float(expit(odds + shift).mean() - rate)
