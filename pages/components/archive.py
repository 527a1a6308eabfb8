"""What is taken away: label files, the archive of an exported folder, what explains them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from mimetypes import guess_type
from pathlib import Path
from typing import Any

import streamlit as st

from air_core.changes import audit_jsonl, changes_csv
from air_core.formats import FORMAT_TITLES
from air_core.labels import LabelEvent
from air_core.progress import ProgressCallback
from air_core.report import compose_report
from air_core.workspace import Workspace
from pages import resources
from pages.jobs import registry

LARGEST_DOWNLOAD = 512 * 1024**2


def build_zip(
    workspace: Workspace,
    target: Path,
    progress: ProgressCallback,
    *,
    format: str = "imagefolder",
    **choice: Any,
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
    **choice
        Whose decision counts; see :meth:`air_core.workspace.Workspace.export`.

    Raises
    ------
    ExportError
        If the folder cannot be written.
    """
    folder = target.with_suffix("")
    try:
        progress(0, 2, "copying images")
        workspace.export(format, folder / "dataset", **choice)
        progress(1, 2, "packing")
        made = shutil.make_archive(str(folder) + ".partial", "zip", folder)
        Path(made).replace(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def folder_archive(workspace: Workspace, kind: str, **choice: Any) -> None:
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
            lambda progress: build_zip(workspace, target, progress, format=kind, **choice),
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


def label_files(kind: str, **choice: Any) -> None:
    """Offer a label file, and beside it whatever its format goes with."""
    files = resources.export_files(kind, **choice)
    for number, (name, data) in enumerate(files.items()):
        title = f"Download the labels ({name})" if not number else f"What goes with it ({name})"
        st.download_button(
            title, data, file_name=name, mime=guess_type(name)[0] or "application/octet-stream",
            type="secondary" if number else "primary", icon=":material/download:",
            on_click="ignore",
        )  # fmt: skip


def explanations(workspace: Workspace, decisions: Mapping[str, LabelEvent], **choice: Any) -> None:
    """Offer what explains an export a year later: the changes, the log, the report."""
    files: dict[str, tuple[str, Callable[[], bytes]]] = {
        "changes.csv": ("What changed", lambda: changes_csv(workspace.dataset, decisions)),
        "audit.jsonl": (
            "The log of decisions",
            lambda: audit_jsonl(resources.reviews().events),
        ),
        "report.html": (
            "The report",
            lambda: compose_report(workspace, **choice).encode("utf-8", "replace"),
        ),
    }
    for name, (title, data) in files.items():
        st.download_button(
            f"{title} ({name})", data, file_name=name, icon=":material/description:",
            type="tertiary", key=name, on_click="ignore",
        )  # fmt: skip
