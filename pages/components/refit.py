"""λ_g as a multiple of 1/p, and a button that fits AIR again with it."""

from __future__ import annotations

import streamlit as st

from air_core import pipeline
from air_core.pipeline import Fit
from air_core.workspace import Workspace
from pages import resources
from pages.jobs import registry

REFIT = "fit"
PAPER = 10.0
# Even steps on a logarithmic scale, with the paper's value among them.
SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 7.0, PAPER, 15.0, 20.0, 30.0, 50.0, 70.0, 100.0)


def scale_title(scale: float) -> str:
    """The multiple for people: ``10×``, and which one is the paper's."""
    return f"{scale:g}×" + (" · the paper" if scale == PAPER else "")


def refit_control(workspace: Workspace, fit: Fit) -> None:
    """Draw the popover; the refit runs as a job that the frame shows.

    Parameters
    ----------
    workspace : Workspace
    fit : Fit
        The fit on the page; the slider begins at AIR's current λ_g whatever model it is of.
    """
    air = fit if fit.model == "air" else resources.fit("air")
    current = PAPER if air is None or air.lambda_scale is None else air.lambda_scale
    scales = sorted({*SCALES, current})
    running = registry.find(workspace.root, REFIT)
    with st.popover(f"λ_g {current:g}×", icon=":material/tune:"):
        st.markdown(
            "**Regularization strength λ_g**, as a multiple of 1/p. A larger value suppresses "
            "more of the images that disagree with their label; the paper uses 10×."
        )
        scale = st.select_slider("λ_g · p", scales, value=current, format_func=scale_title)
        if st.button(
            f"Refit at {scale:g}×", type="primary", icon=":material/refresh:", width="stretch",
            disabled=scale == current or (running is not None and running.live),
        ):  # fmt: skip
            registry.submit(
                workspace.root,
                REFIT,
                f"Refitting AIR at {scale:g}×",
                lambda progress: pipeline.refit(workspace, scale, progress=progress),
            )
            st.rerun()
