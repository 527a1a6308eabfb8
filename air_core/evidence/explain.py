"""Everything that is known about why an image is flagged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from air_core.dataset import UNLABELLED, Dataset, tags_of
from air_core.evidence.neighbours import NearestIndex
from air_core.evidence.records import (
    ClassEvidence,
    Curve,
    Evidence,
    Labels,
    Neighbour,
    Opinion,
    Relation,
    SolvedPath,
    TopLayer,
    given_labels,
)
from air_core.labels import LabelEvent
from air_core.ranking import Ranking, softmax
from air_core.runs import Fit

NEIGHBOURS = 10
CLASSES = 8
"""Classes shown; beyond these one looks for the given and the suggested one only."""


def explain(
    dataset: Dataset,
    row: int,
    features: NDArray[np.float32],
    layer: TopLayer,
    *,
    index: NearestIndex,
    decisions: Mapping[str, LabelEvent],
    rankings: Mapping[str, Ranking],
    fit: Fit | None = None,
    path: SolvedPath | None = None,
    k: int = NEIGHBOURS,
) -> Evidence:
    """Gather the evidence on one image.

    Parameters
    ----------
    dataset : Dataset
    row : int
        Of the image.
    features : ndarray of shape (n, p)
    layer : TopLayer
        The model that suggests.
    index : NearestIndex
        Over ``features``.
    decisions : mapping of str to LabelEvent
        Those in force, by item id. Neighbours count with their labels in force; excluded ones do
        not count.
    rankings : mapping of str to Ranking
        Detectors to ask.
    fit : Fit, optional
        Gives the activations over its epochs.
    path : SolvedPath, optional
        Gives activation and margin over λ_g.
    k : int
        Neighbours to look for.

    Returns
    -------
    Evidence
    """
    given = given_labels(dataset, row)
    classes, suggested = class_evidence(features[row], layer, given, tags=dataset.multilabel)
    labelled = _labelled(dataset)
    alike = _alike(dataset, row, labelled)
    return Evidence(
        item_id=str(dataset.item_ids[row]),
        given=given,
        suggested=suggested,
        neighbours=_neighbours(dataset, row, labelled, index, decisions, given, suggested, k),
        classes=classes,
        epochs=None if fit is None else _epochs(fit, row, alike),
        path_activation=None if path is None else _over_path(path, path.activations, row, alike),
        path_margin=None if path is None else _over_path(path, path.margins, row, alike),
        opinions=tuple(
            _opinion(ranking, row, int(labelled.sum())) for ranking in rankings.values()
        ),
    )


def class_evidence(
    x: NDArray[np.floating[Any]], layer: TopLayer, given: Labels, *, tags: bool = False
) -> tuple[tuple[ClassEvidence, ...], Labels]:
    """Activation and probability of the classes that matter, and what the model suggests.

    Parameters
    ----------
    x : ndarray of shape (p,)
        Features of the image.
    layer : TopLayer
    given : tuple of int
    tags : bool
        Whether each class is a tag on its own.

    Returns
    -------
    classes : tuple of ClassEvidence
        By activation ``‖x ∘ w_c‖₂ = sqrt(x² · w_c²)``, highest first: the first
        :data:`CLASSES`, and the given and suggested ones wherever they stand.
    suggested : tuple of int

    Examples
    --------
    >>> layer = TopLayer(np.array([[3.0, 0.0], [4.0, 1.0]]), np.zeros(2))
    >>> classes, suggested = class_evidence(np.ones(2), layer, given=(1,))
    >>> [(c.index, c.activation) for c in classes], suggested
    ([(0, 5.0), (1, 1.0)], (0,))
    """
    row, coef = x.astype(np.float64), np.asarray(layer.coef, dtype=np.float64)
    activations = np.sqrt((row * row) @ (coef * coef))
    scores = row @ coef + layer.intercept
    if tags:
        probabilities = expit(scores)
        suggested = tuple(np.flatnonzero(probabilities > 0.5).tolist())
    else:
        probabilities = softmax(scores[None])[0]
        suggested = (int(probabilities.argmax()),)
    order = np.argsort(-activations, kind="stable")
    matters = np.isin(order, given + suggested)
    matters[:CLASSES] = True
    return tuple(
        ClassEvidence(
            index=c,
            activation=float(activations[c]),
            probability=float(probabilities[c]),
            given=c in given,
            suggested=c in suggested,
        )
        for c in order[matters].tolist()
    ), suggested


def _neighbours(
    dataset: Dataset,
    row: int,
    labelled: NDArray[np.bool_],
    index: NearestIndex,
    decisions: Mapping[str, LabelEvent],
    given: Labels,
    suggested: Labels,
    k: int,
) -> tuple[Neighbour, ...]:
    among = labelled.copy()
    for item, decision in decisions.items():
        if item in dataset and decision.action in ("exclude", "relabel"):
            among[dataset.row_of(item)] = decision.action == "relabel"
    rows, similarities = index.nearest(row, k, among)
    found = []
    for other, similarity in zip(rows.tolist(), similarities.tolist(), strict=True):
        item_id = str(dataset.item_ids[other])
        event = decisions.get(item_id)
        labels = _in_force(dataset, other, event)
        relation: Relation = "given" if labels == given else "other"
        if relation == "other" and labels == suggested:
            relation = "suggested"
        found.append(
            Neighbour(
                item_id=item_id,
                path=dataset.paths[other],
                similarity=similarity,
                given=given_labels(dataset, other),
                labels=labels,
                reviewed=None if event is None else event.action,
                same_picture=dataset.digests[other] == dataset.digests[row],
                relation=relation,
            )
        )
    return tuple(found)


def _in_force(dataset: Dataset, row: int, event: LabelEvent | None) -> Labels:
    if event is None or event.action != "relabel" or event.new_label is None:
        return given_labels(dataset, row)
    names = tags_of(event.new_label) if dataset.multilabel else (event.new_label,)
    return tuple(sorted(dataset.class_names.index(name) for name in names))


def _labelled(dataset: Dataset) -> NDArray[np.bool_]:
    if dataset.tags is not None:
        return np.asarray((dataset.tags >= 0).all(axis=1))
    return np.asarray(dataset.given_labels != UNLABELLED)


def _alike(dataset: Dataset, row: int, labelled: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Rows to compare a curve with: those of the same given label; all labelled ones for tags."""
    if dataset.tags is not None:
        return np.flatnonzero(labelled)
    return np.flatnonzero(dataset.given_labels == dataset.given_labels[row])


def _epochs(fit: Fit, row: int, alike: NDArray[np.intp]) -> Curve | None:
    if not len(fit.epochs):
        return None
    return _curve(np.asarray(fit.epochs), np.asarray(fit.epoch_activations), row, alike)


def _over_path(
    path: SolvedPath, values: NDArray[Any], row: int, alike: NDArray[np.intp]
) -> Curve | None:
    """From the smallest λ_g up."""
    return _curve(path.scales[::-1], values[::-1], row, alike) if len(path.scales) else None


def _curve(
    x: NDArray[Any], values: NDArray[Any], row: int, alike: NDArray[np.intp]
) -> Curve | None:
    """``values`` has a row for each x; None without a label, and so without a value."""
    if np.isnan(values[:, row]).any():
        return None
    low, middle, high = np.nanquantile(values[:, alike], (0.25, 0.5, 0.75), axis=1)
    return Curve(x.astype(np.float64), values[:, row].astype(np.float64), low, middle, high)


def _opinion(ranking: Ranking, row: int, labelled: int) -> Opinion:
    score = float(ranking.scores[row])
    if ranking.suggested_tags is not None:
        suggested = tuple(np.flatnonzero(ranking.suggested_tags[row]).tolist())
    else:
        suggested = (int(ranking.suggested_labels[row]),)
    told = ranking.calibrated and not np.isnan(score)
    return Opinion(
        detector=ranking.detector,
        score=None if np.isnan(score) else score,
        rank=int(ranking.ranks[row]),
        of=labelled,
        flagged=bool(ranking.flagged[row]),
        suggested=suggested,
        confidence=float(ranking.confidences[row]),
        chance=score if told else None,
        otherwise=int(ranking.others.labels[row]) if told and ranking.others else None,
    )
