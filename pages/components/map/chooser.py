"""Which map to show: those kept, those on their way, and a new one with settings of its own."""

from __future__ import annotations

import streamlit as st
from numpy import float32
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from air_core import pipeline
from air_core.projection import METHODS, MapSettings, StoredMap
from air_core.workspace import Workspace
from pages.components.notices import empty
from pages.jobs import registry

_KEY = "explore-map"
_KIND = "map-"
# On two cores all of 200,000 images take some ten minutes; a sample of these is laid out sooner.
_SAMPLES = (10_000, 20_000, 50_000, 100_000)


def choose_map(workspace: Workspace, below: DeltaGenerator) -> tuple[StoredMap, NDArray[float32]]:
    """Draw the controls and return the chosen map; while there is none, say so and end the page.

    Parameters
    ----------
    workspace : Workspace
    below : DeltaGenerator
        Where a map would stand.
    """
    coming = {
        job.kind.removeprefix(_KIND): job.title
        for job in registry.of(workspace.root)
        if job.live and job.kind.startswith(_KIND)
    }
    # Asked for last: a map that is finished in between is among both, not among neither.
    kept = {made.name: made for made in pipeline.kept_projections(workspace)}
    names = [*(name for name in coming if name not in kept), *kept]
    chosen = None
    if names:
        if st.session_state.get(_KEY) not in names:
            st.session_state[_KEY] = next(iter(kept or coming))
        chosen = st.selectbox(
            "Map", names, key=_KEY, persist_state="session", width=265,
            format_func=lambda name: kept[name].settings.title if name in kept else coming[name],
        )  # fmt: skip
    with st.popover("New map", icon=":material/add:"):
        _ask(workspace, kept.get(chosen or ""))
    if chosen in kept:
        xy = pipeline.load_kept(workspace, kept[chosen])
        if xy is not None:
            return kept[chosen], xy
        pipeline.remove_projection(workspace, kept[chosen])
        st.rerun()
    with below:
        _wait_or_offer(workspace, coming.get(chosen or ""))
    st.stop()


def about(workspace: Workspace, made: StoredMap) -> str:
    """What a map shows, in a sentence or two."""
    n, sample = len(workspace.dataset), made.settings.sample
    text = f"{METHODS[made.settings.method]} of {n:,} images: alike ones lie together."
    if sample is not None and sample < n:
        text += (
            f" {sample:,} of them, drawn at random, were laid out;"
            " each other image was placed among its nearest neighbours there."
        )
    return text


def _wait_or_offer(workspace: Workspace, coming: str | None) -> None:
    if coming is not None:
        empty(
            f"{coming}: being computed",
            "It appears here by itself. You can go on reviewing meanwhile.",
            icon=":material/hourglass_top:",
        )
        return
    settings = MapSettings(sample=_default_sample(len(workspace.dataset)))
    if empty(
        "There is no map of these images yet",
        f"It places {len(workspace.dataset):,} images so that alike ones lie together. "
        "It is computed once and kept; under “New map” are UMAP, seed and parameters.",
        icon=":material/scatter_plot:",
        action=f"Compute the {METHODS[settings.method]} map",
    ):
        _submit(workspace, settings)
        st.rerun()


def _ask(workspace: Workspace, shown: StoredMap | None) -> None:
    """Settings of a new map, and what is there to say and do about the one shown."""
    n = len(workspace.dataset)
    method = st.segmented_control(
        "Method", METHODS, default="tsne", format_func=METHODS.get, required=True, key="map-method"
    )
    settings = {}
    if method == "tsne":
        settings["perplexity"] = st.slider(
            "Perplexity", 5, 100, 30, key="map-perplexity",
            help="About how many neighbours pull at an image: small shows fine islands, large the "
            "lie of the land.",
        )  # fmt: skip
    else:
        settings["n_neighbors"] = st.slider(
            "Neighbours", 2, 100, 15, key="map-neighbours",
            help="How many neighbours pull at an image: small shows fine islands, large the lie of "
            "the land.",
        )  # fmt: skip
        settings["min_dist"] = st.slider(
            "Least distance", 0.0, 0.9, 0.1, 0.05, key="map-distance",
            help="How tightly alike images may be packed.",
        )  # fmt: skip
    sizes = [None, *(size for size in _SAMPLES if size < n)]
    if len(sizes) > 1:
        settings["sample"] = st.selectbox(
            "Images laid out", sizes, index=sizes.index(_default_sample(n)), key="map-sample",
            format_func=lambda size: f"All {n:,}" if size is None else f"{size:,} at random",
            help="All images are drawn. Those beyond the sample are placed among their nearest "
            "neighbours in it, which is quicker and a little coarser.",
        )  # fmt: skip
    seed = st.number_input(
        "Seed", 0, 2**31 - 1, 0, key="map-seed",
        help="The same settings and seed give the same map; another seed shows what is chance.",
    )  # fmt: skip
    wanted = MapSettings(method, seed=int(seed), **settings)
    st.button(
        "Compute this map", type="primary", key="map-compute",
        on_click=_submit, args=(workspace, wanted),
    )  # fmt: skip
    if shown is not None:
        took = f" It took {shown.seconds:.0f} s." if shown.seconds >= 1 else ""
        st.caption(f"Shown now: {shown.settings.title}. {about(workspace, shown)}{took}")
        st.button(
            "Delete the map shown", type="tertiary", icon=":material/delete:", key="map-delete",
            on_click=pipeline.remove_projection, args=(workspace, shown),
        )  # fmt: skip


def _submit(workspace: Workspace, settings: MapSettings) -> None:
    """Show the map that these settings give, computing it where it is not kept."""
    name = pipeline.projection_name(workspace, settings)
    if pipeline.load_projection(workspace, settings) is None:
        registry.submit(
            workspace.root,
            f"{_KIND}{name}",
            settings.title,
            lambda progress: pipeline.project(workspace, settings, progress=progress),
        )
    st.session_state[_KEY] = name


def _default_sample(n: int) -> int | None:
    return 50_000 if n > 100_000 else None
