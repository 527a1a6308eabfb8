"""The map of all images: look for clusters, lasso a region, review what is in it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from air_core import pipeline
from air_core.workspace import Workspace
from pages import resources, state
from pages.components.evidence import evidence_panel
from pages.components.grid import review_grid
from pages.components.map import Boundary, Lasso, MapPoints, apply_lasso, scatter_map
from pages.components.map.chooser import about, choose_map
from pages.components.map.describe import map_points
from pages.components.map.layers import boundaries, layers
from pages.components.map.selection import mask_of, remember
from pages.components.start import fitted_or_stop, workspace_or_stop
from pages.components.tiles import tiles

SHOWN = 120  # tiles beside the map; the review page takes the whole selection


def drawn() -> Lasso | None:
    """The last lasso of this visit to the page."""
    return Lasso.from_browser((st.session_state.get("map") or {}).get("lasso"))


@st.fragment
def map_and_selection(
    workspace: Workspace, points: MapPoints, order: NDArray[np.intp], detector: str,
    lines: Sequence[Boundary], text: str,
) -> None:  # fmt: skip
    """Draw the map and what is selected on it; only this part reruns after a lasso."""
    if resources.require_workspace() is not workspace:
        st.rerun()  # another one was opened meanwhile: its images are not these
    dataset, ranking = workspace.dataset, resources.ranking(detector)
    selected = mask_of(dataset, state.selection())

    def select() -> None:
        if (lasso := drawn()) is not None:
            chosen = apply_lasso(lasso, points.xy, points.item_ids, points.codes(), selected)
            state.set_selection(points.item_ids[order[chosen[order]]].tolist(), "the map")
            remember(dataset, state.selection(), chosen)

    left, right = st.columns([13, 7])
    with left:
        last = scatter_map(
            points,
            key="map",
            thumbnails=f"/air/thumb/{{id}}?v={resources.version(workspace)}",
            selected=selected,
            acknowledged=lasso.number if (lasso := drawn()) else 0,
            boundaries=lines,
            about=text,
            on_lasso=select,
        )
    count = int(selected.sum())
    with right:
        if not count:
            if last is not None and len(last.polygon):
                st.info("No shown image lies inside that.", icon=":material/info:")
            else:
                st.info(
                    "Draw round some images, press one, or select what the legend shows: they "
                    "appear here, and in Review.", icon=":material/lasso_select:",
                )  # fmt: skip
            st.caption(text)
            return
        flagged = int(ranking.flagged[selected].sum())
        st.markdown(f"### {count:,} selected · {flagged:,} flagged")
        if st.button(f"Review these {count:,} images", type="primary"):
            st.switch_page("review.py")
        rows = order[selected[order]][:SHOWN]
        review_grid(
            tiles(workspace, rows, reviewed=resources.standing().events, ranking=ranking),
            key="explore-grid",
            class_names=dataset.class_names,
            workspace=resources.version(workspace),
            readonly=True,
            density="compact",
            height=300,
            caption="Selected images, most suspicious first",
        )
        if count > SHOWN:
            st.caption(f"The {SHOWN} most suspicious of them.")
        evidence_panel(
            workspace, grid="explore-grid", detector=detector, key="explore-why", wide=True
        )


workspace = workspace_or_stop()
fitted_or_stop(workspace)
head, below = (
    st.container(horizontal=True, vertical_alignment="bottom", gap="small"),
    st.container(),
)
with head:
    st.title("Explore", width="stretch")
    ready = [name for name in resources.detectors() if resources.ranking(name) is not None]
    detector = st.selectbox(
        "Flags and scores by", ready, format_func=pipeline.detector_title, width=185,
        key="explore-detector", persist_state="session",
    )  # fmt: skip
    with st.popover("Layers", icon=":material/layers:"):
        boundary, truth = layers(workspace)
    made, xy = choose_map(workspace, below)
# Prepared here, so that a lasso, which reruns the fragment only, finds it ready.
ranking, standing = resources.ranking(detector), resources.standing()
points = map_points(
    workspace.dataset, xy, standing.actions, standing.events, ranking,
    pipeline.detector_title(detector), air=resources.ranking("air-margin"),
    svm=resources.ranking("svm-margin"), truth=truth,
)  # fmt: skip
lines = boundaries(workspace, xy, boundary) if boundary else ()
map_and_selection(workspace, points, ranking.order, detector, lines, about(workspace, made))
