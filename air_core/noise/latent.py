"""Noise as a hidden true label behind each given one, fitted by maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]

CANDIDATES = 32
"""So many classes, the likeliest, can be an image's true one; the rest is out of the question."""

# What is believed of a class before any image is seen: one label in five is wrong, and this
# weighs as much as five images. Scales of classes are drawn towards their mean.
_PRIOR_IMAGES, _PRIOR_RATE = 5.0, 0.2
_ALIKE = 1.0


@dataclass(frozen=True, slots=True)
class LatentFit:
    """A fitted hidden-label model.

    Parameters
    ----------
    scale, bias : ndarray of shape (C,)
        Chances of the true label: ``softmax(scale ∘ logits + bias)``.
    flips : ndarray of shape (C, C)
        T, true → given; its logarithms up to a constant in each row.
    """

    scale: Floats
    bias: Floats
    flips: Floats

    @property
    def transition(self) -> Floats:
        """T (C, C), true → given; rows sum to 1."""
        return np.asarray(softmax(self.flips, axis=1))


@dataclass(frozen=True, slots=True)
class Evidence:
    """Log-probabilities of the candidates of each image, and its given label.

    Parameters
    ----------
    logits : ndarray of shape (n, m)
    classes : ndarray of shape (n, m)
        Which classes the columns stand for; the given label is always among them.
    labels : ndarray of shape (n,)
    n_classes : int
    """

    logits: Floats
    classes: Labels
    labels: Labels
    n_classes: int

    def take(self, rows: Labels) -> Evidence:
        """Some of the images, repeated as often as they are named."""
        return Evidence(self.logits[rows], self.classes[rows], self.labels[rows], self.n_classes)


def gather(probabilities: NDArray[np.floating], labels: Labels) -> Evidence:
    """Evidence of labelled images from out-of-sample probabilities (n, C)."""
    n, classes = probabilities.shape
    logs = np.log(np.maximum(probabilities.astype(np.float64), 1e-12))
    if classes <= CANDIDATES:
        return Evidence(logs, np.tile(np.arange(classes), (n, 1)), labels, classes)
    ahead = logs.copy()
    ahead[np.arange(n), labels] = np.inf
    chosen = np.argpartition(ahead, -CANDIDATES, axis=1)[:, -CANDIDATES:]
    return Evidence(np.take_along_axis(logs, chosen, axis=1), chosen, labels, classes)


def fit_latent(
    evidence: Evidence, start: LatentFit | None = None, *, max_iterations: int = 300
) -> LatentFit:
    """Maximise the likelihood of the given labels over the true labels' chances and T.

    ``p(given = k | image) = Σ_y softmax(a ∘ logits + b)_y T_yk``: the chances of the true label
    follow the classifier's opinion, sharpened by ``a``; a given label is drawn from row ``y`` of T.
    Images that the classifier is sure of tell T from a classifier that is merely unsure.

    Parameters
    ----------
    evidence : Evidence
    start : LatentFit, optional
        Where to begin: a fit of nearly the same images.
    max_iterations : int

    Returns
    -------
    LatentFit
    """
    from scipy.optimize import minimize
    from threadpoolctl import threadpool_limits

    classes, n = evidence.n_classes, len(evidence.labels)
    off = _PRIOR_IMAGES * _PRIOR_RATE / max(classes - 1, 1)
    prior = np.full((classes, classes), off)
    np.fill_diagonal(prior, _PRIOR_IMAGES * (1 - _PRIOR_RATE))
    first = start or LatentFit(np.full(classes, 1.5), np.zeros(classes), np.log(prior))

    def loss(parameters: Floats) -> tuple[float, Floats]:
        fit = _unpack(parameters, classes)
        logs = log_softmax(fit.flips, axis=1)
        transition = np.exp(logs)
        chances, seen = _chances(evidence, fit, transition)
        total = seen.sum(axis=1)
        posterior = seen / total[:, None]
        counts = prior + _sum_by(evidence, posterior)
        apart = fit.scale - fit.scale.mean()
        value = -np.log(total).sum() - (prior * logs).sum()
        value += _ALIKE * float(apart @ apart) + 1e-3 * float(fit.bias @ fit.bias)
        pull = chances - posterior
        which = evidence.classes.ravel()
        scale = np.bincount(which, (pull * evidence.logits).ravel(), classes)
        bias = np.bincount(which, pull.ravel(), classes)
        flips = counts.sum(axis=1, keepdims=True) * transition - counts
        slope = [scale + 2 * _ALIKE * apart, bias + 2e-3 * fit.bias, flips.ravel()]
        return float(value) / n, np.concatenate(slope) / n

    # Its vectors are short: threads would only wait for each other.
    with threadpool_limits(1, "blas"):
        found = minimize(
            loss,
            np.concatenate([first.scale, first.bias, first.flips.ravel()]),
            jac=True,
            method="L-BFGS-B",
            bounds=[(0.05, 50.0)] * classes + [(None, None)] * (classes + classes**2),
            options={"maxiter": max_iterations},
        )
    return _unpack(found.x, classes)


def posteriors(evidence: Evidence, fit: LatentFit) -> Floats:
    """Chances (n, m) that each candidate is the true label, given image and label."""
    _, seen = _chances(evidence, fit, fit.transition)
    return np.asarray(seen / seen.sum(axis=1, keepdims=True))


def joint(evidence: Evidence, posterior: Floats) -> Floats:
    """Expected images (C, C) by given (row) and true label (column)."""
    return np.ascontiguousarray(_sum_by(evidence, posterior).T)


def _chances(evidence: Evidence, fit: LatentFit, transition: Floats) -> tuple[Floats, Floats]:
    """Of each candidate: being true, and being true with the given label seen."""
    chances = softmax(
        fit.scale[evidence.classes] * evidence.logits + fit.bias[evidence.classes], axis=1
    )
    seen = chances * transition[evidence.classes, evidence.labels[:, None]]
    return chances, np.maximum(seen, 1e-300)


def _sum_by(evidence: Evidence, weights: Floats) -> Floats:
    """Weights summed by class of the candidate (row) and given label (column)."""
    classes = evidence.n_classes
    cell = evidence.classes * classes + evidence.labels[:, None]
    summed = np.bincount(cell.ravel(), weights.ravel(), classes * classes)
    return np.asarray(summed.reshape(classes, classes), dtype=np.float64)


def _unpack(parameters: Floats, classes: int) -> LatentFit:
    return LatentFit(
        parameters[:classes],
        parameters[classes : 2 * classes],
        parameters[2 * classes :].reshape(classes, classes),
    )
