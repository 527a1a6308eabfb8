"""Copies of one picture and images unlike all others, each with a way to review them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from air_core.duplicates import Group
from air_core.facts import Copies
from air_core.workspace import Workspace
from pages import state
from pages.components.markdown import literal

_GROUPS, _SHOWN, _ODD = 6, 6, 10
_MORE = "air-copies-shown"


def review(workspace: Workspace, rows: Sequence[int], origin: str) -> None:
    """Open the review on these images."""
    state.set_selection([str(workspace.dataset.item_ids[row]) for row in rows], origin)
    st.switch_page("review.py")


def draw_copies(workspace: Workspace, found: Copies) -> None:
    """Draw groups of copies, those with conflicting labels first."""
    groups, conflicts = found.groups, found.conflicts
    exact = sum(one.exact for one in groups)
    if not groups:
        st.success("No picture is there twice.", icon=":material/check_circle:")
        return
    st.markdown(
        f"**{len(groups):,} pictures are there more than once** "
        f"({exact:,} as the same file), **{len(conflicts):,} with labels that differ**."
    )
    if conflicts and st.button("Review all that conflict", icon=":material/difference:"):
        review(workspace, [row for one in conflicts for row in one.rows], "copies that conflict")
    many = int(st.session_state.get(_MORE, _GROUPS))
    for start in range(0, min(many, len(groups)), 2):
        for place, one in zip(st.columns(2), groups[start : start + 2], strict=False):
            with place:
                _draw_group(workspace, one, start)
    if many < len(groups) and st.button(f"Show more of {len(groups):,}", type="tertiary"):
        st.session_state[_MORE] = many + 4 * _GROUPS
        st.rerun()


def _draw_group(workspace: Workspace, one: Group, number: int) -> None:
    dataset = workspace.dataset
    with st.container(border=True):
        kind = "Same file" if one.exact else "Near copies"
        mark = " · :orange[:material/warning: labels differ]" if one.conflicting else ""
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"{kind} × {len(one.rows)}{mark}", width="stretch")
            if st.button("Review these", key=f"air-group-{one.rows[0]}"):
                review(workspace, one.rows, "a group of copies")
        with st.container(horizontal=True, gap="small"):
            for row in one.rows[:_SHOWN]:
                given = dataset.shown(dataset.given_text(row)) or "no label"
                st.image(
                    workspace.thumbnail(str(dataset.item_ids[row])),
                    width=84, caption=literal(given), alt=f"Labelled {given}",
                )  # fmt: skip
        if len(one.rows) > _SHOWN:
            st.caption(f"and {len(one.rows) - _SHOWN:,} more")


def draw_odd(workspace: Workspace, found: Copies) -> None:
    """Draw the images that lie furthest from all others."""
    far, dataset = found.odd, workspace.dataset
    rows = (far if len(far) else found.oddness.argsort(kind="stable")[::-1])[:_ODD].tolist()
    if len(far):
        st.markdown(
            f"**{len(far):,} images are unlike all others**: perhaps they belong to no class."
        )
    else:
        st.markdown("No image stands out. These are the ones least like the others.")
    chosen = far.tolist() if len(far) else rows
    if st.button("Review these images", key="air-odd", icon=":material/rate_review:"):
        review(workspace, chosen, "images unlike the others")
    for place, row in zip(st.columns(_ODD), rows, strict=False):
        given = dataset.shown(dataset.given_text(row)) or "no label"
        place.image(
            workspace.thumbnail(str(dataset.item_ids[row])),
            width="stretch", caption=literal(given), alt=f"Labelled {given}",
        )  # fmt: skip
