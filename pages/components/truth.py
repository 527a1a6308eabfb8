"""Choosing a truth to score against. No detector ever reads it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from air_core import installation
from air_core.errors import AirError
from air_core.workspace import Workspace
from pages.components.basis import Basis, from_truth, read_truth


def choose_truth(workspace: Workspace) -> Basis | None:
    """The truth a person chose to score against, if any; no detector sees it."""
    with st.popover("Score against a truth", icon=":material/fact_check:", width="stretch"):
        return truth_controls(workspace, "Only for borders, histograms and AUROC on this page.")


def truth_controls(workspace: Workspace, purpose: str) -> Basis | None:
    """Ask for a truth, saying what it is for; None until one is given that can be read."""
    st.caption(f"{purpose} No detector reads it.")
    sample = Path(workspace.info.source).resolve() == installation.sample_source().resolve()
    use_sample = sample and st.checkbox("Score against known truth", key="compare-truth")
    uploaded = st.file_uploader("Truth file: CSV with path, label", type=["csv"])
    source = (
        uploaded.getvalue() if uploaded else installation.sample_truth() if use_sample else None
    )
    if source is None:
        return None
    try:
        return from_truth(workspace.dataset, read_truth(source))
    except AirError as error:
        st.error(str(error), icon=":material/error:")
        return None
