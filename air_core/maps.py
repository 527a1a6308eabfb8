"""The maps of a workspace: computed once for the present features, kept, and found again."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from air_core import projection
from air_core.errors import WorkspaceError
from air_core.fitting import current_features
from air_core.progress import ProgressCallback, silent
from air_core.projection import MapSettings, StoredMap
from air_core.workspace import Workspace


def project(
    workspace: Workspace,
    method: str | MapSettings = "tsne",
    *,
    seed: int = 0,
    progress: ProgressCallback = silent,
) -> NDArray[np.float32]:
    """The map of all images, from the workspace where it was made before.

    Parameters
    ----------
    workspace : Workspace
    method : {"tsne", "umap"} or MapSettings
        Settings bring their own seed.
    seed : int
    progress : callable
        May raise :class:`~air_core.errors.Cancelled`: the work ends within a second and leaves
        nothing.

    Returns
    -------
    ndarray of shape (n, 2), dtype float32

    Raises
    ------
    WorkspaceError
        Before features were extracted.
    SolverError
        For unknown settings or fewer than four images.
    """
    stored = load_projection(workspace, method, seed=seed)
    if stored is not None:
        return stored
    features, settings = current_features(workspace), _settings(method, seed)
    started = time.monotonic()
    layout = projection.project_apart(features.array, settings, progress=progress)
    projection.save_map(
        workspace.projections_dir, settings, features.digest, layout,
        seconds=time.monotonic() - started,
    )  # fmt: skip
    return layout


def store_projection(
    workspace: Workspace,
    method: str | MapSettings,
    layout: NDArray[np.float32],
    *,
    seed: int = 0,
) -> None:
    """Keep a map (n, 2) of the current features."""
    digest = current_features(workspace).digest
    projection.save_map(workspace.projections_dir, _settings(method, seed), digest, layout)


def load_projection(
    workspace: Workspace, method: str | MapSettings = "tsne", *, seed: int = 0
) -> NDArray[np.float32] | None:
    """The stored map (n, 2) of the current features, read-only; None if there is none."""
    wanted = _settings(method, seed).record()
    for kept in kept_projections(workspace):
        if kept.settings.record() == wanted:
            return load_kept(workspace, kept)
    return None


def kept_projections(workspace: Workspace) -> list[StoredMap]:
    """The stored maps of the current features, newest first."""
    try:
        digest = current_features(workspace).digest
        return projection.kept_maps(workspace.projections_dir, digest)
    except WorkspaceError:
        return []


def projection_name(workspace: Workspace, settings: MapSettings) -> str:
    """Name that the map with these settings has or will have among the stored ones."""
    return projection.map_name(settings, current_features(workspace).digest)


def load_kept(workspace: Workspace, kept: StoredMap) -> NDArray[np.float32] | None:
    """The points (n, 2) of a stored map, read-only; None if it is gone or of other images."""
    layout = projection.load_map(workspace.projections_dir, kept.name)
    return layout if layout is not None and layout.shape == (len(workspace.dataset), 2) else None


def remove_projection(workspace: Workspace, kept: StoredMap) -> None:
    """Delete a stored map."""
    projection.remove_map(workspace.projections_dir, kept.name)


def _settings(method: str | MapSettings, seed: int) -> MapSettings:
    return method if isinstance(method, MapSettings) else MapSettings(method, seed)
