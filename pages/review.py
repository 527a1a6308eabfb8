"""The ranked grid: keep, relabel, exclude or leave open, one key each."""

from __future__ import annotations

import streamlit as st

from air_core import pipeline
from air_core.workspace import Workspace
from pages import resources, state
from pages.components.grid import REVIEW, Basis, pending_operations, review_grid
from pages.components.ranked import choose_filter, choose_page, draw_head, selection_chip
from pages.components.start import fitted_or_stop, workspace_or_stop
from pages.components.tiles import tiles
from pages.decisions import commit


@st.fragment
def review(workspace: Workspace) -> None:
    """The whole page as a fragment: only this reruns after a decision."""
    head = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        detector = st.selectbox(
            "Detector", pipeline.DETECTORS, format_func=pipeline.DETECTORS.get,
            key="review-detector", persist_state="session", width=165,
        )  # fmt: skip
        ranking, fit = resources.ranking(detector), resources.fit(detector.split("-")[0])
        if ranking is None or fit is None:
            st.warning(f"{pipeline.DETECTORS[detector]} has not been fitted yet.")
            return
        chosen = choose_filter(workspace, ranking)
    receipts, operations = state.receipts(), pending_operations(REVIEW)
    problem = commit(workspace, operations, receipts)
    reviewed = workspace.reviewed()
    with head:
        draw_head(workspace, ranking, fit, reviewed.keys())
    rows = chosen.rows(workspace.dataset, ranking, reviewed)
    with st.container():  # always there, so that the grid keeps its place and its focus
        if chosen.selection:
            selection_chip(len(chosen.selection))
        if problem:
            st.error(
                f"{problem} Your decisions wait in this browser.", icon=":material/sync_problem:"
            )
    grid = st.container()
    shown = rows[choose_page(len(rows))]
    with grid:
        result = review_grid(
            tiles(
                workspace, shown, reviewed=reviewed, ranking=ranking,
                activations=ranking.activations,
            ),
            key=REVIEW,
            class_names=workspace.dataset.class_names,
            workspace=resources.version(workspace),
            basis=Basis(state.reviewer(), ranking.detector, fit.lambda_g, fit.run_id),
            ack=receipts.settled,
            rejected=receipts.rejected,
            caption=f"{pipeline.DETECTORS[detector]}, worst first",
        )  # fmt: skip
    # A session that has just begun learns of a queue from before a reload only here.
    if result.operations and not operations:
        st.rerun()


workspace = workspace_or_stop()
fitted_or_stop(workspace)
review(workspace)
