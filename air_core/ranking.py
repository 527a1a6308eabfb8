"""From activations and probabilities to a list that is read from the top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from air_core.dataset import UNLABELLED, tags_text
from air_core.errors import SolverError
from air_core.suggestions import Others, TwoLikeliest, suggestions, two_likeliest

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ranking:
    """One detector's opinion of every item, in the dataset's order.

    Parameters
    ----------
    detector : str
        Name of the detector, such as ``"air-margin"``.
    item_ids : ndarray of shape (n,)
    scores : ndarray of shape (n,), dtype float64
        1 clean … 0 worst; NaN for an unlabelled item, which has no label to doubt.
    given_labels, suggested_labels : ndarray of shape (n,), dtype intp
        Class indices; what the model would label an item, the given label where it agrees.
    confidences : ndarray of shape (n,), dtype float64
        The model's probability of the suggested label.
    ranks : ndarray of shape (n,), dtype intp
        1 is the worst; unlabelled items come last.
    activations : ndarray of shape (n,), dtype float64
        ``‖v_{i,y_i}‖``, NaN for an unlabelled item.
    given_tags, suggested_tags : ndarray of shape (n, C), or None
        Where an item may have several labels: 1 for each tag it has, and that the model would
        give; the class indices above are ``UNLABELLED`` then.
    calibrated : bool
        Whether a score is the chance that the given label is right.
    others : Others or None
        What each label should be if it is wrong; None for tags, and on the λ-path.
    """

    detector: str
    item_ids: NDArray[np.str_]
    scores: Floats
    given_labels: NDArray[np.intp]
    suggested_labels: NDArray[np.intp]
    confidences: Floats
    ranks: NDArray[np.intp]
    activations: Floats
    given_tags: NDArray[np.int8] | None = None
    suggested_tags: NDArray[np.int8] | None = None
    calibrated: bool = False
    others: Others | None = None

    def __len__(self) -> int:
        return len(self.item_ids)

    def otherwise(self, row: int, class_names: Sequence[str]) -> tuple[str, float]:
        """What an item's label should be if the given one is wrong, and how likely that is.

        Tags, and labels on the λ-path, have what the model would label the item.
        """
        if self.others is None:
            return self.suggested_text(row, class_names), float(self.confidences[row])
        found = class_names[int(self.others.labels[row])]
        return found, float(self.others.confidences[row])

    def suggested_text(self, row: int, class_names: Sequence[str]) -> str:
        """What the model would label an item: a class, or tags as a JSON list."""
        if self.suggested_tags is None:
            return class_names[int(self.suggested_labels[row])]
        found = np.flatnonzero(self.suggested_tags[row]).tolist()
        return tags_text(class_names[tag] for tag in found)

    @property
    def order(self) -> NDArray[np.intp]:
        """Rows, worst first."""
        rows = np.empty(len(self), dtype=np.intp)
        rows[self.ranks - 1] = np.arange(len(self))
        return rows

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """Where the model would label a labelled item otherwise."""
        if self.given_tags is not None and self.suggested_tags is not None:
            other: NDArray[np.bool_] = (self.suggested_tags != self.given_tags).any(axis=1)
            return np.logical_and(other, ~np.isnan(self.scores))
        differs: NDArray[np.bool_] = self.suggested_labels != self.given_labels
        labelled: NDArray[np.bool_] = self.given_labels != UNLABELLED
        return np.logical_and(differs, labelled)


def softmax(scores: NDArray[np.floating]) -> NDArray[np.float32]:
    """Probabilities of shape (n, C) from scores, stable for large values."""
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float32] = shifted / shifted.sum(axis=1, keepdims=True)
    return probabilities.astype(np.float32, copy=False)


def own_class(per_class: NDArray[np.floating], labels: NDArray[np.integer]) -> Floats:
    """Entry of the given label's own class; NaN where there is no label.

    Examples
    --------
    >>> own_class(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1, -1]))
    array([ 2., nan])
    """
    picked: Floats = per_class[np.arange(len(labels)), np.maximum(labels, 0)].astype(np.float64)
    picked[labels == UNLABELLED] = np.nan
    return picked


def margins(per_class: NDArray[np.floating], labels: NDArray[np.integer]) -> Floats:
    """Own class minus the best other class; NaN where there is no label.

    Parameters
    ----------
    per_class : ndarray of shape (n, C)
        Probabilities or decision values.
    labels : ndarray of shape (n,)

    Examples
    --------
    >>> margins(np.array([[0.7, 0.2, 0.1]]), np.array([1]))
    array([-0.5])
    """
    others: Floats = per_class.astype(np.float64)
    labelled = labels != UNLABELLED
    others[np.flatnonzero(labelled), labels[labelled]] = -np.inf
    best_other: Floats = others.max(axis=1)
    return own_class(per_class, labels) - best_other


def tag_activations(per_class: NDArray[np.floating], tags: NDArray[np.int8]) -> Floats:
    """The least activation over the tags of each item; NaN where it has none.

    Examples
    --------
    >>> tag_activations(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1, 1], [0, 0]], np.int8))
    array([ 1., nan])
    """
    own = np.where(tags > 0, per_class, np.inf).min(axis=1)
    return np.where(np.isinf(own), np.nan, own)


def tag_margins(signed: NDArray[np.floating], tags: NDArray[np.int8]) -> Floats:
    """How far the model agrees with the tag it doubts most, given or missing.

    Parameters
    ----------
    signed : ndarray of shape (n, C)
        Above 0 where the model would give the tag.
    tags : ndarray of shape (n, C)
        1 given, 0 not, −1 unlabelled.

    Returns
    -------
    ndarray of shape (n,)
        NaN where unlabelled.

    Examples
    --------
    >>> tag_margins(np.array([[0.9, -0.8], [0.9, 0.2]]), np.array([[1, 0], [1, 0]], np.int8))
    array([ 0.8, -0.2])
    """
    agreement = np.where(tags > 0, signed, -signed).min(axis=1).astype(np.float64)
    return np.where((tags < 0).any(axis=1), np.nan, agreement)


def margin_scores(margins: Floats) -> Floats:
    """Margins of probabilities, in [−1, 1], as scores in [0, 1].

    Examples
    --------
    >>> margin_scores(np.array([-1.0, 0.0, 1.0]))
    array([0. , 0.5, 1. ])
    """
    return (1 + margins) / 2


def activation_scores(activations: Floats) -> Floats:
    """Activations as a share of the largest one, in [0, 1].

    Examples
    --------
    >>> activation_scores(np.array([1.0, 4.0, np.nan]))
    array([0.25, 1.  ,  nan])
    """
    largest = np.nanmax(activations) if np.isfinite(activations).any() else 0.0
    return activations / largest if largest > 0 else activations * 0


def rank_items(
    detector: str,
    item_ids: NDArray[np.str_],
    given_labels: NDArray[np.intp],
    *,
    scores: Floats,
    probabilities: NDArray[np.floating],
    activations: Floats,
    tags: NDArray[np.int8] | None = None,
    calibrated: bool = False,
    likeliest: TwoLikeliest | None = None,
) -> Ranking:
    """Order items by score, worst first.

    Parameters
    ----------
    detector : str
    item_ids : ndarray of shape (n,)
    given_labels : ndarray of shape (n,)
    scores : ndarray of shape (n,)
        1 clean … 0 worst; NaN where unlabelled.
    probabilities : ndarray of shape (n, C)
        Decide suggestion and confidence; of tags each on its own, and the confidence is that of
        the tag most in doubt.
    activations : ndarray of shape (n,)
    tags : ndarray of shape (n, C), optional
        Given tags, where an item may have several labels.
    calibrated : bool
        Whether scores are chances that the given label is right.
    likeliest : TwoLikeliest, optional
        Of ``probabilities``, where they are known already.

    Raises
    ------
    SolverError
        If the arrays do not have the same length.
    """
    n = len(item_ids)
    for name, array in (("labels", given_labels), ("scores", scores), ("rows", probabilities)):
        if len(array) != n:
            raise SolverError(
                f"Expected {n} {name}, one for each image, got {len(array)}.",
                hint="Fit again: the images have changed since.",
            )
    suggested_tags, others = None, None
    if tags is None:
        likeliest = likeliest or two_likeliest(probabilities)
        labels, confidences = likeliest.labels, likeliest.confidences
        others = likeliest.others(given_labels)
    else:
        labels, suggested_tags, confidences = suggestions(probabilities, tags)
    return Ranking(
        detector=detector,
        item_ids=item_ids,
        scores=scores,
        given_labels=given_labels,
        suggested_labels=labels,
        confidences=confidences,
        ranks=ranks_of(scores),
        activations=activations,
        given_tags=tags,
        suggested_tags=suggested_tags,
        calibrated=calibrated,
        others=others,
    )


def ranks_of(scores: Floats) -> NDArray[np.intp]:
    """1 for the lowest score; ties stay in the source's order, NaN comes last.

    Examples
    --------
    >>> ranks_of(np.array([0.5, np.nan, 0.1, 0.5]))
    array([2, 4, 1, 3])
    """
    ranks = np.empty(len(scores), dtype=np.intp)
    ranks[np.argsort(scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return ranks
