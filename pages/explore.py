"""The map of all images: look for clusters, lasso a region, review what is in it."""

from __future__ import annotations

import numpy as np
import streamlit as st

from air_core import pipeline
from air_core.workspace import Workspace
from pages import resources, state
from pages.components.grid import review_grid
from pages.components.map import Lasso, apply_lasso, scatter_map
from pages.components.notices import empty
from pages.components.start import fitted_or_stop, workspace_or_stop
from pages.components.tiles import map_points, tiles
from pages.jobs import registry

METHODS = {"umap": "UMAP", "tsne": "t-SNE"}
SHOWN = 240  # tiles below the map; the review page takes the whole selection


def project_or_wait(workspace: Workspace, method: str) -> np.ndarray:
    """The projection; while there is none, offer to make it and end the page."""
    xy = pipeline.load_projection(workspace, method)
    if xy is not None:
        return xy
    job = registry.find(workspace.root, f"project-{method}")
    if job is not None and job.live:
        empty(
            f"The {METHODS[method]} map is being computed",
            "It appears here by itself. You can go on reviewing meanwhile.",
            icon=":material/hourglass_top:",
        )
    elif empty(
        f"There is no {METHODS[method]} map of these images yet",
        f"It places {len(workspace.dataset):,} images so that alike ones lie together. "
        "It is computed once and kept.",
        icon=":material/scatter_plot:",
        action=f"Compute the {METHODS[method]} map",
    ):
        registry.submit(
            workspace.root,
            f"project-{method}",
            f"Computing the {METHODS[method]} map",
            lambda progress: pipeline.project(workspace, method, progress=progress),
        )
        st.rerun()
    st.stop()


def drawn() -> Lasso | None:
    """The last lasso of this visit to the page."""
    return Lasso.from_browser((st.session_state.get("map") or {}).get("lasso"))


@st.fragment
def map_and_selection(workspace: Workspace, xy: np.ndarray, detector: str) -> None:
    """Draw the map and what is selected on it; only this part reruns after a lasso."""
    dataset, ranking = workspace.dataset, resources.ranking(detector)
    reviewed = workspace.reviewed()
    points = map_points(workspace, xy, reviewed, ranking)
    order = np.arange(len(dataset)) if ranking is None else ranking.order
    selected = np.zeros(len(dataset), dtype=bool)
    selected[[dataset.row_of(item) for item in state.selection() if item in dataset]] = True

    def select() -> None:
        if (lasso := drawn()) is not None:
            chosen = apply_lasso(lasso, xy, points.channels(), selected)
            state.set_selection(dataset.item_ids[order[chosen[order]]].tolist(), "the map")

    last = scatter_map(
        points,
        key="map",
        thumbnails=f"/air/thumb/{{id}}?v={resources.version(workspace)}",
        selected=selected,
        acknowledged=lasso.number if (lasso := drawn()) else 0,
        score_title=pipeline.DETECTORS[detector],
        on_lasso=select,
    )
    count = int(selected.sum())
    if not count:
        if last is not None and len(last.polygon):
            st.info("No shown image lies inside that lasso.", icon=":material/info:")
        return
    flagged = int(points.flagged[selected].sum()) if points.flagged is not None else 0
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"### {count:,} selected · {flagged:,} flagged", width="stretch")
        if st.button(f"Review these {count:,} images", type="primary"):
            st.switch_page("review.py")
    rows = order[selected[order]][:SHOWN]
    if count > SHOWN:
        st.caption(f"The {SHOWN} most suspicious of them:")
    review_grid(
        tiles(workspace, rows, reviewed=reviewed, ranking=ranking),
        key="explore-grid",
        class_names=dataset.class_names,
        workspace=resources.version(workspace),
        readonly=True,
        height=480,
        caption="Selected images, most suspicious first",
    )


workspace = workspace_or_stop()
fitted_or_stop(workspace)
with st.container(horizontal=True, vertical_alignment="bottom"):
    st.title("Explore", width="stretch")
    method = st.selectbox("Projection", METHODS, format_func=METHODS.get, width=120)
    ready = [name for name in pipeline.DETECTORS if resources.ranking(name) is not None]
    detector = st.selectbox(
        "Flags and scores by", ready, format_func=pipeline.DETECTORS.get, width=260
    )
map_and_selection(workspace, project_or_wait(workspace, method), detector)
