"""The frame of every page: navigation, the workspace, the reviewer, running jobs."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from air_core.errors import AirError
from air_core.workspace import Workspace
from pages import resources, state
from pages.components.history.log import PAGE as HISTORY_PAGE
from pages.components.login import door, draw_reviewer
from pages.components.markdown import literal
from pages.components.outbox import store_the_rest
from pages.components.ranked import PAGE as REVIEW_PAGE
from pages.components.running import draw_jobs
from pages.recipes import jobs_of

LOGO = Path(__file__).parent / "logo.svg"
ICON = Path(__file__).parent / "icon.svg"
LOOK = Path(__file__).parent / "look.css"


def draw_frame() -> None:
    """Draw one line: what is audited on the left, who reviews on the right."""
    try:
        workspace, summary = (found := resources.workspace()), _summary(found)
    except AirError:  # the page says why, and what to do
        workspace, summary = None, ":red[The workspace cannot be opened]"
    problem = ""
    with st.container(horizontal=True, vertical_alignment="center", key="air-frame"):
        st.markdown(summary, width="stretch")
        if workspace is not None:
            problem = store_the_rest(workspace)
        draw_reviewer()
    with st.container():  # as below: always there, so that the page keeps its place
        if problem:
            st.error(
                f"{problem} Your decisions wait in this browser.", icon=":material/sync_problem:"
            )
    draw_jobs([] if workspace is None else jobs_of(workspace.root))


def _summary(workspace: Workspace | None) -> str:
    if workspace is None:
        return ":gray[No workspace is open]"
    facts = [
        f"{len(workspace.dataset):,} images",
        f"{len(workspace.dataset.class_names):,} classes",
    ]
    if workspace.quarantined:
        facts.append(f"{len(workspace.quarantined):,} quarantined")
    name = literal(workspace.root.name)
    return f":material/folder_open: **{name}** :gray[&nbsp; {' · '.join(facts)}]"


st.set_page_config(page_title="AIR Audit", page_icon=str(ICON), layout="wide")
st.logo(str(LOGO), size="large")
locked = door()
st.html(LOOK)
page = st.navigation(
    [
        st.Page("overview.py", title="Overview", icon=":material/dashboard:", default=True),
        st.Page("explore.py", title="Explore", icon=":material/scatter_plot:"),
        st.Page("review.py", title="Review", icon=":material/rate_review:"),
        st.Page("compare.py", title="Compare", icon=":material/compare:"),
        st.Page("history.py", title="History", icon=":material/history:"),
        st.Page("export.py", title="Export", icon=":material/download:"),
    ],
    position="hidden" if locked else "top",
)
if locked:
    locked()
    st.stop()
state.arrive(page.title, from_the_top=(REVIEW_PAGE, HISTORY_PAGE))
draw_frame()
try:
    page.run()
except AirError as error:
    st.error(str(error), icon=":material/error:")
