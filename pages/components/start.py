"""What a page shows before there is a workspace or an audit, and the way on from there."""

from __future__ import annotations

import streamlit as st

from air_core.errors import AirError
from air_core.workspace import Workspace
from pages import resources
from pages.jobs import registry
from pages.recipes import AUDIT, start_audit


def workspace_or_stop() -> Workspace:
    """The workspace of this server; without one, say how to get one and end the page."""
    try:
        found = resources.workspace()
    except AirError as error:
        st.error(str(error), icon=":material/error:")
        st.stop()
    if found is None:
        with st.container(border=True):
            st.subheader("No workspace is open")
            st.write("A workspace is the folder that holds one audit. See one on the sample data:")
            st.code("air-audit demo", language="bash")
            st.write("Or open your own images, a folder of classes or a CSV of paths and labels:")
            st.code("air-audit open IMAGES --workspace AUDIT\nair-audit ui AUDIT", language="bash")
        st.stop()
    return found


def fitted_or_stop(workspace: Workspace) -> None:
    """Go on if the images were audited; otherwise offer to start and end the page."""
    if resources.fit("air") is not None:
        return
    job = registry.find(workspace.root, AUDIT)
    with st.container(border=True):
        st.subheader("These images have not been audited yet")
        st.write(
            f"The audit computes features of the {len(workspace.dataset):,} images, fits AIR and "
            "the SVM, asks the consensus, and ranks every label, worst first. Finished steps are "
            "kept if you stop it."
        )
        running = job is not None and job.live
        if st.button(
            "The audit is running" if running else "Start the audit",
            type="primary", icon=":material/play_arrow:", disabled=running,
        ):  # fmt: skip
            start_audit(workspace)
            st.rerun()
    st.stop()
