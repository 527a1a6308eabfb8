"""What a page shows while the step it needs is missing."""

from __future__ import annotations

import streamlit as st

from air_core.errors import AirError
from air_core.pipeline import Fit
from air_core.workspace import Workspace
from pages import resources


def empty(title: str, text: str, *, icon: str, action: str = "", page: str = "") -> None:
    """Draw an empty state: what is missing, why, and one way on.

    Parameters
    ----------
    title, text : str
        Plain words; Markdown.
    icon : str
        A Material symbol, ``":material/map:"``.
    action, page : str
        Words on the button and the page it opens.
    """
    with st.container(border=True, horizontal_alignment="center", key="air-empty"):
        st.markdown(f"## {icon}", text_alignment="center", width="content")
        st.markdown(f"**{title}**", text_alignment="center", width="content")
        st.markdown(text, text_alignment="center", width="content")
        if action and st.button(action, type="primary"):
            st.switch_page(page)


def workspace_or_stop() -> Workspace:
    """The open workspace; without one, say so and end the page."""
    try:
        workspace = resources.workspace()
    except AirError as error:
        st.error(str(error), icon=":material/error:")
        st.stop()
    if workspace is None:
        empty(
            "No dataset is open",
            "Open your own images or try the sample first.",
            icon=":material/folder_open:",
            action="Go to the overview",
            page="overview.py",
        )
        st.stop()
    return workspace


def fit_or_stop(model: str = "air") -> Fit:
    """The latest fit; before the first, say so and end the page."""
    found = resources.fit(model)
    if found is None:
        empty(
            "The images have not been audited yet",
            "The audit computes features, fits AIR and the SVM, and ranks every label.",
            icon=":material/troubleshoot:",
            action="Go to the overview",
            page="overview.py",
        )
        st.stop()
    return found
