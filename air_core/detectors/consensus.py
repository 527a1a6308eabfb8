"""The consensus: several opinions of each label, what they say of the noise, and heads that learn
from both.

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
from air_core.baselines.newton import Basis, decompose
from air_core.baselines.ridge import ridge_left_out, rotate
from air_core.baselines.targets import one_hot
from air_core.detectors.calibration import among_others, given_label, tempered, true_label_chances
from air_core.detectors.detection import Detection, agreement_scores
from air_core.errors import SolverError
from air_core.progress import ProgressCallback, silent

Floats = NDArray[np.float32]

_NEIGHBOURS = 100
# Once it is known what their labels should be, few of them tell more.
_CLOSEST = 10
# A neighbour whose cosine is so much less than the nearest one's counts 1/e of it.
_FADING = 0.2
_DIRECTIONS = 256
_SEEDS = 3
_FLOOR = 1e-3  # no opinion is surer than this: one voice must not silence the others


@dataclass(frozen=True, slots=True)
class Voices:
    """What each part says, and what they say together.

    Parameters
    ----------
    neighbours, linear : ndarray of shape (n, C), dtype float32
        Probabilities of the given label by the images most alike and by a ridge regression, both
        without the image's own label.
    chances : ndarray of shape (n, C), dtype float32
        Of the true label by these two, without the image's own label.
    head : ndarray of shape (n, C), dtype float32
        Chances of the true label by heads that learnt from ``chances`` and the given labels.
    together : ndarray of shape (n, C), dtype float32
        All of it, the given label included, and between the other classes a second look: what
        neighbours and ridge regression say once they are told what all of it says of the others.
    """

    neighbours: Floats
    linear: Floats
    chances: Floats
    head: Floats
    together: Floats


def consensus(
    features: NDArray[np.floating],
    targets: NDArray[Any],
    classes: int,
    seed: int = 0,
    progress: ProgressCallback = silent,
    basis: Basis | None = None,
) -> Detection:
    """Rank by the chance that the given label is right, all opinions and the noise considered.

    Parameters
    ----------
    features : ndarray of shape (n, p)
    targets : ndarray of shape (n,) or (n, C)
        Class indices, −1 unlabelled; or tags 1 and 0, rows of −1 unlabelled. With tags each is
        on its own, and the score is the margin of the one most in doubt.
    classes : int
    seed : int
    progress : callable
    basis : Basis, optional
        The features as :func:`~air_core.baselines.newton.decompose` turns them, if that was done.

    Raises
    ------
    SolverError
        If fewer than four images are labelled, or all alike.
    """
    voices = ask(features, targets, classes, seed, progress, basis)
    if targets.ndim == 2:
        return Detection(agreement_scores(voices.together, targets), voices.together)
    own = voices.together[np.arange(len(targets)), targets].astype(np.float64)
    return Detection(np.where(targets < 0, np.nan, own), voices.together)


def ask(
    features: NDArray[np.floating],
    targets: NDArray[Any],
    classes: int,
    seed: int = 0,
    progress: ProgressCallback = silent,
    basis: Basis | None = None,
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
    basis = basis or decompose(features)
    # Halfway between the features as they are and all directions alike: the few directions in
    # which images differ most tell of pictures in general more than of classes.
    stretch = np.sqrt(np.sqrt(basis.values)).astype(np.float32)
    view: Floats = np.divide(basis.rows, stretch, dtype=np.float32)
    rows, weights = _alike(view, labelled, progress)
    near = _vote(rows, weights, targets, classes, 0.5 if tags else 1 / classes)
    rotated = rotate(features, labelled, progress)
    linear = ridge_left_out(
        features, targets, n_classes=classes, seed=seed, progress=progress, rotated=rotated
    ).probabilities
    left_out = _mean((near, linear), tags)
    if tags:
        head = _heads(view, wanted, labelled, tags, seed, progress)
        return Voices(near, linear, left_out, head, _mean((near, linear, head), tags))
    chances, transition = true_label_chances(left_out, targets)
    seen = given_label(chances, transition, targets)
    learnt = np.where(np.isnan(wanted), np.float32(np.nan), seen)
    head = _heads(view, learnt, labelled, tags, seed, progress)
    together = tempered(_mean((head, seen), tags), learnt)
    # The others' chances know this image's given label a little. Whether it is right they cannot
    # be asked again, therefore; which of the other classes it should be, they can.
    told = np.where(np.isnan(wanted), np.float32(np.nan), together)
    again = [
        _vote(rows[:, :_CLOSEST], weights[:, :_CLOSEST], together, classes, 1 / classes),
        ridge_left_out(
            features,
            told,
            n_classes=classes,
            soft=True,
            seed=seed,
            progress=progress,
            rotated=rotated,
        ).probabilities,
    ]
    second = _mean([head, *(given_label(one, transition, targets) for one in again)], tags)
    return Voices(near, linear, chances, head, among_others(second, together, targets))


def _alike(
    view: Floats, labelled: NDArray[np.intp], progress: ProgressCallback
) -> tuple[NDArray[np.intp], Floats]:
    """The k labelled images most alike to each (n, k), nearest first, and their weights (n, k)."""
    k = min(_NEIGHBOURS, len(labelled) - 1)
    rows, cosines = nearest(view, k, among=labelled, progress=progress)
    return rows, np.exp((cosines - cosines[:, :1]) / _FADING)


def _vote(
    rows: NDArray[np.intp], weights: Floats, targets: NDArray[Any], classes: int, even: float
) -> Floats:
    """Shares (n, C) of labels among neighbours (n, k); ``even`` is each where nothing is known."""
    shares = counted(rows, targets, classes, weights)
    # As if one more neighbour, of the mean weight, had every label in equal parts.
    voters = weights.sum(axis=1) ** 2 / np.square(weights).sum(axis=1)
    return np.asarray((shares * voters[:, None] + even) / (voters[:, None] + 1), dtype=np.float32)


def _heads(
    view: Floats,
    wanted: Floats,
    labelled: NDArray[np.intp],
    tags: bool,
    seed: int,
    progress: ProgressCallback,
) -> Floats:
    """Mean of small heads that differ by their seed, asked about every row."""
    narrow = np.ascontiguousarray(view[:, :_DIRECTIONS])
    narrow /= np.sqrt(np.square(narrow).mean())
    heads = [
        mixup_head(
            narrow[labelled], wanted[labelled], tags=tags, asked=narrow,
            seed=_SEEDS * seed + number, progress=progress,
        )
        for number in range(_SEEDS)
    ]  # fmt: skip
    return np.asarray(np.mean(heads, axis=0), dtype=np.float32)


def _mean(parts: Sequence[Floats], tags: bool) -> Floats:
    """Geometric mean of opinions, normalised."""
    held = [np.clip(part, _FLOOR, 1 - _FLOOR) for part in parts]
    total = np.mean([np.log(part) for part in held], axis=0)
    if tags:
        against = np.mean([np.log1p(-part) for part in held], axis=0)
        return np.asarray(1 / (1 + np.exp(against - total)), dtype=np.float32)
    chances = np.exp(total - total.max(axis=1, keepdims=True))
    return np.asarray(chances / chances.sum(axis=1, keepdims=True), dtype=np.float32)
