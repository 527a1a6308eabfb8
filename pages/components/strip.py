"""A row of the most suspicious images: what the audit found, at a glance."""

from __future__ import annotations

from collections.abc import Container

import streamlit as st

from air_core.ranking import Ranking
from air_core.workspace import Workspace
from pages.components.markdown import literal


def worst_undecided(ranking: Ranking, reviewed: Container[str], count: int) -> list[int]:
    """Rows of the flagged images without a decision, worst first, at most ``count``."""
    flagged, found = ranking.flagged, []
    for row in ranking.order:
        if flagged[row] and str(ranking.item_ids[row]) not in reviewed:
            found.append(int(row))
            if len(found) == count:
                break
    return found


def draw_strip(workspace: Workspace, ranking: Ranking, rows: list[int], columns: int) -> None:
    """Draw thumbnails with given → suggested below each."""
    dataset = workspace.dataset
    for place, row in zip(st.columns(columns), rows, strict=False):
        given = dataset.shown(dataset.given_text(row)) or ""
        suggested = dataset.shown(ranking.suggested_text(row, dataset.class_names)) or ""
        place.image(
            workspace.thumbnail(str(ranking.item_ids[row])),
            width="stretch",
            caption=f"{literal(given)} → **{literal(suggested)}**?",
        )
