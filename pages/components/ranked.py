"""The controls around a ranked list: how far it is, what it shows, which page of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from air_core.pipeline import Fit, model_of
from air_core.ranking import Ranking
from air_core.workspace import Workspace
from pages import filters, resources, state
from pages.components.stopping import stopping_line
from pages.standing import Standing

PAGE_SIZES = (60, 120, 240, 500, 1000)
PAGE = "review-page"
"""Which page of the list is shown; each visit begins at the first."""
_ANY = "—any—"  # no label of a dataset is likely to be this, and none may be empty
_OPEN = {"review-scope": "flagged", "review-class": _ANY, "review-pair": _ANY, "review-text": ""}
_FOLDED = {"review-decision": "any", "review-reviewer": _ANY, "review-opinion": "any"}
_DETECTOR = "review-detector"


def draw_head(workspace: Workspace, ranking: Ranking, fit: Fit, standing: Standing) -> None:
    """Title, how far the review is, when to stop, and λ_g."""
    flagged = int(ranking.flagged.sum())
    done = int(np.count_nonzero(standing.decided & ranking.flagged))
    st.title("Review", width="content")
    st.progress(
        done / flagged if flagged else 1.0,
        text=f"Reviewed **{done:,}** of **{flagged:,}** flagged images",
        width="stretch",
    )
    stopping_line(resources.progress())


def choose_detector() -> str:
    """Draw the choice among the audit's detectors and those run since; unfitted ones are marked."""
    titles = {
        name: title if resources.fit(model_of(name)) is not None else f"{title} (not fitted)"
        for name, title in resources.detectors().items()
    }
    return str(_choice("Detector", titles, _DETECTOR, width=146))


def rank_by(detector: str) -> None:
    """Change the detector that the list is ranked by."""
    state.set_control(_DETECTOR, detector)
    first_page()


def other_models(detector: str) -> list[Ranking]:
    """One ranking of each model but the detector's own: its scores share their suggestions."""
    one_each = {model_of(name): name for name in reversed(resources.detectors())}
    one_each.pop(model_of(detector), None)
    found = (resources.ranking(name) for name in one_each.values())
    return [ranking for ranking in found if ranking is not None]


def choose_filter(workspace: Workspace, ranking: Ranking, standing: Standing) -> filters.Filter:
    """Draw the controls that narrow and order the list, and return what they say."""
    dataset = workspace.dataset
    pairs = filters.pairs(dataset, ranking)
    classes = [_ANY, *dataset.class_names, *([""] if filters.unlabelled(dataset) else [])]

    def pair_title(pair: filters.Pair | str) -> str:
        if isinstance(pair, str):
            return "Any pair"
        return f"{pair[0]} → {pair[1]} ({pairs.get(pair, 0):,})"

    order = _choice("Order", filters.ORDERS, "review-order", width=124)
    scope = _choice("Show", filters.SCOPES, "review-scope", width=102)
    class_name = _choice(
        "Given class", classes, "review-class", width=114,
        title=lambda name: "All classes" if name == _ANY else name or "No label",
    )  # fmt: skip
    pair = _choice("Given → suggested", [_ANY, *pairs], "review-pair", title=pair_title, width=132)
    text = st.text_input(
        "Search", state.control_start("review-text", ""), placeholder="path or label",
        icon=":material/search:", **_keep("review-text"),
    )  # fmt: skip
    folded = sum(state.control_value(name, value) != value for name, value in _FOLDED.items())
    with st.popover(
        f"Filters · {folded}" if folded else "Filters", icon=":material/tune:", key="review-more"
    ):
        decision = _choice("Decision", filters.DECISIONS, "review-decision", width=260)
        reviewer = _choice(
            "Decided by", [_ANY, *standing.names], "review-reviewer", width=260,
            title=lambda name: "Anybody" if name == _ANY else name,
        )  # fmt: skip
        opinion = _choice("Other models", filters.OPINIONS, "review-opinion", width=260)
        st.button("Clear all filters", icon=":material/filter_alt_off:", on_click=clear_filters)
    return filters.Filter(
        scope=scope,
        class_name=None if class_name == _ANY else class_name,
        pair=None if pair == _ANY else pair,
        decision=decision,
        reviewer=None if reviewer == _ANY else reviewer,
        opinion=opinion,
        text=text,
        order=order,
        selection=state.selection(),
    )


def _choice(label: str, options: Any, name: str, *, width: int, title: Any = None) -> Any:
    known = list(options)
    begins = state.control_start(name, known[0])
    return st.selectbox(
        label, known, index=known.index(begins) if begins in known else 0,
        format_func=title or options.get, width=width, **_keep(name),
    )  # fmt: skip


def _keep(name: str) -> dict[str, Any]:
    key = state.control_key(name)
    return {"key": key, "persist_state": "session", "on_change": _chosen, "args": (name, key)}


def _chosen(name: str, key: str) -> None:
    # Streamlit takes the late word of an old control for a change, too.
    if key == state.control_key(name):
        first_page()


def clear_filters() -> None:
    """Show all flagged images again."""
    for name, value in (_OPEN | _FOLDED).items():
        state.set_control(name, value)
    first_page()


def first_page() -> None:
    """Begin at the top of the list: what was there is not what is shown next."""
    turn_page(1)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: which of its rows, and which page of how many."""

    rows: slice
    number: int = 1
    count: int = 1


def choose_page(found: int) -> Page:
    """Where there is more than fits a page, draw the controls; return what to show."""
    if found <= PAGE_SIZES[0]:
        _last_page(1)
        return Page(slice(0, found))
    with st.container(horizontal=True, vertical_alignment="center"):
        where = st.container(width="stretch")
        size = st.selectbox(
            "Images a page", PAGE_SIZES, index=1, label_visibility="collapsed",
            format_func=lambda count: f"{count} a page", on_change=first_page,
            key="review-size", persist_state="session", width=132,
        )  # fmt: skip
        pages = -(-found // size)
        page = 1
        _last_page(pages)
        if pages > 1:
            page = st.pagination(
                pages, default=min(state.control_start(PAGE, 1), pages),
                key=state.control_key(PAGE), width=min(110 + 36 * pages, 330),
            )  # fmt: skip
    first, last = (page - 1) * size, min(page * size, found)
    where.caption(f"{first + 1:,} to {last:,} of {found:,}")
    return Page(slice(first, last), page, pages)


def _last_page(pages: int) -> None:
    """Fewer than before are left: decisions take images out of a filtered list."""
    if state.control_value(PAGE, 1) > pages:
        turn_page(pages)


def turn_page(to: int) -> None:
    """Go to a page, before the control of the pages is drawn."""
    state.set_control(PAGE, to)


def selection_chip(shown: int) -> None:
    """Say that only a selection is shown, and offer to show everything again."""
    chosen, origin = len(state.selection()), state.selection_origin()
    part = f"the {chosen:,}" if shown == chosen else f"{shown:,} of the {chosen:,}"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(f"Showing {part} selected from {origin}", icon=":material/filter_alt:")
        if st.button("Clear the selection", type="tertiary", icon=":material/close:"):
            state.clear_selection()
            st.rerun()


def queue_chip(queue: Sequence[str]) -> None:
    """Say that images wait in the reviewer's queue, and offer to show just these."""
    if set(queue) <= set(state.selection()):
        return
    images = "1 image waits" if len(queue) == 1 else f"{len(queue):,} images wait"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(f"{images} in your queue", icon=":material/inbox:", color="blue")
        st.button(
            "Review my queue", type="tertiary", icon=":material/filter_alt:",
            on_click=_show_queue, args=(queue,),
        )  # fmt: skip


def _show_queue(queue: Sequence[str]) -> None:
    clear_filters()
    state.set_control("review-scope", "all")
    state.set_selection(queue, "your queue")


def nothing_matches() -> None:
    """Say that the filters let nothing through, and offer to open them."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("No image passes these filters.", width="content")
        st.button(
            "Clear all filters", key="review-clear", icon=":material/filter_alt_off:",
            on_click=clear_filters,
        )  # fmt: skip
