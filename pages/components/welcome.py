"""The first screen: nothing is open yet."""

from __future__ import annotations

import os

import pandas as pd
import streamlit as st

from air_core import installation, pipeline
from air_core.demo import demo_workspace
from air_core.workspace import Workspace
from pages import resources
from pages.jobs import registry

STEPS = (
    "##### :material/troubleshoot: Rank\nThe method of *Auxiliary Image Regularization for Deep "
    "CNNs with Noisy Labels* (Azadi et al., ICLR 2016) suppresses images that disagree with "
    "their label. On this machine, without sending a picture anywhere.",
    "##### :material/rate_review: Review\nOne key keeps, relabels or excludes. Nothing decided "
    "is ever lost, and anything can be undone.",
    "##### :material/download: Export\nYour label file again, different in exactly the cells "
    "that you changed.",
)
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
    st.title("Find the wrong labels in your images")
    st.markdown(
        "AIR Audit ranks every label by how little the other images support it, shows you the "
        "worst first, and keeps a trail of what you decide. Your files are never changed."
    )
    sample, own = st.columns(2, gap="medium")
    with sample, st.container(border=True, height="stretch"):
        st.markdown("#### :material/science: Try the sample")
        st.markdown("1,200 pictures of clothes in 10 classes; one label in ten is wrong.")
        for place, picture in zip(st.columns(10, gap="small"), _sample_pictures(), strict=False):
            place.image(picture, width="stretch")
        if st.button("Audit the sample data", type="primary", width="stretch"):
            _open_sample()
    with own, st.container(border=True, height="stretch"):
        st.markdown("#### :material/folder_open: Open your own images")
        st.markdown("A folder with one sub-folder a class, or a CSV of paths and labels:")
        st.code(
            "air-audit open IMAGES --workspace audits/mine\nair-audit ui audits/mine",
            language="shell",
        )
    for place, text in zip(st.columns(3, gap="medium"), STEPS, strict=True):
        place.markdown(text)


def _sample_pictures() -> list[str]:
    """One picture of each class, as far as the sample's own labels can be trusted."""
    source = installation.sample_source()
    table = pd.read_csv(source, dtype=str).drop_duplicates("label")
    return [str(source.parent / path) for path in table["path"].tolist()]


def _open_sample() -> None:
    """Import the sample where the server keeps its demo, show it and start its audit."""
    folder = demo_workspace()
    bar = st.progress(0.0, text="Opening the sample")
    workspace = pipeline.open_source(
        installation.sample_source(),
        folder,
        progress=lambda done, total, note: bar.progress(
            min(1.0, done / max(total, 1)), text=f"Opening the sample {note}"
        ),
    )
    os.environ[resources.VARIABLE] = str(folder)
    start_audit(workspace)
    st.rerun()
