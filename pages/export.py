"""Preview the cleaned labels and take them away."""

from __future__ import annotations

from mimetypes import guess_type
from typing import Any

import streamlit as st

from air_core.errors import AirError
from air_core.formats import FILE_FORMATS, FORMAT_TITLES
from air_core.reviewers import Rule
from air_core.workspace import Workspace
from pages import resources
from pages.components.archive import explanations, folder_archive, preview
from pages.components.notices import empty
from pages.components.start import workspace_or_stop

COLUMNS = {
    "image": st.column_config.ImageColumn("Image", width=60),
    "path": st.column_config.TextColumn("File"),
    "given": st.column_config.TextColumn("Given label"),
    "final": st.column_config.TextColumn("Final label"),
    "action": st.column_config.TextColumn("Action"),
    "reviewer": st.column_config.TextColumn("Reviewer"),
    "time": st.column_config.DatetimeColumn("Time (UTC)", format="D MMM YYYY, HH:mm"),
}
OWN = " — the format you came with"
RULES: dict[Rule, str] = {
    "latest": "the latest decision",
    "majority": "the majority",
    "adjudicated": "what was adjudicated",
}


def whose_decision(workspace: Workspace) -> dict[str, Any]:
    """Ask whose decision counts, where reviewers differ."""
    if not workspace.reviews().conflicts:
        return {}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        rule = st.selectbox(
            "Reviewers differ about some images. Take", RULES, index=None,
            format_func=RULES.get, placeholder="Choose whose decision counts", width=320,
        )  # fmt: skip
        rest = st.checkbox("Images that this leaves open keep the label they came with")
    return {"labels_by": rule, "unresolved": "given" if rest else "refuse"}


st.title("Export")
workspace = workspace_or_stop()
choice = whose_decision(workspace)
try:
    decisions = workspace.reviews().decisions(
        choice.get("labels_by"), unresolved=choice.get("unresolved", "refuse")
    )
except AirError as error:
    st.info(str(error), icon=":material/group:")
    st.stop()
changes = preview(workspace, decisions, f"/air/thumb/{{id}}?v={resources.version(workspace)}")
if changes.empty:
    empty(
        "There is nothing to export yet",
        "Decide about some images first. The export then differs from your labels in exactly "
        "those decisions and in nothing else.",
        icon=":material/ios_share:",
        action="Review the most suspicious images",
        page="review.py",
    )
    st.stop()
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
st.subheader("What will change")
everything = st.toggle("Show kept and unsure images too")
shown = changes if everything else changes[changes["action"].isin(["relabel", "exclude"])]
st.dataframe(
    shown, hide_index=True, column_config=COLUMNS, row_height=44,
    height=420 if len(shown) > 8 else "auto",
)  # fmt: skip
st.subheader("Take it away")
own = workspace.info.format
kind = st.selectbox(
    "Format", FORMAT_TITLES, index=list(FORMAT_TITLES).index(own),
    format_func=lambda name: FORMAT_TITLES[name] + OWN * (name == own),
    width=460,
)  # fmt: skip
try:
    if kind in FILE_FORMATS:
        suffix = FILE_FORMATS[kind].suffix
        st.download_button(
            "Download the labels",
            workspace.export_bytes(kind, ranking=resources.ranking(), **choice),
            file_name=f"labels{suffix}",
            mime=guess_type(f"labels{suffix}")[0] or "application/octet-stream",
            type="primary",
            icon=":material/download:",
        )
    else:
        folder_archive(workspace, kind, ranking=resources.ranking(), **choice)
    explanations(workspace, decisions, **choice)
except AirError as error:
    st.error(str(error), icon=":material/error:")
st.caption(
    f"In the format of your own labels ({FORMAT_TITLES[workspace.info.format]}) the export is "
    "lossless: rows keep their order, and every cell that you did not change keeps its exact "
    "bytes, with quoting, unknown columns and line endings. Left-out images lose their row. "
    "Kept and unsure images keep the label they came with."
)
