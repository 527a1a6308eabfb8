"""Why is this image flagged? A panel beside a grid that explains the image with the focus.

It hears of the focus by the event that :mod:`pages.components.grid` sends in the browser, and asks
the routes of :mod:`pages.evidence_routes`: moving to another image costs no rerun of the page::

    chosen = evidence_panel(workspace, grid=REVIEW, detector=detector, key="why")
    if chosen:
        state.set_selection(chosen, "the neighbours of an image")
        st.rerun()
"""

from __future__ import annotations

import re
from pathlib import Path

import streamlit as st

from air_core.workspace import Workspace
from pages import evidence_routes, resources

_WIDTH, _FOLDED_WIDTH = 380, 40  # pixels

_ASSETS = Path(__file__).parent
_PARTS = ("charts", "picture", "neighbours", "panel")
_ITEM_ID = re.compile(r"[0-9a-f]{16}")
_mount = st.components.v2.component(
    "air_audit_evidence",
    html=(_ASSETS / "panel.html").read_text("utf-8"),
    css=(_ASSETS / "panel.css").read_text("utf-8"),
    # One module for the browser, in the order the parts need each other.
    js="\n".join((_ASSETS / f"{part}.js").read_text("utf-8") for part in _PARTS),
)


def evidence_panel(
    workspace: Workspace,
    *,
    grid: str,
    detector: str,
    key: str,
    scale: float | None = None,
    height: int | None = None,
    base_url: str = "/air",
) -> tuple[str, ...]:
    """Draw the panel, in a place of its own width: it stands beside its grid in a row.

    Parameters
    ----------
    workspace : Workspace
    grid : str
        Key of the grid whose focus it follows.
    detector : str
        A key of :data:`air_core.pipeline.DETECTORS`; its model is the one that suggests.
    key : str
        Identity of the panel.
    scale : float, optional
        λ_g of the slider as a multiple of 1/p; None for that of the fit.
    height : int, optional
        In pixels; None reaches down to the end of the window.
    base_url : str
        Where the routes are served.

    Returns
    -------
    tuple of str
        The image and its neighbours, in the run after "Review these" was pressed; else empty.
    """
    model = detector.partition("-")[0]
    folded = bool((st.session_state.get(key) or {}).get("folded"))
    with st.container(width=_FOLDED_WIDTH if folded else _WIDTH):
        drawn = _mount(
            key=key,
            data={
                "grid": grid,
                "workspace": resources.version(workspace),
                "version": evidence_routes.version(workspace),
                "model": model,
                "detector": detector,
                "scale": scale if model == "air" else None,
                "height": height,
                "folded": folded,
                "baseUrl": base_url,
            },
            default={"folded": False},
            on_folded_change=_nothing,
            on_review_change=_nothing,
        )
    chosen = drawn.get("review") or ()
    return tuple(
        item
        for item in chosen
        if isinstance(item, str) and _ITEM_ID.fullmatch(item) and item in workspace.dataset
    )


def _nothing() -> None:
    """Streamlit offers only those states and triggers that have a callback."""
