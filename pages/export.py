"""Preview the cleaned labels and take them away."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from air_core.errors import AirError
from air_core.formats import FILE_FORMATS, FORMAT_TITLES
from air_core.workspace import Workspace
from pages import resources
from pages.components.archive import build_zip, preview
from pages.components.notices import empty
from pages.components.start import workspace_or_stop
from pages.jobs import registry

COLUMNS = {
    "image": st.column_config.ImageColumn("Image", width=60),
    "path": st.column_config.TextColumn("File"),
    "given": st.column_config.TextColumn("Given label"),
    "final": st.column_config.TextColumn("Final label"),
    "action": st.column_config.TextColumn("Action"),
    "reviewer": st.column_config.TextColumn("Reviewer"),
    "time": st.column_config.DatetimeColumn("Time (UTC)", format="D MMM YYYY, HH:mm"),
}
LARGEST_DOWNLOAD = 512 * 1024**2


def image_folder(workspace: Workspace) -> None:
    """Build the archive in the background, then offer it."""
    job = registry.find(workspace.root, "export")
    busy = job is not None and job.live
    folder = workspace.root / "exports"
    if st.button(
        "The archive is being built" if busy else "Build the archive",
        type="primary", icon=":material/folder_zip:", disabled=busy,
    ):  # fmt: skip
        folder.mkdir(exist_ok=True)
        target = folder / f"labels-{datetime.now(UTC):%Y%m%d-%H%M%S}.zip"
        registry.submit(
            workspace.root,
            "export",
            "Building the image folder",
            lambda progress: build_zip(workspace, target, progress),
        )
        st.rerun()
    for made in sorted(folder.glob("labels-*.zip"), reverse=True)[:3]:
        size = made.stat().st_size
        if made.name.endswith(".partial.zip"):
            continue
        if size <= LARGEST_DOWNLOAD:
            st.download_button(
                f"Download {made.name} ({size / 1024**2:.1f} MB)",
                made.read_bytes,
                file_name=made.name,
                mime="application/zip",
                icon=":material/download:",
                key=made.name,
            )
        else:
            st.markdown("Too large to send through the browser; it is on the server at")
            st.code(str(made), language=None)


st.title("Export")
workspace = workspace_or_stop()
changes = preview(workspace, f"/air/thumb/{{id}}?v={resources.version(workspace)}")
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
kind = st.radio("Format", FORMAT_TITLES, format_func=FORMAT_TITLES.get, horizontal=True)
try:
    if kind in FILE_FORMATS:
        st.download_button(
            "Download the labels",
            workspace.export_bytes(kind),
            file_name=f"labels.{kind}",
            mime="text/csv",
            type="primary",
            icon=":material/download:",
        )
    else:
        image_folder(workspace)
except AirError as error:
    st.error(str(error), icon=":material/error:")
st.caption(
    f"In the format of your own labels ({FORMAT_TITLES[workspace.info.format]}) the export is "
    "lossless: rows keep their order, and every cell that you did not change keeps its exact "
    "bytes, with quoting, unknown columns and line endings. Left-out images lose their row. "
    "Kept and unsure images keep the label they came with."
)
