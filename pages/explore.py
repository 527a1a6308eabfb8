"""The map of all images: look for clusters, lasso a region, review what is in it."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from air_core import pipeline
from air_core.projection import StoredMap
from air_core.workspace import Workspace
from pages import resources, state
from pages.components.basis import Basis
from pages.components.grid import review_grid
from pages.components.map import Lasso, apply_lasso, scatter_map
from pages.components.map.chooser import about, choose_map
from pages.components.map.describe import map_points
from pages.components.map.layers import boundaries, layers
from pages.components.start import fitted_or_stop, workspace_or_stop
from pages.components.tiles import tiles

SHOWN = 240  # tiles beside the map; the review page takes the whole selection


def drawn() -> Lasso | None:
    """The last lasso of this visit to the page."""
    return Lasso.from_browser((st.session_state.get("map") or {}).get("lasso"))


@st.fragment
def map_and_selection(
    workspace: Workspace, made: StoredMap, xy: NDArray[np.float32], detector: str,
    boundary: str, truth: Basis | None,
) -> None:  # fmt: skip
    """Draw the map and what is selected on it; only this part reruns after a lasso."""
    dataset, ranking = workspace.dataset, resources.ranking(detector)
    standing = resources.standing()
    points = map_points(
        dataset, xy, standing.actions, standing.events, ranking, pipeline.DETECTORS[detector],
        air=resources.ranking("air-margin"), svm=resources.ranking("svm-margin"), truth=truth,
    )  # fmt: skip
    order = np.arange(len(dataset)) if ranking is None else ranking.order
    selected = np.zeros(len(dataset), dtype=bool)
    selected[dataset.rows_of(state.selection())] = True

    def select() -> None:
        if (lasso := drawn()) is not None:
            chosen = apply_lasso(lasso, xy, dataset.item_ids, points.codes(), selected)
            state.set_selection(dataset.item_ids[order[chosen[order]]].tolist(), "the map")

    left, right = st.columns([13, 7])
    with left:
        last = scatter_map(
            points,
            key="map",
            thumbnails=f"/air/thumb/{{id}}?v={resources.version(workspace)}",
            selected=selected,
            acknowledged=lasso.number if (lasso := drawn()) else 0,
            boundaries=boundaries(workspace, xy, boundary) if boundary else (),
            about=about(workspace, made),
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
            st.caption(about(workspace, made))
            return
        marked = f" · {int(ranking.flagged[selected].sum()):,} flagged" if ranking else ""
        st.markdown(f"### {count:,} selected{marked}")
        if st.button(f"Review these {count:,} images", type="primary"):
            st.switch_page("review.py")
        rows = order[selected[order]][:SHOWN]
        review_grid(
            tiles(workspace, rows, reviewed=standing.events, ranking=ranking),
            key="explore-grid",
            class_names=dataset.class_names,
            workspace=resources.version(workspace),
            readonly=True,
            density="compact",
            caption="Selected images, most suspicious first",
        )
        if count > SHOWN:
            st.caption(f"The {SHOWN} most suspicious of them.")


workspace = workspace_or_stop()
fitted_or_stop(workspace)
with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
    st.title("Explore", width="stretch")
    ready = [name for name in pipeline.DETECTORS if resources.ranking(name) is not None]
    detector = st.selectbox(
        "Flags and scores by", ready, format_func=pipeline.DETECTORS.get, width=185,
        key="explore-detector", persist_state="session",
    )  # fmt: skip
    with st.popover("Layers", icon=":material/layers:"):
        boundary, truth = layers(workspace)
    made, xy = choose_map(workspace)
map_and_selection(workspace, made, xy, detector, boundary, truth)
