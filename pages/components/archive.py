"""What an export will change, and the archive of an exported folder."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import streamlit as st

from air_core.formats import FORMAT_TITLES
from air_core.progress import ProgressCallback
from air_core.reviewers import Rule
from air_core.workspace import Workspace
from pages.jobs import registry

LARGEST_DOWNLOAD = 512 * 1024**2


def preview(workspace: Workspace, thumbnails: str = "{id}") -> pd.DataFrame:
    """One row for each decision in force: what the export will say instead.

    Parameters
    ----------
    workspace : Workspace
    thumbnails : str
        URL of a thumbnail with ``{id}``.

    Returns
    -------
    DataFrame
        Columns image, path, given, final, action, reviewer, time; sorted by path.
    """
    dataset, rows = workspace.dataset, []
    for item_id, event in workspace.reviewed().items():
        row = dataset.row_of(item_id)
        given = dataset.shown(dataset.given_text(row)) or ""
        final = {"relabel": dataset.shown(event.new_label), "exclude": "left out"}.get(
            event.action, given
        )
        image, when = thumbnails.replace("{id}", item_id), pd.Timestamp(event.created_at)
        rows.append((image, dataset.paths[row], given, final, event.action, event.reviewer, when))
    columns = ["image", "path", "given", "final", "action", "reviewer", "time"]
    return pd.DataFrame(rows, columns=columns).sort_values("path", ignore_index=True)


def build_zip(
    workspace: Workspace,
    target: Path,
    progress: ProgressCallback,
    *,
    format: str = "imagefolder",
    labels_by: Rule | None = None,
) -> None:
    """Export a folder and pack it; only a whole file gets its final name.

    The archive holds the folder as ``dataset``, with ``audit.jsonl`` and ``changes.csv`` beside it.

    Parameters
    ----------
    workspace : Workspace
    target : Path
        The archive, ending in ``.zip``.
    progress : callable
    format : str
        One of :data:`air_core.formats.FOLDER_FORMATS`.
    labels_by : str, optional
        See :meth:`air_core.workspace.Workspace.export`.

    Raises
    ------
    ExportError
        If the folder cannot be written.
    """
    folder = target.with_suffix("")
    try:
        progress(0, 2, "copying images")
        workspace.export(format, folder / "dataset", labels_by=labels_by)
        progress(1, 2, "packing")
        made = shutil.make_archive(str(folder) + ".partial", "zip", folder)
        Path(made).replace(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def folder_archive(workspace: Workspace, kind: str, labels_by: Rule | None) -> None:
    """Build the archive in the background, then offer it."""
    job = registry.find(workspace.root, "export")
    busy = job is not None and job.live
    folder = workspace.root / "exports"
    if st.button(
        "The archive is being built" if busy else "Build the archive",
        type="primary", icon=":material/folder_zip:", disabled=busy,
    ):  # fmt: skip
        folder.mkdir(exist_ok=True)
        target = folder / f"{kind}-{datetime.now(UTC):%Y%m%d-%H%M%S}.zip"
        registry.submit(
            workspace.root,
            "export",
            f"Building {FORMAT_TITLES[kind]}",
            lambda progress: build_zip(
                workspace, target, progress, format=kind, labels_by=labels_by
            ),
        )
        st.rerun()
    for made in sorted(folder.glob(f"{kind}-*.zip"), reverse=True)[:3]:
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
