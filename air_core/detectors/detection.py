"""What a detector says of every item, and the readings that most of them share."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from air_core.ranking import margin_scores, margins, tag_margins

Floats = NDArray[np.float64]
T = TypeVar("T")
RECIPE = 6
"""Raised whenever a detector computes something else: answers kept before are then asked anew."""


@dataclass(slots=True)
class Fits:
    """Models of the same features and labels, fitted once where several detectors read them.

    They stay in memory as long as this does, the rotated features, as large as the features, too.

    Parameters
    ----------
    saved : float
        Seconds that were not spent again.

    Examples
    --------
    >>> fits = Fits()
    >>> [fits.once("model", lambda: "fitted") for _ in range(2)]
    ['fitted', 'fitted']
    """

    saved: float = 0.0
    _made: dict[str, tuple[Any, float]] = field(default_factory=dict)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What ``make`` returned when it was first called under this name."""
        if name in self._made:
            self.saved += self._made[name][1]
        else:
            started, saved = time.perf_counter(), self.saved
            made = make()
            # What it is made of may have been there.
            self._made[name] = made, time.perf_counter() - started + self.saved - saved
        found: T = self._made[name][0]
        return found


@dataclass(frozen=True, slots=True)
class Detection:
    """One detector's answer, in the order of the rows.

    Parameters
    ----------
    scores : ndarray of shape (n,), dtype float64
        1 clean … 0 worst; NaN where unlabelled.
    probabilities : ndarray of shape (n, C), dtype float32
        Of each class; of tags each on its own. The largest is what the detector would label it.
    coef : ndarray of shape (p, C) or None, intercept : ndarray of shape (C,) or None
        Where the detector is linear in the features.
    notes : dict
        What was chosen on the way, as values that JSON has.
    """

    scores: Floats
    probabilities: NDArray[np.float32]
    coef: NDArray[Any] | None = None
    intercept: NDArray[Any] | None = None
    notes: dict[str, Any] = field(default_factory=dict)


def agreement_scores(probabilities: NDArray[np.floating], targets: NDArray[Any]) -> Floats:
    """Scores (n,) by how far the given label is ahead of the best other one.

    Parameters
    ----------
    probabilities : ndarray of shape (n, C)
    targets : ndarray of shape (n,) or (n, C)
        Class indices, −1 unlabelled; or tags, rows of −1 unlabelled.

    Examples
    --------
    >>> agreement_scores(np.array([[0.75, 0.25], [0.75, 0.25]]), np.array([0, 1]))
    array([0.75, 0.25])
    """
    if targets.ndim == 2:
        return margin_scores(tag_margins(2.0 * probabilities - 1, targets))
    return margin_scores(margins(probabilities, targets))
