"""The consensus: neighbours and small trained heads, on one view of the features.

What was tried on the way, and what it gave, is in ``docs/consensus.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from air_core.baselines.mixup_head import mixup_head
from air_core.baselines.neighbours import counted, nearest
from air_core.baselines.newton import decompose
from air_core.baselines.ridge import ridge_left_out
from air_core.baselines.softmax import cross_entropy, one_hot
from air_core.detectors.calibration import true_label_chances
from air_core.detectors.detection import Detection, agreement_scores
from air_core.errors import SolverError
from air_core.progress import ProgressCallback, silent

Floats = NDArray[np.float32]

# Neighbours that may be asked; the number is that which best foretells labels left out.
_NEIGHBOURS = (10, 20, 50, 100)
_DIRECTIONS = 256
_SEEDS = 2
_FLOOR = 1e-3  # no opinion is surer than this: one voice must not silence the others


@dataclass(frozen=True, slots=True)
class Voices:
    """What each part says, and what they say together.

    Parameters
    ----------
    neighbours, head, linear : ndarray of shape (n, C), dtype float32
        Probabilities of the given label: by the images most alike and by a ridge regression, both
        without the image's own label; by the heads, averaged over their training.
    together : ndarray of shape (n, C), dtype float32
        Their geometric mean.
    k : int
        Neighbours that were asked.
    """

    neighbours: Floats
    head: Floats
    linear: Floats
    together: Floats
    k: int


def consensus(
    features: NDArray[np.floating],
    targets: NDArray[Any],
    classes: int,
    seed: int = 0,
    progress: ProgressCallback = silent,
) -> Detection:
    """Rank by the geometric mean of a neighbours' vote, trained heads and a ridge regression.

    Parameters
    ----------
    features : ndarray of shape (n, p)
    targets : ndarray of shape (n,) or (n, C)
        Class indices, −1 unlabelled; or tags 1 and 0, rows of −1 unlabelled.
    classes : int
    seed : int
    progress : callable

    Raises
    ------
    SolverError
        If fewer than four images are labelled, or all alike.
    """
    voices = ask(features, targets, classes, seed, progress)
    # The heads have seen the label that they would be asked about.
    left_out = _mean((voices.neighbours, voices.linear), targets.ndim == 2)
    probabilities = true_label_chances(left_out, targets)
    return Detection(
        agreement_scores(voices.together, targets), probabilities, notes={"k": voices.k}
    )


def ask(
    features: NDArray[np.floating],
    targets: NDArray[Any],
    classes: int,
    seed: int = 0,
    progress: ProgressCallback = silent,
) -> Voices:
    """The parts of the consensus, as :func:`consensus` combines them."""
    wanted = one_hot(targets, classes)
    labelled = np.flatnonzero(~np.isnan(wanted).any(axis=1))
    if len(labelled) < 4 or not np.ptp(wanted[labelled], axis=0).any():
        raise SolverError(
            f"Expected four labelled images, of two classes, got {len(labelled)}.",
            hint="Nothing can be told from labels that are all alike.",
        )
    tags = targets.ndim == 2
    basis = decompose(features)
    # Halfway between the features as they are and all directions alike: the few directions in
    # which images differ most tell of pictures in general more than of classes.
    stretch = np.sqrt(np.sqrt(basis.values)).astype(np.float32)
    view: Floats = np.divide(basis.rows, stretch, dtype=np.float32)
    near, k = _vote(view, targets, wanted, labelled, classes, progress)
    narrow = np.ascontiguousarray(view[:, :_DIRECTIONS])
    narrow /= np.sqrt(np.square(narrow).mean())
    heads = [
        mixup_head(
            narrow[labelled], wanted[labelled], tags=tags, asked=narrow,
            seed=_SEEDS * seed + number, progress=progress,
        )
        for number in range(_SEEDS)
    ]  # fmt: skip
    head: Floats = np.asarray(np.mean(heads, axis=0), dtype=np.float32)
    linear = ridge_left_out(features, targets, n_classes=classes, seed=seed, progress=progress)
    parts = (near, head, linear.probabilities)
    return Voices(*parts, together=_mean(parts, tags), k=k)


def _vote(
    view: Floats,
    targets: NDArray[Any],
    wanted: Floats,
    labelled: NDArray[np.intp],
    classes: int,
    progress: ProgressCallback,
) -> tuple[Floats, int]:
    """Shares of labels among as many neighbours as best foretell an image's own."""
    most = min(max(_NEIGHBOURS), len(labelled) - 1)
    rows, _ = nearest(view, most, among=labelled, progress=progress)
    found: dict[int, Floats] = {}
    losses: dict[int, float] = {}
    for k in sorted({min(k, most) for k in _NEIGHBOURS}):
        found[k] = counted(rows[:, :k], targets, classes)
        smooth = _smoothed(found[k], k, classes, targets.ndim == 2)
        logits = np.log(smooth)
        if targets.ndim == 2:
            logits = logits - np.log1p(-smooth)
        losses[k] = cross_entropy(logits[labelled], wanted[labelled], targets.ndim == 2)
    best = min(losses, key=lambda k: (losses[k], k))
    return _smoothed(found[best], best, classes, targets.ndim == 2), best


def _smoothed(shares: Floats, k: int, classes: int, tags: bool) -> Floats:
    """As if one more neighbour had every label in equal parts."""
    even = 0.5 if tags else 1 / classes
    return np.asarray((shares * k + even) / (k + 1), dtype=np.float32)


def _mean(parts: Sequence[Floats], tags: bool) -> Floats:
    """Geometric mean of opinions, normalised."""
    held = [np.clip(part, _FLOOR, 1 - _FLOOR) for part in parts]
    total = np.mean([np.log(part) for part in held], axis=0)
    if tags:
        against = np.mean([np.log1p(-part) for part in held], axis=0)
        return np.asarray(1 / (1 + np.exp(against - total)), dtype=np.float32)
    chances = np.exp(total - total.max(axis=1, keepdims=True))
    return np.asarray(chances / chances.sum(axis=1, keepdims=True), dtype=np.float32)
