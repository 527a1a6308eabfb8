"""Grid tiles and map points from what is known about images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from air_core.labels import LabelEvent
from air_core.ranking import Ranking
from air_core.workspace import Workspace
from pages.components.grid import Border, GridItem
from pages.components.map import DECISION_CODES, MapPoints

_BORDERS: dict[int, Border | None] = {1: "agree", -1: "disagree", 0: None}


def tiles(
    workspace: Workspace,
    rows: Iterable[int],
    *,
    reviewed: Mapping[str, LabelEvent],
    ranking: Ranking | None = None,
    verdict: NDArray[np.int8] | None = None,
    activations: NDArray[np.floating[Any]] | None = None,
) -> list[GridItem]:
    """Describe images for the grid, in the order of ``rows``.

    Parameters
    ----------
    workspace : Workspace
    rows : iterable of int
        Rows of the dataset.
    reviewed : mapping of str to LabelEvent
        Decisions in force.
    ranking : Ranking, optional
        Gives suggestion, confidence, score and rank.
    verdict : ndarray of shape (n,), dtype int8, optional
        1 right, -1 wrong, 0 unknown: the border of Figure 4.
    activations : ndarray of shape (n,), optional
        Shown with the large picture.
    """
    dataset = workspace.dataset
    items = []
    for row in rows:
        item_id = str(dataset.item_ids[row])
        event = reviewed.get(item_id)
        item = GridItem(
            item_id=item_id,
            given=dataset.shown(dataset.given_text(row)),
            decision=event.action if event else None,
            label=dataset.shown(event.new_label) if event and event.action == "relabel" else None,
            path=dataset.paths[row],
            border=None if verdict is None else _BORDERS[int(verdict[row])],
        )
        if ranking is not None:
            score = float(ranking.scores[row])
            item = replace(
                item,
                suggested=dataset.shown(ranking.suggested_text(row, dataset.class_names)),
                confidence=float(ranking.confidences[row]),
                score=None if np.isnan(score) else score,
                rank=int(ranking.ranks[row]),
            )
        if activations is not None:
            item = replace(item, details=(("Activation", f"{activations[row]:.4f}"),))
        items.append(item)
    return items


def map_points(
    workspace: Workspace,
    xy: NDArray[np.float32],
    reviewed: Mapping[str, LabelEvent],
    ranking: Ranking | None,
) -> MapPoints:
    """Describe every image for the map.

    Parameters
    ----------
    workspace : Workspace
    xy : ndarray of shape (n, 2)
        The projection.
    reviewed : mapping of str to LabelEvent
        Decisions in force.
    ranking : Ranking, optional
        Gives suggestion, score and flag.
    """
    dataset = workspace.dataset
    decisions = np.zeros(len(dataset), dtype=np.int32)
    for item_id, event in reviewed.items():
        decisions[dataset.row_of(item_id)] = DECISION_CODES[event.action]
    return MapPoints(
        xy,
        dataset.item_ids,
        dataset.class_names,
        dataset.given_labels,
        decisions,
        suggested=None if ranking is None else ranking.suggested_labels,
        scores=None if ranking is None else ranking.scores,
        flagged=None if ranking is None else ranking.flagged,
    )
