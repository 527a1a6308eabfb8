"""What the whole server process shares: the workspace and what was computed from it.

The only place with ``st.cache_*``. Pages and routes use it alike.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import streamlit as st

from air_core import pipeline
from air_core.errors import WorkspaceError
from air_core.pipeline import Fit
from air_core.ranking import Ranking
from air_core.workspace import Workspace

VARIABLE = "AIR_AUDIT_WORKSPACE"
"""Environment variable that names the workspace; ``air-audit ui`` sets it."""


def root() -> Path | None:
    """Folder of the workspace that this server shows; None if none was given."""
    given = os.environ.get(VARIABLE, "")
    return Path(given).expanduser().resolve() if given else None


def workspace() -> Workspace | None:
    """The workspace, opened once a process and again when its listing changes on disk.

    Returns
    -------
    Workspace or None
        None if the server was started without one.

    Raises
    ------
    WorkspaceError
        If the folder named is no workspace or is damaged.
    """
    folder = root()
    return None if folder is None else _open(folder, _stamp(folder))


def require_workspace() -> Workspace:
    """The workspace, or :class:`WorkspaceError` if the server was started without one."""
    found = workspace()
    if found is None:
        raise WorkspaceError(
            "Expected a workspace, but the interface was started without one.",
            hint="Start it with: air-audit ui WORKSPACE",
        )
    return found


def version(opened: Workspace) -> str:
    """Name of the workspace and of its present content, as ``"name-content"``.

    The name part lasts as long as the workspace and names the browser's queue of decisions; both
    together version the addresses of pictures, so that these can be cached for good.
    """
    key = f"{opened.root}\0{opened.info.source}\0{opened.info.created_at}"
    return f"{_digest(key)}-{_digest(str(_stamp(opened.root)))}"


def fit(model: str = "air") -> Fit | None:
    """The latest fit of ``"air"`` or ``"svm"``; None before the first."""
    return pipeline.latest_fit(require_workspace(), model)


def ranking(detector: str = pipeline.DEFAULT_DETECTOR) -> Ranking | None:
    """The ranking of a detector from the latest fit; None before the first fit of its model."""
    current = fit("svm" if detector.startswith("svm") else "air")
    return (
        None if current is None else _rank(str(require_workspace().root), detector, current.run_id)
    )


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def _stamp(folder: Path) -> int:
    try:
        return (folder / "workspace.json").stat().st_mtime_ns
    except OSError:
        return 0


@st.cache_resource(show_spinner=False, max_entries=4)
def _open(folder: Path, stamp: int) -> Workspace:
    return Workspace.open(folder)


@st.cache_resource(show_spinner=False, max_entries=16)
def _rank(folder: str, detector: str, run_id: str) -> Ranking:
    return pipeline.rank(require_workspace(), detector)
