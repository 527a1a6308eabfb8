"""Jobs as people see them: how far, a way to stop, and a way to go on with what was stopped."""

from __future__ import annotations

import streamlit as st

from pages.components.markdown import literal
from pages.jobs import LIVE, Job, registry

_ENDS = {
    "cancelled": "was cancelled. Finished parts are kept.",
    "interrupted": "was cut off when the server stopped. Finished parts are kept.",
}


def draw_jobs(jobs: list[Job]) -> None:
    """Draw running jobs with a way to stop them, and what became of those that failed."""
    # Asked before what has ended is left out: a job that ends in between is drawn anew at once.
    live = [job for job in jobs if job.live]
    shown = [job for job in jobs if job.state != "done" or job in live]

    @st.fragment(run_every=0.5 if live else None)
    def panel() -> None:
        if any(not job.live for job in live):
            st.rerun()
        for job in shown:
            with st.container(horizontal=True, vertical_alignment="center", border=True):
                _draw_job(job, f"{job.workspace.name}-{job.kind}")

    # Drawn even when empty: what comes and goes here must not give the page below another place
    # in the tree, or the browser would build its grid anew and lose focus and scroll position.
    with st.container():
        if shown:
            panel()


def _draw_job(job: Job, key: str) -> None:
    title, state = f"**{literal(job.title)}**", job.state  # once: the worker may end it meanwhile
    if state == "done":
        return  # the next tick draws the page anew
    if state in LIVE:
        note = "waiting for its turn" if state == "waiting" else job.note
        st.progress(job.fraction, text=f"{title} &nbsp; :gray[{literal(note)}]", width="stretch")
        stopping = job.stopping
        stop = "Stopping …" if stopping else "Cancel"
        if st.button(stop, key=f"air-stop-{key}", icon=":material/stop:", disabled=stopping):
            job.cancel()
            st.rerun(scope="fragment")
        return
    failed = state == "failed"
    mark = ":red[:material/error:]" if failed else ":material/pause_circle:"
    end = f"failed. {literal(job.error)}" if failed else _ENDS[state]
    st.markdown(f"{mark} {title} {end}", width="stretch")
    if job.resumable and st.button(
        "Try again" if failed else "Continue where it stopped",
        key=f"air-resume-{key}", icon=":material/resume:",
    ):  # fmt: skip
        registry.resume(job)
        st.rerun()
    if st.button("Dismiss", key=f"air-dismiss-{key}", type="tertiary"):
        registry.dismiss(job)
        st.rerun()
