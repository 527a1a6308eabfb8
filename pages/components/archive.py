"""What an export will change, and the archive of an exported image folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd

from air_core.progress import ProgressCallback
from air_core.workspace import Workspace


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


def build_zip(workspace: Workspace, target: Path, progress: ProgressCallback) -> None:
    """Write the image folder and pack it; only a whole file gets its final name.

    Parameters
    ----------
    workspace : Workspace
    target : Path
        The archive, ending in ``.zip``.
    progress : callable

    Raises
    ------
    ExportError
        If the folder cannot be written.
    """
    folder = target.with_suffix("")
    try:
        progress(0, 2, "copying images")
        workspace.export("imagefolder", folder)
        progress(1, 2, "packing")
        made = shutil.make_archive(str(folder) + ".partial", "zip", folder)
        Path(made).replace(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
