"""From what labels are given to what labels are right, where no truth is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from air_core.noise.latent import fit_latent, gather

Floats = NDArray[np.float32]

# Of the differences between flips that the hidden-label model finds, half are believed: which
# classes a model takes for each other cannot be told apart from which ones people do.
_BELIEVED = 0.5
_LEAST = 1e-6


def true_label_chances(
    left_out: Floats, targets: NDArray[np.intp]
) -> tuple[Floats, NDArray[np.float64]]:
    """Chances of the true label and of each flip, from given labels alone.

    Opinions say how likely each label is to be *given*. A hidden-label model
    (:func:`~air_core.noise.latent.fit_latent`) of opinions that have not seen an image's own label
    tells how much of their doubt is noise in the labels: its scale and biases sharpen the opinions
    to chances of what the label should be.

    Parameters
    ----------
    left_out : ndarray of shape (n, C)
        Probabilities of the given label, out of sample.
    targets : ndarray of shape (n,)
        Class indices, −1 unlabelled.

    Returns
    -------
    chances : ndarray of shape (n, C), dtype float32
        Of the true label, without a look at the given one.
    transition : ndarray of shape (C, C)
        T, true → given, drawn halfway to flips that go to all other classes alike.
    """
    labelled = targets >= 0
    fit = fit_latent(gather(left_out[labelled], targets[labelled]))
    logits = np.log(np.maximum(left_out.astype(np.float64), 1e-12))
    chances = np.asarray(softmax(fit.scale * logits + fit.bias, axis=1), dtype=np.float32)
    transition = fit.transition
    classes = len(transition)
    wrong = 1 - np.diag(transition).mean()
    alike = np.full((classes, classes), wrong / max(classes - 1, 1))
    np.fill_diagonal(alike, 1 - wrong)
    return chances, _BELIEVED * transition + (1 - _BELIEVED) * alike


def given_label(
    chances: Floats, transition: NDArray[np.float64], targets: NDArray[np.intp]
) -> Floats:
    """Chances (n, C) of the true label now that the given one is seen, by Bayes.

    ``p(y | image, given) ∝ p(y | image) T[y, given]``; as they were where unlabelled.

    Examples
    --------
    >>> even = np.array([[0.5, 0.5]], np.float32)
    >>> given_label(even, np.array([[0.9, 0.1], [0.1, 0.9]]), np.array([1])).round(2)
    array([[0.1, 0.9]], dtype=float32)
    """
    seen = chances.copy()
    labelled = np.flatnonzero(targets >= 0)
    seen[labelled] *= transition.T[targets[labelled]].astype(np.float32)
    return np.asarray(seen / seen.sum(axis=1, keepdims=True), dtype=np.float32)


def tempered(probabilities: Floats, wanted: Floats) -> Floats:
    """Probabilities (n, C) to the power that brings them closest to others, in cross-entropy.

    Parameters
    ----------
    probabilities, wanted : ndarray of shape (n, C)
        Rows of NaN in ``wanted`` are no guide.
    """
    logs = np.log(np.clip(probabilities, _LEAST, 1))
    guides = ~np.isnan(wanted).any(axis=1)

    def loss(power: float) -> float:
        told = log_softmax(np.exp(power) * logs[guides], axis=1)
        return -float((wanted[guides] * told).sum(dtype=np.float64)) / max(int(guides.sum()), 1)

    found = minimize_scalar(loss, bounds=(-1.5, 2.0), method="bounded", options={"xatol": 1e-3})
    return np.asarray(softmax(np.exp(found.x) * logs, axis=1), dtype=np.float32)


def among_others(second: Floats, probabilities: Floats, targets: NDArray[np.intp]) -> Floats:
    """Chances (n, C) with what is left beside the given label shared out by another opinion.

    The given label keeps its chance, and unlabelled images keep all of theirs. What the other
    opinion says of the other classes is sharpened to fit best what the first said of them.

    Parameters
    ----------
    second, probabilities : ndarray of shape (n, C)
        The other opinion, all of it above zero, and the first.
    targets : ndarray of shape (n,)
        Class indices, −1 unlabelled.

    Examples
    --------
    >>> first = np.array([[0.6, 0.3, 0.1]], np.float32)
    >>> among_others(first[:, ::-1], first, np.array([0])).round(1)
    array([[0.6, 0.1, 0.3]], dtype=float32)
    """
    labelled = np.flatnonzero(targets >= 0)
    others = np.ones((len(labelled), probabilities.shape[1]), dtype=bool)
    others[np.arange(len(labelled)), targets[labelled]] = False

    def rest(opinion: Floats) -> tuple[Floats, Floats]:
        """Chances (m, C − 1) of the other classes if the given one is wrong, and of that (m, 1)."""
        chances = opinion[labelled][others].reshape(len(labelled), -1)
        left = chances.sum(axis=1, keepdims=True)
        # One that is certain of the given label says nothing of the others.
        nothing = np.full_like(chances, np.nan)
        return np.divide(chances, left, out=nothing, where=left > 0), left

    guide, left = rest(probabilities)
    shared = probabilities.copy()
    block = shared[labelled]
    block[others] = (tempered(rest(second)[0], guide) * left).ravel()
    shared[labelled] = block
    return shared
