"""A few of the most suspicious images: what the audit found, at a glance."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from air_core.ranking import Ranking
from air_core.workspace import Workspace
from pages.components.markdown import literal
from pages.components.status import worst_rows

ROWS, COLUMNS = 2, 5


def draw_worst(workspace: Workspace, ranking: Ranking | None, decided: NDArray[np.bool_]) -> None:
    """Draw what the ranking questions first and nobody has decided on, beside the next step."""
    with st.container(border=True, height="stretch"):
        st.header("The most suspicious labels", anchor=False)
        if ranking is None:
            st.markdown(":gray[They are shown here once the labels are ranked.]")
            return
        rows = [row for row in worst_rows(ranking).tolist() if not decided[row]]
        if not rows:
            st.markdown(":green[:material/check_circle:] The worst of them are all decided.")
        for start in range(0, min(len(rows), ROWS * COLUMNS), COLUMNS):
            _draw_row(workspace, ranking, rows[start : start + COLUMNS])


def _draw_row(workspace: Workspace, ranking: Ranking, rows: list[int]) -> None:
    """Thumbnails with given → suggested below each."""
    dataset = workspace.dataset
    for place, row in zip(st.columns(COLUMNS, gap="small"), rows, strict=False):
        given = dataset.shown(dataset.given_text(row)) or ""
        suggested = dataset.shown(ranking.suggested_text(row, dataset.class_names)) or ""
        place.image(
            workspace.thumbnail(str(ranking.item_ids[row])),
            width="stretch",
            caption=f"{literal(given)} → **{literal(suggested)}**?",
            alt=f"Labelled {given}, perhaps {suggested}",
        )
