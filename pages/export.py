"""Preview the cleaned labels and take them away."""

from __future__ import annotations

from typing import Any

import streamlit as st

from air_core.errors import AirError
from air_core.formats import FORMAT_TITLES
from air_core.reviewers import Reviews, Rule
from pages import resources, state
from pages.components.archive import archive, at_once, explanations, label_files
from pages.components.changes import draw_changes, preview
from pages.components.notices import empty
from pages.components.start import workspace_or_stop

OWN = " — the format you came with"
RULES: dict[Rule, str] = {
    "latest": "the latest decision",
    "majority": "the majority",
    "adjudicated": "what was adjudicated",
}


def whose_decision(reviews: Reviews) -> dict[str, Any]:
    """Ask whose decision counts, where reviewers differ."""
    if not reviews.conflicts:
        return {}
    with st.container(border=True, key="air-rule"):
        st.markdown(
            f":material/group: **Reviewers differ about {len(reviews.conflicts):,} images.** "
            "Whose decision goes into the export?"
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            rule = st.selectbox(
                "Take", RULES, index=None, format_func=RULES.get, width=260,
                placeholder="Choose whose decision counts", label_visibility="collapsed",
            )  # fmt: skip
            rest = st.checkbox("Images that this leaves open keep the label they came with")
            if st.button("See the conflicts", icon=":material/history:"):
                st.switch_page("history.py")
    return {"labels_by": rule, "unresolved": "given" if rest else "refuse"}


st.title("Export")
workspace = workspace_or_stop()
try:
    reviews = resources.reviews()
    choice = whose_decision(reviews)
    decisions = reviews.decisions(
        choice.get("labels_by"), unresolved=choice.get("unresolved", "refuse")
    )
except AirError as error:
    # What it says of options is for the command line.
    st.info(
        f"{error.message} Tick the box to leave these images as they came, or settle the conflicts."
        if choice.get("labels_by")
        else "Choose whose decision counts. The preview and the files follow from it.",
        icon=":material/group:",
    )
    st.stop()
thumbnails = f"/air/thumb/{{id}}?v={resources.version(workspace)}"
changes = preview(reviews, decisions, state.reviewer(), thumbnails)
if not decisions:
    empty(
        "There is nothing to export yet",
        "Decide about some images first. The export then differs from your labels in exactly "
        "those decisions and in nothing else.",
        icon=":material/ios_share:",
        action="Review the most suspicious images",
        page="review.py",
    )
    st.stop()
for note in resources.source_edits():
    st.warning(note, icon=":material/edit_document:")
counts = changes["action"].value_counts()
numbers = {
    "Images": len(workspace.dataset),
    "Relabelled": counts.get("relabel", 0),
    "Left out": counts.get("exclude", 0),
    "Kept": counts.get("keep", 0),
    "Unsure": counts.get("unsure", 0),
}
for column, (label, value) in zip(st.columns(len(numbers)), numbers.items(), strict=True):
    column.metric(label, f"{int(value):,}", border=True)
own = workspace.info.format
with st.container(border=True, key="air-take"):
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.selectbox(
            "Format to take the labels away in", FORMAT_TITLES,
            index=list(FORMAT_TITLES).index(own),
            format_func=lambda name: FORMAT_TITLES[name] + OWN * (name == own), width=420,
        )  # fmt: skip
        try:
            if at_once(kind, len(workspace.dataset)):
                label_files(kind, **choice)
            else:
                archive(workspace, kind, ranking=resources.ranking(), **choice)
        except AirError as error:
            st.error(str(error), icon=":material/error:")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("With it, to explain it later:", width="content")
        explanations(workspace, decisions, **choice)
st.header("What will change", anchor=False)
hidden = len(decisions) - len(changes)
if hidden:
    st.caption(f"{hidden:,} images are not shown until you have judged them yourself.")
draw_changes(changes)
st.caption(
    f"In the format of your own labels ({FORMAT_TITLES[own]}) the export is lossless: rows keep "
    "their order, and every cell that you did not change keeps its exact bytes, with quoting, "
    "unknown columns and line endings. Left-out images lose their row. Kept and unsure images "
    "keep the label they came with."
)
