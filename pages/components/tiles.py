"""Grid tiles from what is known about images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from air_core.dataset import Dataset
from air_core.labels import LabelEvent
from air_core.ranking import Ranking
from air_core.workspace import Workspace
from pages.components.grid import Border, GridItem

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
    for row in map(int, rows):
        item_id = str(dataset.item_ids[row])
        event = reviewed.get(item_id)
        items.append(
            GridItem(
                item_id=item_id,
                given=dataset.shown(dataset.given_text(row)),
                **_opinion(dataset, ranking, row),
                decision=event.action if event else None,
                label=dataset.shown(event.new_label)
                if event and event.action == "relabel"
                else None,
                path=dataset.paths[row],
                border=None if verdict is None else _BORDERS[int(verdict[row])],
                details=() if activations is None else (("Activation", f"{activations[row]:.4f}"),),
                row=row,
                seen=event.event_id if event else 0,
                by=event.reviewer if event else None,
            )
        )
    return items


def _opinion(dataset: Dataset, ranking: Ranking | None, row: int) -> dict[str, Any]:
    """What a ranking says of one image."""
    if ranking is None:
        return {}
    score = float(ranking.scores[row])
    return {
        "suggested": dataset.shown(ranking.suggested_text(row, dataset.class_names)),
        "confidence": float(ranking.confidences[row]),
        "score": None if np.isnan(score) else score,
        "rank": int(ranking.ranks[row]),
    }
