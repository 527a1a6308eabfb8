"""Given against suggested labels; a cell opens its images."""

from __future__ import annotations

import numpy as np
import streamlit as st

from air_core import comparison
from air_core.workspace import Workspace
from pages.components.cells import cell_table
from pages.components.comparison.agreement import open_in_review
from pages.components.comparison.side import Side

SHOWN = 30  # classes; more cells than eyes can take in


def confusion(workspace: Workspace, sides: tuple[Side, Side]) -> None:
    """Draw the matrix of one of the two detectors."""
    title = st.segmented_control(
        "Suggestions of", [side.title for side in sides], default=sides[0].title, required=True,
        key="compare-confusion-of",
    )  # fmt: skip
    side = next((side for side in sides if side.title == title), sides[0])
    dataset = workspace.dataset
    names = list(dataset.class_names)
    counts = comparison.confusion(side.ranking, len(names))
    tags = dataset.multilabel
    chosen = _most_confused(counts, tags)
    if tags:
        columns, shown = ["Seems missing", "Seems wrong"], counts[chosen]
    else:
        columns, shown = [names[i] for i in chosen], counts[np.ix_(chosen, chosen)]
    if len(chosen) < len(names):
        st.caption(f"The {len(chosen)} of {len(names):,} classes with most disagreement.")
    pressed = cell_table(
        [names[i] for i in chosen],
        columns,
        shown,
        key=f"compare-cells-{side.place}",
        caption=f"Given and suggested labels by {side.title}",
        corner="Tag" if tags else "given ↓  suggested →",
        square=not tags,
    )
    st.caption("Press a number to open its images in Review.")
    if pressed is not None:
        row = int(chosen[pressed.row])
        column = pressed.column if tags else int(chosen[pressed.column])
        what = f"{names[row]} → {names[column]}" if not tags else names[row]
        open_in_review(workspace, comparison.in_cell(side.ranking, row, column), f"the cell {what}")


def _most_confused(counts: np.ndarray, tags: bool) -> np.ndarray:
    """Indices of the classes to show, in class order."""
    off = counts.sum(axis=1)
    if not tags:
        off = off + counts.sum(axis=0) - 2 * counts.diagonal()
    most = np.argsort(-off, kind="stable")[:SHOWN]
    return np.sort(most)
