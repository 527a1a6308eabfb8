"""The trail with its filters, and what can be done with chosen events."""

from __future__ import annotations

import streamlit as st

from air_core.labels import Event
from air_core.reviewers import Reviews
from air_core.workspace import Workspace
from pages import resources, state
from pages.components.history.filters import KINDS, EventFilter
from pages.components.history.rows import ACTIONS, Trail
from pages.components.history.table import events_table
from pages.components.history.undoing import brings_back, confirm_undo, in_words, undo_bar

SIZE = 100  # events on a page
_DEFAULTS = {
    "history-kind": "all", "history-text": "", "history-reviewers": [], "history-actions": [],
    "history-class": None, "history-days": (), "history-live": False,
}  # fmt: skip
_FOLDED = ("history-actions", "history-class", "history-days")


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
    keep = {"persist_state": "session", "on_change": _first_page}
    people = sorted(
        {e.reviewer for e in reviews.events} | {t.assigned_by for t in reviews.assignments}
    )
    kind = st.selectbox("Show", KINDS, format_func=KINDS.get, key="history-kind", width=136, **keep)
    who = st.multiselect(
        "Reviewer", people, key="history-reviewers", width=170, placeholder="Everybody", **keep
    )
    text = st.text_input(
        "Search", key="history-text", placeholder="file, label or reason",
        icon=":material/search:", **keep,
    )  # fmt: skip
    folded = sum(bool(st.session_state.get(key)) for key in _FOLDED)
    folded += bool(st.session_state.get("history-live"))
    title = f"Filters · {folded}" if folded else "Filters"
    with st.popover(title, icon=":material/tune:", key="history-more"):
        actions = st.multiselect(
            "Action", ACTIONS, format_func=ACTIONS.get, key="history-actions", width=280,
            placeholder="Any", **keep,
        )  # fmt: skip
        class_name = st.selectbox(
            "Class, before or after", reviews.dataset.class_names, index=None, key="history-class",
            width=280, placeholder="Any", **keep,
        )  # fmt: skip
        days = st.date_input(
            "Days (UTC), the first and the last", (), key="history-days", width=280, **keep
        )
        live = st.toggle("Only what is in force", key="history-live", **keep)
        st.button("Clear all filters", icon=":material/filter_alt_off:", on_click=_clear)
    return EventFilter(
        kind=kind, reviewers=tuple(who), actions=tuple(actions), class_name=class_name,
        text=text, days=tuple(days), in_force=live,
    )  # fmt: skip


def _clear() -> None:
    st.session_state.update(_DEFAULTS)
    _first_page()


def _first_page() -> None:
    st.session_state["history-page"] = 1


def _page_of(events: list[Event]) -> tuple[list[Event], int]:
    """The events of the chosen page, and how many come before; the choice is drawn where called."""
    pages = -(-len(events) // SIZE)
    page = 1
    if pages > 1:
        if st.session_state.get("history-page", 1) > pages:
            st.session_state["history-page"] = pages
        page = st.pagination(pages, key="history-page", width=min(110 + 36 * pages, 330))
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
