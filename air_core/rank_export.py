"""A ranking as a CSV file."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from air_core.atomic import atomic_write
from air_core.dataset import Dataset
from air_core.ranking import Ranking

COLUMNS = (
    "item_id",
    "path",
    "given_label",
    "suggested_label",
    "confidence",
    "score",
    "rank",
    "detector",
)


def write_ranking(dataset: Dataset, ranking: Ranking, path: Path, *, top: int | None = None) -> int:
    """Write a ranking, worst first, in the columns of :data:`COLUMNS`.

    Parameters
    ----------
    dataset : Dataset
    ranking : Ranking
    path : Path
        Replaced when it exists.
    top : int, optional
        Only so many rows.

    Returns
    -------
    int
        Rows written.
    """
    rows = ranking.order[:top]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        score = ranking.scores[row]
        writer.writerow(
            (
                ranking.item_ids[row],
                dataset.paths[row],
                dataset.label_name(ranking.given_labels[row]) or "",
                dataset.class_names[ranking.suggested_labels[row]],
                f"{ranking.confidences[row]:.6f}",
                "" if np.isnan(score) else f"{score:.9f}",
                ranking.ranks[row],
                ranking.detector,
            )
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(text.getvalue().encode())
    return len(rows)
