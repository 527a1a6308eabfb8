"""The first screen: nothing is open yet."""

from __future__ import annotations

import os

import streamlit as st

from air_core import installation, pipeline
from air_core.demo import demo_workspace
from air_core.workspace import Workspace
from pages import resources
from pages.jobs import registry

AUDIT = "audit"
"""Kind of the job that takes a workspace from images to a ranking."""


def start_audit(workspace: Workspace) -> None:
    """Compute features and fit both models in the background."""
    registry.submit(
        workspace.root,
        AUDIT,
        "Auditing the images",
        lambda progress: pipeline.audit(workspace, progress=progress),
    )


def welcome() -> None:
    """Nothing is open: offer the sample, and say how to open one's own images."""
    st.markdown(
        "# Find the wrong labels in your images\n"
        "AIR Audit ranks every label by how little the other images support it, shows you the "
        "worst first, and keeps a trail of what you decide. Your files are never changed."
    )
    sample, own = st.columns(2, gap="large")
    with sample, st.container(border=True, height="stretch"):
        st.markdown("#### :material/science: Try the sample")
        st.markdown("1,200 pictures of clothes in 10 classes; one label in ten is wrong.")
        if st.button("Audit the sample data", type="primary", width="stretch"):
            folder = demo_workspace()
            bar = st.progress(0.0, text="Opening the sample")
            workspace = pipeline.open_source(
                installation.sample_source(),
                folder,
                progress=lambda done, total, note: bar.progress(
                    done / max(total, 1), text=f"Opening the sample {note}"
                ),
            )
            os.environ[resources.VARIABLE] = str(folder)
            start_audit(workspace)
            st.rerun()
    with own, st.container(border=True, height="stretch"):
        st.markdown("#### :material/folder_open: Open your own images")
        st.markdown("A folder with one sub-folder a class, or a CSV of paths and labels:")
        st.code(
            "air-audit open IMAGES --workspace audits/mine\nair-audit ui audits/mine",
            language="shell",
        )
