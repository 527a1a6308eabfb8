"""Rankings at any λ_g from a stored path: read between its values, or solved on the spot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from air_core.dataset import Dataset
from air_core.fitting.path import probabilities_of
from air_core.fitting.path_run import PathRun
from air_core.fitting.stored import current_features, targets_of
from air_core.ranking import Ranking, activation_scores, margin_scores, ranks_of
from air_core.suggestions import suggestions
from air_core.workspace import Workspace

_SAME = 1e-6
_BLOCK = 8192


@dataclass(frozen=True, slots=True)
class Opinion:
    """What AIR says of every image at one λ_g.

    Parameters
    ----------
    lambda_g, lambda_scale : float
        λ_g and its multiple of 1/p.
    activations, margins : ndarray of shape (n,), dtype float64
        In the given label's own class; NaN where unlabelled.
    suggestions : ndarray of shape (n,), or (n, C) with tags
    confidences : ndarray of shape (n,), dtype float64
    exact : bool
        Solved at this λ_g, rather than read between two values of a path.
    """

    lambda_g: float
    lambda_scale: float
    activations: NDArray[np.float64]
    margins: NDArray[np.float64]
    suggestions: NDArray[np.integer]
    confidences: NDArray[np.float64]
    exact: bool


def read_path(run: PathRun, dataset: Dataset, lambda_scale: float) -> Opinion:
    """What the path says at a λ_g; between two of its values, linear in the logarithm of λ_g.

    An image is flagged where its margin read in this way is negative, so that order, flags and
    suggestions agree; the suggestion is that of the nearer value that agrees with it. Past an end
    of the path, what its last value says, which is not exact there.

    Parameters
    ----------
    run : PathRun
    dataset : Dataset
    lambda_scale : float
        λ_g as a multiple of 1/p.
    """
    near, far, weight = _around(run.scales, lambda_scale)
    point = run.points[near]
    lambda_g = point.lambda_g * lambda_scale / point.lambda_scale
    if weight == 0:
        solved_here = abs(np.log(point.lambda_scale / lambda_scale)) <= _SAME
        return Opinion(
            lambda_g=point.lambda_g if solved_here else lambda_g,
            lambda_scale=point.lambda_scale if solved_here else lambda_scale,
            activations=run.activations[near].astype(np.float64),
            margins=run.margins[near].astype(np.float64),
            suggestions=np.asarray(run.suggestions[near]),
            confidences=run.confidences[near].astype(np.float64),
            exact=bool(solved_here),
        )

    def mixed(values: NDArray[np.floating]) -> NDArray[np.float64]:
        result: NDArray[np.float64] = values[near] * (1.0 - weight) + values[far] * weight
        return result

    margins = mixed(run.margins)
    suggested, confidences = _suggested(run, dataset, near, far, margins, mixed(run.confidences))
    return Opinion(
        lambda_g=lambda_g,
        lambda_scale=lambda_scale,
        activations=mixed(run.activations),
        margins=margins,
        suggestions=suggested,
        confidences=confidences,
        exact=False,
    )


def _around(scales: NDArray[np.float64], lambda_scale: float) -> tuple[int, int, float]:
    """The nearer and the farther value around a λ_g, and the weight of the farther; 0 at an end."""
    apart = np.log(scales) - np.log(lambda_scale)
    near = int(np.abs(apart).argmin())
    far = near + 1 if apart[near] > 0 else near - 1
    if abs(apart[near]) <= _SAME or not 0 <= far < len(scales):
        return near, near, 0.0
    return near, far, float(apart[near] / (apart[near] - apart[far]))


def _suggested(
    run: PathRun,
    dataset: Dataset,
    near: int,
    far: int,
    margins: NDArray[np.float64],
    mixed: NDArray[np.float64],
) -> tuple[NDArray[np.integer], NDArray[np.float64]]:
    first, other = np.asarray(run.suggestions[near]), np.asarray(run.suggestions[far])
    if dataset.tags is not None:
        return first, run.confidences[near].astype(np.float64)
    given = dataset.given_labels
    keeps = margins >= 0  # False where unlabelled
    swap = ((first == given) != keeps) & ((other == given) == keeps) & ~np.isnan(margins)
    chosen = np.where(swap, run.confidences[far], run.confidences[near])
    confidences = np.where(first == other, mixed, chosen.astype(np.float64))
    return np.where(swap, other, first), confidences


class Refiner:
    """Solves at any λ_g between the values of a path; the features are prepared once and kept.

    Parameters
    ----------
    workspace : Workspace
        Must not change its features while this is used.
    run : PathRun
    device : str
    """

    def __init__(self, workspace: Workspace, run: PathRun, *, device: str = "auto") -> None:
        from air_core.features import resolve_device
        from air_core.solver import PathRefiner

        dataset = workspace.dataset
        self._features = current_features(workspace).array
        self._tags = dataset.tags
        self._refiner = PathRefiner(
            self._features,
            targets_of(dataset),
            run.as_solved(),
            n_classes=None if dataset.multilabel else len(dataset.class_names),
            device=resolve_device(device),
        )

    def solve(self, lambda_scale: float) -> Opinion:
        """The optimum at ``λ_g = lambda_scale / p``, started from the values around it."""
        point = self._refiner.solve(lambda_scale)
        tags = self._tags
        suggested, confidences = [], []
        for start in range(0, len(self._features), _BLOCK):
            rows = slice(start, start + _BLOCK)
            x = np.asarray(self._features[rows])
            labels, given, sure = suggestions(
                probabilities_of(x, point.coef, point.intercept, tags=tags is not None),
                None if tags is None else tags[rows],
            )
            suggested.append(labels if given is None else given)
            confidences.append(sure)
        return Opinion(
            lambda_g=point.lambda_g,
            lambda_scale=point.lambda_scale,
            activations=point.activations.astype(np.float64),
            margins=point.margins.astype(np.float64),
            suggestions=np.concatenate(suggested),
            confidences=np.concatenate(confidences),
            exact=True,
        )


def can_refine(workspace: Workspace) -> bool:
    """Whether the features fit in memory with their squares; else a solve would take minutes."""
    from air_core.solver.matrix import RESIDENT_BYTES

    return 2 * current_features(workspace).array.nbytes <= RESIDENT_BYTES


def rank_opinion(opinion: Opinion, detector: str, dataset: Dataset) -> Ranking:
    """All items by an AIR detector at one λ_g, worst first.

    Parameters
    ----------
    opinion : Opinion
    detector : str
        ``"air-margin"`` or ``"air-activation"``.
    dataset : Dataset
    """
    if detector.endswith("activation"):
        scores = activation_scores(opinion.activations)
    else:
        scores = margin_scores(opinion.margins)
    tags: dict[str, Any] = {}
    labels = opinion.suggestions
    if dataset.tags is not None:
        tags = {"given_tags": dataset.tags, "suggested_tags": opinion.suggestions}
        labels = dataset.given_labels  # no class of their own
    return Ranking(
        detector=detector,
        item_ids=dataset.item_ids,
        scores=scores,
        given_labels=dataset.given_labels,
        suggested_labels=labels.astype(np.intp),
        confidences=opinion.confidences,
        ranks=ranks_of(scores),
        activations=opinion.activations,
        **tags,
    )


def top_flagged(ranking: Ranking, top: int) -> NDArray[np.intp]:
    """Rows of the ``top`` worst flagged images, worst first."""
    rows = np.flatnonzero(ranking.flagged)
    worst: NDArray[np.intp] = rows[np.argsort(ranking.ranks[rows], kind="stable")][:top]
    return worst


def entered_left(
    before: Ranking, after: Ranking, top: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows that enter and leave the ``top`` worst flagged images from one ranking to another.

    Parameters
    ----------
    before, after : Ranking
        Of the same items.
    top : int

    Returns
    -------
    entered, left : ndarray
        Each worst first, in the ranking that has them.
    """
    old, new = top_flagged(before, top), top_flagged(after, top)
    return new[~np.isin(new, old)], old[~np.isin(old, new)]
