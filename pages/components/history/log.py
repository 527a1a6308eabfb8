"""The trail with its filters, and what can be done with chosen events."""

from __future__ import annotations

from typing import Any

import streamlit as st

from air_core.labels import Event
from air_core.reviewers import Reviews
from air_core.workspace import Workspace
from pages import resources, state
from pages.components.history.filters import KINDS, EventFilter
from pages.components.history.rows import ACTIONS, Trail
from pages.components.history.table import events_table
from pages.components.history.undoing import brings_back, confirm_undo, in_words, undo_bar

PAGE = "history-page"
"""Which page of the events is shown; each visit begins at the first."""
SIZE = 100  # events on a page
_FOLDED = ("history-actions", "history-class", "history-days", "history-live")
_FILTERS = ("history-kind", "history-text", "history-reviewers", *_FOLDED)


def trail(workspace: Workspace, reviews: Reviews) -> None:
    """Draw it all."""
    shown = Trail(reviews, state.reviewer())
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall", wrap=False):
        chosen = _choose_filter(reviews)
        undo_bar(workspace)
    events = chosen.of(shown)
    bar = st.container(horizontal=True, vertical_alignment="center", height=52, border=False)
    if not events:
        st.info("No event passes these filters.", icon=":material/filter_alt:")
        st.button("Show every event", icon=":material/filter_alt_off:", on_click=_clear)
        return
    table = st.container()
    token = f"{reviews.events[-1].event_id} {chosen!r}"
    with st.container(horizontal=True, vertical_alignment="center"):
        here, first = _page_of(events)
        everything = len(here) < len(events) and st.checkbox(
            f"Choose all {len(events):,}, on every page", key=f"history-all {token}"
        )
    with table:
        numbers = events_table(
            [shown.row(event) for event in here],
            key="history-events",
            thumbnails=f"/air/thumb/{{id}}?v={resources.version(workspace)}",
            token=f"{first} {token}",
            caption=f"{len(events):,} events, newest first",
        )
    if everything:
        numbers = tuple(event.event_id for event in events)
    with bar:
        if numbers:
            _act_on(workspace, reviews, shown, numbers)
        else:
            _say_what_is_there(reviews, events, chosen)


def _choose_filter(reviews: Reviews) -> EventFilter:
    people = sorted(
        {e.reviewer for e in reviews.events} | {t.assigned_by for t in reviews.assignments}
    )
    kind = st.selectbox("Show", KINDS, format_func=KINDS.get, width=136, **_keep("history-kind"))
    who = st.multiselect(
        "Reviewer", people, width=170, placeholder="Everybody", **_keep("history-reviewers")
    )
    text = st.text_input(
        "Search", placeholder="file, label or reason", icon=":material/search:",
        **_keep("history-text"),
    )  # fmt: skip
    folded = sum(bool(state.control_value(name, None)) for name in _FOLDED)
    title = f"Filters · {folded}" if folded else "Filters"
    with st.popover(title, icon=":material/tune:", key="history-more"):
        actions = st.multiselect(
            "Action", ACTIONS, format_func=ACTIONS.get, width=280, placeholder="Any",
            **_keep("history-actions"),
        )  # fmt: skip
        class_name = st.selectbox(
            "Class, before or after", reviews.dataset.class_names, index=None, width=280,
            placeholder="Any", **_keep("history-class"),
        )  # fmt: skip
        days = st.date_input(
            "Days (UTC), the first and the last", (), width=280, **_keep("history-days")
        )
        live = st.toggle("Only what is in force", **_keep("history-live"))
        st.button("Clear all filters", icon=":material/filter_alt_off:", on_click=_clear)
    return EventFilter(
        kind=kind, reviewers=tuple(who), actions=tuple(actions), class_name=class_name,
        text=text, days=tuple(days), in_force=live,
    )  # fmt: skip


def _keep(name: str) -> dict[str, Any]:
    key = state.control_key(name)
    return {"key": key, "persist_state": "session", "on_change": _chosen, "args": (name, key)}


def _chosen(name: str, key: str) -> None:
    if key == state.control_key(name):  # not the late word of an old control
        _first_page()


def _clear() -> None:
    for name in _FILTERS:
        state.renew_control(name)
    _first_page()


def _first_page() -> None:
    state.set_control(PAGE, 1)


def _page_of(events: list[Event]) -> tuple[list[Event], int]:
    """The events of the chosen page, and how many come before; the choice is drawn where called."""
    pages = -(-len(events) // SIZE)
    page = 1
    if state.control_value(PAGE, 1) > max(1, pages):
        state.set_control(PAGE, max(1, pages))
    if pages > 1:
        page = st.pagination(
            pages, default=min(state.control_start(PAGE, 1), pages),
            key=state.control_key(PAGE), width=min(110 + 36 * pages, 330),
        )  # fmt: skip
    return events[(page - 1) * SIZE : page * SIZE], (page - 1) * SIZE


def _say_what_is_there(reviews: Reviews, events: list[Event], chosen: EventFilter) -> None:
    known = len(reviews.events)
    count = f"{len(events):,} of {known:,} events" if chosen.narrows else f"{known:,} events"
    st.caption(
        f"{count}, newest first; {len(reviews.timeline.in_force()):,} decisions in force. "
        "Choose rows to take them back or to open their images; Shift takes all between.",
        width="stretch",
    )


def _act_on(workspace: Workspace, reviews: Reviews, shown: Trail, numbers: tuple[int, ...]) -> None:
    wanted = set(numbers)
    chosen = [event for event in reviews.events if event.event_id in wanted]
    changes = workspace.labels.undoing({e.event_id for e in chosen if not shown.hides(e)})
    events = [event for event, _, _ in changes]
    redo = brings_back(changes)
    title = f"Bring back {len(events):,} …" if redo else f"Undo {len(events):,} …"
    if st.button(
        title, type="primary", icon=":material/redo:" if redo else ":material/undo:",
        disabled=not events,
        help=f"{in_words(events).capitalize()}. You are asked before it happens."
        if events else "Nothing of these stands: it was undone, or cannot be.",
    ):  # fmt: skip
        confirm_undo(workspace, changes)
    items = list(dict.fromkeys(e.item_id for e in chosen if e.item_id in workspace.dataset))
    plural = "s" if len(items) != 1 else ""
    if st.button(
        f"Open {len(items):,} image{plural} in Review", icon=":material/grid_view:",
        disabled=not items,
    ):  # fmt: skip
        state.set_selection(items, "the history")
        st.switch_page("review.py")
    st.caption(f"{len(numbers):,} event{'s' if len(numbers) != 1 else ''} chosen", width="stretch")
