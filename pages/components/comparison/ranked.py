"""Figure 4: the images of one class as each detector ranks them."""

from __future__ import annotations

import numpy as np
import streamlit as st

from air_core.workspace import Workspace
from pages import resources
from pages.components.basis import Basis
from pages.components.comparison.side import Side
from pages.components.grid import review_grid
from pages.components.tiles import tiles

SHOWN = 200  # tiles a side


def ranked_grids(workspace: Workspace, sides: tuple[Side, Side], basis: Basis) -> None:
    """Draw the images of a class in two grids, with the borders of Figure 4."""
    dataset, reviewed = workspace.dataset, workspace.reviewed()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Images labelled", dataset.class_names,
            key="compare-class", persist_state="session", width=320,
        )  # fmt: skip
        on_top = st.segmented_control(
            "On top", ["Highest", "Lowest"], default="Highest", required=True,
            help="Highest: what the detector takes for typical of the class. "
            "Lowest: what it doubts most.",
        )  # fmt: skip
    members = dataset.having(name)
    # A detector's own flags are no verdict on it.
    verdict = np.zeros(len(dataset), np.int8) if basis.kind == "flags" else basis.verdict
    for column, side in zip(st.columns(2), sides, strict=True):
        rows = np.flatnonzero(members)
        ranks = side.ranking.ranks[rows]
        rows = rows[np.argsort(-ranks if on_top == "Highest" else ranks, kind="stable")]
        with column:
            st.markdown(f"### {side.title}{basis.in_words(side.values(), members)}")
            review_grid(
                tiles(
                    workspace, rows[:SHOWN], reviewed=reviewed, ranking=side.ranking,
                    verdict=verdict, activations=side.ranking.activations,
                ),
                key=f"compare-{side.place}",
                class_names=dataset.class_names,
                workspace=resources.version(workspace),
                readonly=True,
                density="compact",
                height=560,
                caption=f"{side.title}: {name}, {on_top.lower()} first",
            )  # fmt: skip
            if len(rows) > SHOWN:
                st.caption(f"The first {SHOWN} of {len(rows):,} images.")
