"""The audit trail: who decided what and why, undo, agreement, conflicts, when to stop."""

from __future__ import annotations

import streamlit as st

from air_core.errors import AirError
from pages import resources
from pages.components import history
from pages.components.notices import empty
from pages.components.start import workspace_or_stop

VIEWS = {
    "trail": "Trail",
    "agreement": "Agreement",
    "conflicts": "Conflicts",
    "progress": "Progress",
}


workspace = workspace_or_stop()
try:
    reviews = resources.reviews()
except AirError as error:
    st.title("History")
    st.error(str(error), icon=":material/error:")
    st.stop()
if not reviews.events:
    st.title("History")
    empty(
        "Nothing has been decided yet",
        "Every decision you make in the review appears here, with who, when and why. "
        "Nothing is ever deleted: an undo is one more line.",
        icon=":material/history:",
        action="Review the most suspicious images",
        page="review.py",
    )
    st.stop()
waiting = sum(conflict.settled is None for conflict in reviews.conflicts)


def title_of(view: str) -> str:
    """The name of a view, with how many conflicts wait."""
    return f"{VIEWS[view]} ({waiting:,})" if view == "conflicts" and waiting else VIEWS[view]


with st.container(horizontal=True, vertical_alignment="center"):
    st.title("History", width="stretch")
    view = st.segmented_control(
        "View", VIEWS, format_func=title_of, default="trail", required=True,
        key="history-view", persist_state="session", label_visibility="collapsed",
    )  # fmt: skip
match view:
    case "trail":
        history.trail(workspace, reviews)
    case "agreement":
        history.agreement(workspace, reviews)
    case "conflicts":
        history.conflicts(workspace, reviews)
    case "progress":
        history.progress(reviews)
