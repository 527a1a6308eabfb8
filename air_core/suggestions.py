"""What a model would label each item, and what a label should be if it is wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from air_core.dataset import UNLABELLED

Floats = NDArray[np.float64]
_BLOCK = 65_536


@dataclass(frozen=True, slots=True)
class Others:
    """The likeliest class of each item other than the given one.

    Parameters
    ----------
    labels : ndarray of shape (n,), dtype intp
        The likeliest class of all where no label is given.
    confidences : ndarray of shape (n,), dtype float64
        The model's probability of it.
    """

    labels: NDArray[np.intp]
    confidences: Floats


@dataclass(frozen=True, slots=True)
class TwoLikeliest:
    """The two classes of the largest probabilities, and those.

    Parameters
    ----------
    labels, seconds : ndarray of shape (n,), dtype intp
    confidences, second_confidences : ndarray of shape (n,), dtype float64
    """

    labels: NDArray[np.intp]
    confidences: Floats
    seconds: NDArray[np.intp]
    second_confidences: Floats

    def others(self, given: NDArray[np.integer]) -> Others:
        """The likelier of the two that is not the given label (n,).

        Examples
        --------
        >>> two_likeliest(np.array([[0.5, 0.2, 0.3]] * 2)).others(np.array([0, 1])).labels
        array([2, 0])
        """
        agrees = self.labels == given
        return Others(
            np.where(agrees, self.seconds, self.labels),
            np.where(agrees, self.second_confidences, self.confidences),
        )


def two_likeliest(probabilities: NDArray[np.floating]) -> TwoLikeliest:
    """The two likeliest classes of each row of (n, C); of equals the first.

    Examples
    --------
    >>> found = two_likeliest(np.array([[0.5, 0.2, 0.3]]))
    >>> found.labels, found.seconds, found.second_confidences
    (array([0]), array([2]), array([0.3]))
    """
    n = len(probabilities)
    labels, seconds = np.empty(n, dtype=np.intp), np.empty(n, dtype=np.intp)
    confidences, second_confidences = np.empty(n), np.empty(n)
    for start in range(0, n, _BLOCK):  # a copy of them all would not fit beside a million rows
        part = slice(start, start + _BLOCK)
        chances = np.array(probabilities[part])
        rows = np.arange(len(chances))
        labels[part] = chances.argmax(axis=1)
        confidences[part] = chances[rows, labels[part]]
        chances[rows, labels[part]] = -np.inf
        seconds[part] = chances.argmax(axis=1)
        second_confidences[part] = np.maximum(chances[rows, seconds[part]], 0)
    return TwoLikeliest(labels, confidences, seconds, second_confidences)


def suggestions(
    probabilities: NDArray[np.floating], tags: NDArray[np.int8] | None
) -> tuple[NDArray[np.intp], NDArray[np.int8] | None, Floats]:
    """What a model would label each item, as a class or as tags, and how sure it is of that.

    Parameters
    ----------
    probabilities : ndarray of shape (n, C)
        Of tags each on its own.
    tags : ndarray of shape (n, C), or None
        Given tags, where an item may have several labels.

    Returns
    -------
    labels : ndarray of shape (n,)
        ``UNLABELLED`` throughout for tags.
    tags : ndarray of shape (n, C), or None
    confidences : ndarray of shape (n,)
        Of tags, that of the one most in doubt.

    Examples
    --------
    >>> suggestions(np.array([[0.2, 0.8]]), None)
    (array([1]), None, array([0.8]))
    """
    if tags is None:
        labels = probabilities.argmax(axis=1).astype(np.intp)
        sure = np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]
        return labels, None, sure.astype(np.float64)
    doubted = np.where(tags > 0, probabilities, 1 - probabilities).argmin(axis=1)
    in_doubt = probabilities[np.arange(len(tags)), doubted].astype(np.float64)
    return (
        np.full(len(tags), UNLABELLED, dtype=np.intp),
        (probabilities > 0.5).astype(np.int8),
        np.maximum(in_doubt, 1 - in_doubt),
    )
