"""A page that waits for background work and goes on by itself when it ends."""

from __future__ import annotations

import streamlit as st

from pages.jobs import Job


@st.fragment(run_every=0.5)
def wait_for(job: Job) -> None:
    """Draw the progress of a job, with a way to cancel it; rerun the page once it has ended.

    Parameters
    ----------
    job : Job
        As the registry gave it.
    """
    if not job.live:
        st.rerun()
    with st.container(border=True):
        text = f"**{job.title}** {job.note}" if job.note else f"**{job.title}**"
        st.progress(job.fraction, text=text)
        if st.button("Cancel", key=f"air-cancel-{job.kind}", disabled=job.stopping):
            job.cancel()


def report_end(job: Job | None) -> None:
    """Say so if a job was cancelled or failed; a job that succeeded speaks through its result."""
    if job is not None and job.state == "failed":
        st.error(f"{job.title} failed: {job.error}", icon=":material/error:")
    elif job is not None and job.state == "cancelled":
        st.warning(f"{job.title}: cancelled. Finished parts are kept.", icon=":material/cancel:")
