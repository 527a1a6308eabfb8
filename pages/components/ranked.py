"""The controls around a ranked list: how far it is, what it shows, which page of it."""

from __future__ import annotations

from collections.abc import Set

import streamlit as st

from air_core.pipeline import Fit
from air_core.ranking import Ranking
from air_core.workspace import Workspace
from pages import filters, state
from pages.components.refit import refit_control

PAGE_SIZES = (60, 120, 240, 500, 1000)


def draw_head(workspace: Workspace, ranking: Ranking, fit: Fit, reviewed: Set[str]) -> None:
    """Title, how far the review is, and λ_g."""
    flagged = workspace.dataset.item_ids[ranking.flagged].tolist()
    done = len(reviewed & set(flagged))
    st.title("Review", width="content")
    st.progress(
        done / len(flagged) if flagged else 1.0,
        text=f"Reviewed **{done:,}** of **{len(flagged):,}** flagged images",
        width="stretch",
    )
    refit_control(workspace, fit)


def choose_filter(workspace: Workspace, ranking: Ranking) -> filters.Filter:
    """Draw the controls that narrow the list, and return what they say."""
    names, pairs = workspace.dataset.class_names, filters.pairs(workspace.dataset, ranking)

    def pair_title(pair: filters.Pair | str) -> str:
        if isinstance(pair, str):
            return "Any pair"
        return f"{pair[0]} → {pair[1]} ({pairs.get(pair, 0)})"

    scope = st.selectbox(
        "Show", filters.SCOPES, format_func=filters.SCOPES.get,
        key="review-scope", persist_state="session", width=100,
    )  # fmt: skip
    class_name = st.selectbox(
        "Given class", ["", *names], format_func=lambda name: name or "All classes",
        key="review-class", persist_state="session", width=125,
    )  # fmt: skip
    pair = st.selectbox(
        "Given → suggested", ["", *pairs], format_func=pair_title,
        key="review-pair", persist_state="session", width=150,
    )  # fmt: skip
    decision = st.selectbox(
        "Decision", filters.DECISIONS, format_func=filters.DECISIONS.get,
        key="review-decision", persist_state="session", width=130,
    )  # fmt: skip
    text = st.text_input(
        "Search", placeholder="path or label", key="review-text", persist_state="session", width=120
    )
    return filters.Filter(
        scope, class_name or None, pair or None, decision, text, state.selection()
    )


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
        page = 1
        if pages > 1:
            page = st.pagination(pages, key="review-page", width=min(110 + 36 * pages, 330))
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
