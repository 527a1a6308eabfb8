"""The ranked grid: keep, relabel, exclude or leave open, one key each."""

from __future__ import annotations

import streamlit as st

from air_core import pipeline
from air_core.pipeline import Fit
from air_core.ranking import Ranking
from air_core.workspace import Workspace
from pages import filters, resources, state
from pages.components.grid import pending_operations, review_grid
from pages.components.refit import refit_control
from pages.components.start import fitted_or_stop, workspace_or_stop
from pages.components.tiles import tiles
from pages.decisions import commit

GRID = "review-grid"
PAGE_SIZES = (60, 120, 240, 500, 1000)


def choose_filter(workspace: Workspace, ranking: Ranking, fit: Fit) -> tuple[filters.Filter, int]:
    """Draw the row of controls; return what to show and how many on a page."""
    names, pairs = workspace.dataset.class_names, filters.pairs(workspace.dataset, ranking)

    def pair_title(pair: filters.Pair | None) -> str:
        return "Any pair" if pair is None else f"{pair[0]} → {pair[1]} ({pairs.get(pair, 0)})"

    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        scope = st.selectbox(
            "Show", filters.SCOPES, format_func=filters.SCOPES.get,
            key="review-scope", persist_state="session", width=130,
        )  # fmt: skip
        class_name = st.selectbox(
            "Given class", [None, *names], format_func=lambda name: name or "All classes",
            key="review-class", persist_state="session", width=150,
        )  # fmt: skip
        pair = st.selectbox(
            "Given → suggested", [None, *pairs], format_func=pair_title,
            key="review-pair", persist_state="session", width=210,
        )  # fmt: skip
        decision = st.selectbox(
            "Decision", filters.DECISIONS, format_func=filters.DECISIONS.get,
            key="review-decision", persist_state="session", width=145,
        )  # fmt: skip
        text = st.text_input(
            "Search", placeholder="path or label", icon=":material/search:",
            key="review-text", persist_state="session", width=170,
        )  # fmt: skip
        size = st.selectbox(
            "Per page", PAGE_SIZES, index=1, key="review-size", persist_state="session", width=95
        )
        refit_control(workspace, fit)
    chosen = filters.Filter(scope, class_name, pair, decision, text, state.selection())
    return chosen, size


def selection_chip(ranked: int) -> None:
    """Say that only a selection is shown, and offer to show everything again."""
    with st.container(horizontal=True, vertical_alignment="center"):
        origin = state.selection_origin()
        st.badge(f"Showing the {ranked:,} selected from {origin}", icon=":material/filter_alt:")
        if st.button("Clear the selection", type="tertiary", icon=":material/close:"):
            state.clear_selection()
            st.rerun()


@st.fragment
def review(workspace: Workspace, detector: str) -> None:
    """Everything below the title; only this part reruns after a decision."""
    ranking, fit = resources.ranking(detector), resources.fit(detector.split("-")[0])
    if ranking is None or fit is None:
        st.rerun()
    receipts = state.receipts()
    operations = pending_operations(GRID)
    problem = commit(
        workspace, operations, reviewer=state.reviewer(),
        ranking=ranking, fit=fit, receipts=receipts,
    )  # fmt: skip
    reviewed = workspace.reviewed()
    flagged = workspace.dataset.item_ids[ranking.flagged]
    done = sum(str(item) in reviewed for item in flagged)
    share = done / len(flagged) if len(flagged) else 1.0
    st.progress(share, text=f"Reviewed **{done:,}** of **{len(flagged):,}** flagged images")
    chosen, size = choose_filter(workspace, ranking, fit)
    rows = chosen.rows(workspace.dataset, ranking, reviewed)
    if chosen.selection:
        selection_chip(len(chosen.selection))
    if problem:
        st.error(f"{problem} Your decisions wait in this browser.", icon=":material/sync_problem:")
    pages = max(1, -(-len(rows) // size))
    page = min(st.session_state.get("review-page", 1), pages)
    result = review_grid(
        tiles(
            workspace, rows[(page - 1) * size : page * size], reviewed=reviewed, ranking=ranking,
            activations=ranking.activations,
        ),
        key=GRID,
        class_names=workspace.dataset.class_names,
        workspace=resources.version(workspace),
        ack=receipts.settled,
        rejected=receipts.rejected,
        caption=f"{pipeline.DETECTORS[detector]}, worst first",
    )  # fmt: skip
    if pages > 1:
        st.pagination(pages, key="review-page")
    # A session that has just begun learns of a queue from before a reload only here.
    if result.operations and not operations:
        st.rerun()


workspace = workspace_or_stop()
fitted_or_stop(workspace)
with st.container(horizontal=True, vertical_alignment="bottom"):
    st.title("Review", width="stretch")
    ready = [name for name in pipeline.DETECTORS if resources.ranking(name) is not None]
    detector = st.selectbox(
        "Detector", ready, format_func=pipeline.DETECTORS.get,
        key="review-detector", persist_state="session", width=260,
    )  # fmt: skip
review(workspace, detector)
