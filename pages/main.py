"""The frame of every page: navigation, the workspace, the reviewer, running jobs."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from air_core.errors import AirError
from air_core.workspace import Workspace
from pages import resources, state
from pages.components.markdown import literal
from pages.components.outbox import store_the_rest
from pages.jobs import Job, registry

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
        with st.popover(state.reviewer(), icon=":material/person:", type="tertiary"):
            name = st.text_input("Decisions are signed with", value=state.reviewer())
            if name.strip() != state.reviewer():
                state.set_reviewer(name)
                st.rerun()
    with st.container():  # as below: always there, so that the page keeps its place
        if problem:
            st.error(
                f"{problem} Your decisions wait in this browser.", icon=":material/sync_problem:"
            )
    draw_jobs([] if workspace is None else registry.of(workspace.root))


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


def draw_jobs(jobs: list[Job]) -> None:
    """Draw running jobs with a way to stop them, and what became of those that failed."""
    shown = [job for job in jobs if job.state != "done"]
    live = [job for job in shown if job.live]

    @st.fragment(run_every=0.5 if live else None)
    def panel() -> None:
        if any(not job.live for job in live):
            st.rerun()
        for number, job in enumerate(shown):
            with st.container(horizontal=True, vertical_alignment="center", border=True):
                _draw_job(job, f"air-job-{number}")

    # Drawn even when empty: what comes and goes here must not give the page below another place
    # in the tree, or the browser would build its grid anew and lose focus and scroll position.
    with st.container():
        if shown:
            panel()


def _draw_job(job: Job, key: str) -> None:
    if job.live:
        note = "waiting" if job.state == "waiting" else job.note
        text = f"**{job.title}** &nbsp; :gray[{literal(note)}]"
        st.progress(job.fraction, text=text, width="stretch")
        title = "Stopping …" if job.stopping else "Cancel"
        if st.button(title, key=key, icon=":material/stop:", disabled=job.stopping):
            job.cancel()
            st.rerun(scope="fragment")
        return
    failed = job.state == "failed"
    mark = ":red[:material/error:]" if failed else ":material/cancel:"
    end = f"failed. {literal(job.error)}" if failed else "was cancelled. Finished parts are kept."
    st.markdown(f"{mark} **{job.title}** {end}", width="stretch")
    if st.button("Dismiss", key=key, type="tertiary"):
        registry.dismiss(job)
        st.rerun()


st.set_page_config(page_title="AIR Audit", page_icon=str(ICON), layout="wide")
st.logo(str(LOGO), size="large")
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
    position="top",
)
draw_frame()
try:
    page.run()
except AirError as error:
    st.error(str(error), icon=":material/error:")
