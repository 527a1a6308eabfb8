"""Asking a detector again with what reviewers have changed so far."""

from __future__ import annotations

import numpy as np
import streamlit as st

from air_core import pipeline
from air_core.pipeline import Fit
from air_core.workspace import Workspace
from pages import resources
from pages.jobs import registry
from pages.recipes import DETECT, start_detector
from pages.standing import ACTIONS

_CHANGING = [ACTIONS.index(action) for action in ("relabel", "exclude")]


def corrections() -> int:
    """How many labels were changed, or left out, up to now."""
    return int(np.isin(resources.standing().actions, _CHANGING).sum())


def learnt(fit: Fit) -> int:
    """How many changed labels a detector's run has learnt from; 0 where it took them as given."""
    return int(fit.notes.get("corrections", 0))


def learn_from_reviews(workspace: Workspace, detector: str, fit: Fit) -> None:
    """Say what a detector has learnt from, and offer to run it on the labels as they now are.

    Parameters
    ----------
    workspace : Workspace
    detector : str
        One that is run as it is, without a fit of AIR or the SVM behind it.
    fit : Fit
        Its run.
    """
    now, before = corrections(), learnt(fit)

    def labels(count: int) -> str:
        return f"{count:,} changed label{'s' * (count != 1)}"

    if not now and not before:
        return
    job = registry.find(workspace.root, DETECT)
    busy = job is not None and job.live
    if before:
        st.caption(f"Learnt from {labels(before)}.", width="content")
    if now and now != before:
        if st.button(
            f"Learn from {labels(now)}", type="tertiary", disabled=busy,
            icon=":material/school:", key="learn-reviews",
            help=f"Runs {pipeline.detector_title(detector)} on the labels as reviewed so far. The "
            "ranking stays one of the labels that came.",
        ):  # fmt: skip
            start_detector(workspace, detector, reviewed=True)
            st.rerun()
    elif before and st.button(
        "Back to the labels that came", type="tertiary", disabled=busy, icon=":material/undo:",
        key="learn-given",
    ):  # fmt: skip
        start_detector(workspace, detector)
        st.rerun()
