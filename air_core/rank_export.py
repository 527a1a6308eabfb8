"""A ranking as a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from air_core.atomic import atomic_write
from air_core.dataset import Dataset
from air_core.errors import ExportError
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


def write_ranking(
    dataset: Dataset,
    ranking: Ranking,
    path: Path,
    *,
    top: int | None = None,
    overwrite: bool = False,
    protected: Sequence[Path] = (),
) -> int:
    """Write a ranking, worst first, in the columns of :data:`COLUMNS`.

    ``suggested_label`` is the likeliest class other than the given one, and ``confidence`` its
    probability: low where the given label is likely right. Whoever reads a list of doubts asks what
    a label should be if it is wrong; that it is right says the score.

    Parameters
    ----------
    dataset : Dataset
    ranking : Ranking
    path : Path
        An existing file is replaced only if it is an earlier ranking.
    top : int, optional
        Only so many rows.
    overwrite : bool
        Replace any file that lies in none of the ``protected`` places.
    protected : sequence of Path
        The source and the workspace.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    ExportError
        If ``path`` is a folder or a file of another kind, or cannot be written.
    """
    header = ",".join(COLUMNS) + "\n"
    if path.is_dir():
        raise ExportError(
            f"Expected a file to write, got the folder {path}.", hint="Add a file name."
        )
    real = path.resolve()
    free = overwrite and not any(real.is_relative_to(place) for place in protected)
    if path.exists() and not free and not _starts_with(path, header.encode()):
        raise ExportError(
            f"Expected a new name or an earlier ranking, got {path}, which is neither.",
            hint="Write to another name; no other file is overwritten unless --overwrite says so.",
        )
    rows = ranking.order[:top]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        score = ranking.scores[row]
        suggested, confidence = ranking.otherwise(row, dataset.class_names)
        writer.writerow(
            (
                ranking.item_ids[row],
                dataset.paths[row],
                dataset.given_text(row) or "",
                suggested,
                f"{confidence:.6f}",
                "" if np.isnan(score) else f"{score:.9f}",
                ranking.ranks[row],
                ranking.detector,
            )
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write(text.getvalue().encode())
    except OSError as error:
        raise ExportError(f"Expected to write {path}, got: {error.strerror}.") from error
    return len(rows)


def _starts_with(path: Path, start: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(start)) == start
