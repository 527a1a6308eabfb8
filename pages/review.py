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


def choose_filter(workspace: Workspace, ranking: Ranking) -> filters.Filter:
    """Draw the controls that narrow the list, and return what they say."""
    names, pairs = workspace.dataset.class_names, filters.pairs(workspace.dataset, ranking)

    def pair_title(pair: filters.Pair | None) -> str:
        return "Any pair" if pair is None else f"{pair[0]} → {pair[1]} ({pairs.get(pair, 0)})"

    scope = st.selectbox(
        "Show", filters.SCOPES, format_func=filters.SCOPES.get,
        key="review-scope", persist_state="session", width=100,
    )  # fmt: skip
    class_name = st.selectbox(
        "Given class", [None, *names], format_func=lambda name: name or "All classes",
        key="review-class", persist_state="session", width=125,
    )  # fmt: skip
    pair = st.selectbox(
        "Given → suggested", [None, *pairs], format_func=pair_title,
        key="review-pair", persist_state="session", width=150,
    )  # fmt: skip
    decision = st.selectbox(
        "Decision", filters.DECISIONS, format_func=filters.DECISIONS.get,
        key="review-decision", persist_state="session", width=130,
    )  # fmt: skip
    text = st.text_input(
        "Search", placeholder="path or label", key="review-text", persist_state="session", width=120
    )
    return filters.Filter(scope, class_name, pair, decision, text, state.selection())


def choose_page(found: int) -> slice:
    """Where there is more than fits a page, draw the controls; return the rows to show."""
    if found <= PAGE_SIZES[0]:
        return slice(0, found)
    with st.container(horizontal=True, vertical_alignment="center"):
        where = st.container(width="stretch")
        size = st.selectbox(
            "Images a page", PAGE_SIZES, index=1, label_visibility="collapsed",
            format_func=lambda count: f"{count} a page",
            key="review-size", persist_state="session", width=125,
        )  # fmt: skip
        pages = -(-found // size)
        page = st.pagination(pages, key="review-page") if pages > 1 else 1
    first, last = (page - 1) * size, min(page * size, found)
    where.caption(f"{first + 1:,} to {last:,} of {found:,}")
    return slice(first, last)


def selection_chip(ranked: int) -> None:
    """Say that only a selection is shown, and offer to show everything again."""
    with st.container(horizontal=True, vertical_alignment="center"):
        origin = state.selection_origin()
        st.badge(f"Showing the {ranked:,} selected from {origin}", icon=":material/filter_alt:")
        if st.button("Clear the selection", type="tertiary", icon=":material/close:"):
            state.clear_selection()
            st.rerun()


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
    receipts, operations = state.receipts(), pending_operations(GRID)
    problem = commit(
        workspace, operations, reviewer=state.reviewer(),
        ranking=ranking, fit=fit, receipts=receipts,
    )  # fmt: skip
    reviewed = workspace.reviewed()
    with head:
        draw_head(workspace, ranking, fit, set(reviewed))
    rows = chosen.rows(workspace.dataset, ranking, reviewed)
    if chosen.selection:
        selection_chip(len(chosen.selection))
    if problem:
        st.error(f"{problem} Your decisions wait in this browser.", icon=":material/sync_problem:")
    grid = st.container()
    shown = rows[choose_page(len(rows))]
    with grid:
        result = review_grid(
            tiles(
                workspace, shown, reviewed=reviewed, ranking=ranking,
                activations=ranking.activations,
            ),
            key=GRID,
            class_names=workspace.dataset.class_names,
            workspace=resources.version(workspace),
            ack=receipts.settled,
            rejected=receipts.rejected,
            caption=f"{pipeline.DETECTORS[detector]}, worst first",
        )  # fmt: skip
    # A session that has just begun learns of a queue from before a reload only here.
    if result.operations and not operations:
        st.rerun()


def draw_head(workspace: Workspace, ranking: Ranking, fit: Fit, reviewed: set[str]) -> None:
    """Title, how far the review is, and λ_g."""
    flagged = workspace.dataset.item_ids[ranking.flagged].tolist()
    done = len(reviewed.intersection(flagged))
    st.title("Review", width="content")
    st.progress(
        done / len(flagged) if flagged else 1.0,
        text=f"Reviewed **{done:,}** of **{len(flagged):,}** flagged images",
        width="stretch",
    )
    refit_control(workspace, fit)


workspace = workspace_or_stop()
fitted_or_stop(workspace)
review(workspace)
