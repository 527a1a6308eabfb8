"""Why is this image flagged? A panel beside a grid that explains the image with the focus.

It hears of the focus by the event that :mod:`pages.components.grid` sends in the browser, and asks
the routes of :mod:`pages.evidence_routes`: moving to another image costs no rerun of the page::

    evidence_panel(workspace, grid=REVIEW, detector=detector, key="why")
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from air_core import pipeline
from air_core.dataset import Dataset
from air_core.workspace import Workspace
from pages import evidence_routes, resources, state
from pages.components.lifetime import browser_module

_WIDTH, _FOLDED_WIDTH = 380, 40  # pixels

_ASSETS = Path(__file__).parent
_PARTS = ("charts", "picture", "neighbours", "panel")
_mount = st.components.v2.component(
    "air_audit_evidence",
    html=(_ASSETS / "panel.html").read_text("utf-8"),
    css=(_ASSETS / "panel.css").read_text("utf-8"),
    js=browser_module(_ASSETS / f"{part}.js" for part in _PARTS),
)


def evidence_panel(
    workspace: Workspace,
    *,
    grid: str,
    detector: str,
    key: str,
    scale: float | None = None,
    wide: bool = False,
    base_url: str = "/air",
) -> None:
    """Draw the panel. "Review these" takes the image and its neighbours to the review page.

    Parameters
    ----------
    workspace : Workspace
    grid : str
        Key of the grid whose focus it follows.
    detector : str
        A name in :func:`pages.resources.detectors`. Those of the audit explain themselves, AIR all
        others: not each of them has weights to explain with.
    key : str
        Identity of the panel.
    scale : float, optional
        λ_g of the slider as a multiple of 1/p; None for that of the fit.
    wide : bool
        As wide as its place and as high as it must be, below a grid; else it stands beside the
        grid in a row, reaches down to the end of the window and can be folded away.
    base_url : str
        Where the routes are served.
    """
    model = pipeline.model_of(detector) if detector in pipeline.DETECTORS else "air"
    folded = bool((st.session_state.get(key) or {}).get("folded"))
    with st.container(width="stretch" if wide else _FOLDED_WIDTH if folded else _WIDTH):
        drawn = _mount(
            key=key,
            data={
                "grid": grid,
                "workspace": resources.version(workspace),
                "version": evidence_routes.version(workspace),
                "models": evidence_routes.models_version(workspace),
                "model": model,
                "detector": detector,
                "scale": scale if model == "air" else None,
                "wide": wide,
                "folded": folded,
                "baseUrl": base_url,
            },
            default={"folded": False},
            on_folded_change=_nothing,
            on_review_change=_nothing,
        )
    if chosen := chosen_items(drawn.get("review"), workspace.dataset):
        state.set_selection(chosen, "an image and its neighbours")
        st.switch_page("review.py")


def chosen_items(reported: object, dataset: Dataset) -> list[str]:
    """Item ids among what the browser reports; empty if it reports nothing."""
    found = reported if isinstance(reported, list) else []
    return [item for item in found if isinstance(item, str) and item in dataset]


def _nothing() -> None:
    """Streamlit offers only those states and triggers that have a callback."""
