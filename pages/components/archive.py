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
from air_core.export import not_written
from air_core.formats import FILE_FORMATS, FORMAT_TITLES
from air_core.labels import LabelEvent
from air_core.progress import ProgressCallback
from air_core.report import compose_report
from air_core.workspace import Workspace
from pages import resources
from pages.jobs import registry

LARGEST_DOWNLOAD = 512 * 1024**2
LARGEST_AT_ONCE = 100_000  # images; a label file of a million takes a quarter of a minute
_MOMENT = "????????-??????"


def build_zip(
    workspace: Workspace,
    target: Path,
    progress: ProgressCallback,
    *,
    format: str = "imagefolder",
    **choice: Any,
) -> None:
    """Export a folder and pack it; only a whole file gets its final name.

    The archive holds the folder as ``dataset``, or the label file as ``labels``, with
    ``audit.jsonl`` and ``changes.csv`` beside it.

    Parameters
    ----------
    workspace : Workspace
    target : Path
        The archive, ending in ``.zip``.
    progress : callable
    format : str
        See :data:`air_core.formats.FORMAT_TITLES`.
    **choice
        Whose decision counts; see :meth:`air_core.workspace.Workspace.export`.

    Raises
    ------
    ExportError
        If the folder or the archive cannot be written.
    """
    folder = target.with_suffix("")
    try:
        if format in FILE_FORMATS:
            progress(0, 2, "writing labels")
            folder.mkdir()
            workspace.export(format, folder / f"labels{FILE_FORMATS[format].suffix}", **choice)
        else:
            progress(0, 2, "copying images")
            workspace.export(format, folder / "dataset", **choice)
        progress(1, 2, "packing")
        made = shutil.make_archive(str(folder) + ".partial", "zip", folder)
        Path(made).replace(target)
    except OSError as error:
        raise not_written(target, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def at_once(kind: str, images: int) -> bool:
    """Whether labels are written while the page is drawn, and not in the background."""
    return kind in FILE_FORMATS and images <= LARGEST_AT_ONCE


def archive(workspace: Workspace, kind: str, **choice: Any) -> None:
    """Build the archive in the background, then offer it while it holds what is decided now.

    Raises
    ------
    ExportError
        If the workspace cannot be written to.
    """
    job = registry.find(workspace.root, "export")
    busy = job is not None and job.live
    folder, state = workspace.root / "exports", archived_state(workspace, **choice)
    made = [] if busy else sorted(folder.glob(f"{kind}-{state}-{_MOMENT}.zip"), reverse=True)[:1]
    if st.button(
        "The archive is being built" if busy else "Build the archive",
        type="secondary" if made else "primary", icon=":material/folder_zip:", disabled=busy,
    ):  # fmt: skip
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise not_written(folder, error) from error
        target = folder / f"{kind}-{state}-{datetime.now(UTC):%Y%m%d-%H%M%S}.zip"
        registry.submit(
            workspace.root,
            "export",
            f"Building {FORMAT_TITLES[kind]}",
            lambda progress: build_zip(workspace, target, progress, format=kind, **choice),
        )
        st.rerun()
    for one in made:
        _offer(one)
    if not made and not busy and any(folder.glob(f"{kind}-*.zip")):
        st.caption(
            "Archives built before the latest decisions are in the workspace, under exports."
        )


def archived_state(workspace: Workspace, **choice: Any) -> str:
    """Name what an archive would hold: the newest event, and the rule where reviewers differ.

    Examples
    --------
    ``"event41"``, ``"event41-majority-given"``
    """
    history = workspace.labels.history()
    newest = history[-1].event_id if history else 0
    rule = choice.get("labels_by")
    whose = f"-{rule}-{choice.get('unresolved', 'refuse')}" if rule else ""
    return f"event{newest}{whose}"


def _offer(archive: Path) -> None:
    size = archive.stat().st_size
    if size > LARGEST_DOWNLOAD:
        st.markdown("Too large to send through the browser; it is on the server at")
        st.code(str(archive), language=None)
        return
    st.download_button(
        f"Download {archive.name} ({size / 1024**2:.1f} MB)",
        archive.read_bytes,
        file_name=archive.name,
        mime="application/zip",
        type="primary",
        icon=":material/download:",
        key=archive.name,
        on_click="ignore",  # a run of the page would take away the file that is being fetched
    )


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
