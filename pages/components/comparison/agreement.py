"""Which images both detectors put on top, and which only one of them."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from air_core import comparison
from air_core.workspace import Workspace
from pages import state
from pages.components.basis import Basis
from pages.components.comparison.side import Side


def agreement(workspace: Workspace, sides: tuple[Side, Side], basis: Basis) -> None:
    """Draw the table; its buttons open the grid on the images."""
    first, second = sides
    labelled = int((~np.isnan(first.ranking.scores)).sum())
    top = st.number_input(
        "Compare the worst", 1, max(labelled, 1), _worst(first, labelled), key="compare-top",
        width=180, help="How many images from the top of each list.",
    )  # fmt: skip
    found = comparison.agreement(first.ranking, second.ranking, int(top))
    groups = (
        ("both", "Both", found.both),
        ("a", f"Only {first.title}", found.only_first),
        ("b", f"Only {second.title}", found.only_second),
    )
    for place, (key, title, rows) in zip(st.columns(3), groups, strict=True):
        with place, st.container(border=True, height="stretch"):
            st.metric(title, f"{len(rows):,}", help=f"Of the worst {top:,} of each list.")
            st.markdown(_known(rows, basis))
            if st.button(
                f"Open these {len(rows):,}", key=f"compare-open-{key}", disabled=not len(rows),
                icon=":material/grid_view:", width="stretch",
            ):  # fmt: skip
                open_in_review(workspace, rows, f"the comparison ({title.lower()})")
    if not math.isnan(found.correlation):
        st.caption(
            f"Rank correlation over all {labelled:,} labelled images (Spearman's ρ): "
            f"{found.correlation:.2f}. 1 is the same order, 0 unrelated."
        )


def open_in_review(workspace: Workspace, rows: NDArray[np.intp], origin: str) -> None:
    """Show these images in the review, worst first."""
    state.set_selection(workspace.dataset.item_ids[rows].tolist(), origin)
    st.switch_page("review.py")


def _worst(side: Side, labelled: int) -> int:
    """As many as the first detector flags: what a reviewer would look at."""
    return min(max(int(side.ranking.flagged.sum()), 1), max(labelled, 1))


def _known(rows: NDArray[np.intp], basis: Basis) -> str:
    """How many of them are known to be wrong."""
    if basis.kind == "flags" or not len(rows):
        return ":gray[No verdict on these yet]"
    judged = int(basis.known[rows].sum())
    if not judged:
        return ":gray[No verdict on these yet]"
    wrong = int(basis.wrong[rows].sum())
    whose = "in truth" if basis.kind == "truth" else "by review"
    return f"**{wrong:,}** of {judged:,} wrong {whose} ({wrong / judged:.0%})"
