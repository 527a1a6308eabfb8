"""Asking a detector again with what reviewers have changed so far."""

from __future__ import annotations

import streamlit as st

from air_core import pipeline
from air_core.pipeline import Fit
from air_core.workspace import Workspace
from pages import resources, state
from pages.jobs import registry
from pages.recipes import DETECT, start_detector


def learnt(fit: Fit) -> bool:
    """Whether a detector's run has learnt from changed labels, not from those that came."""
    return "reviewed" in fit.settings


def learn_from_reviews(workspace: Workspace, detector: str, fit: Fit) -> None:
    """Say what a detector has learnt from, and offer to run it on the labels as they now are.

    Not to whoever is asked for an opinion of their own: the answer would tell of the others'.

    Parameters
    ----------
    workspace : Workspace
    detector : str
        One that is run as it is, without a fit of AIR or the SVM behind it.
    fit : Fit
        Its run.
    """
    if resources.queue(state.reviewer()) or not (resources.standing().events or learnt(fit)):
        return
    now = resources.corrections()
    job = registry.find(workspace.root, DETECT)
    busy = job is not None and job.live

    def labels(count: int) -> str:
        return f"{count:,} changed label{'s' * (count != 1)}"

    if learnt(fit):
        st.caption(f"Learnt from {labels(fit.notes['corrections'])}.", width="content")
    if now.count and now.digest != fit.settings.get("reviewed") and st.button(
        f"Learn from {labels(now.count)}" + " as decided now" * learnt(fit),
        type="tertiary", disabled=busy, icon=":material/school:", key="learn-reviews",
        help=f"Runs {pipeline.detector_title(detector)} on the labels as reviewed so far. The "
        "ranking stays one of the labels that came.",
    ):  # fmt: skip
        start_detector(workspace, detector, reviewed=True)
        st.rerun()
    if learnt(fit) and st.button(
        "Back to the labels that came", type="tertiary", disabled=busy, icon=":material/undo:",
        key="learn-given",
    ):  # fmt: skip
        start_detector(workspace, detector)
        st.rerun()
