"""The λ_g path of a workspace."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from air_core.errors import SolverError
from air_core.fitting.stored import current_features, targets_of
from air_core.progress import ProgressCallback, silent
from air_core.runs import fit_key
from air_core.workspace import Workspace

if TYPE_CHECKING:
    from air_core.solver import LambdaPath


def fit_path(
    workspace: Workspace, *, device: str = "auto", progress: ProgressCallback = silent
) -> LambdaPath:
    """Solve the λ_g path of the current features and labels, or read it if it was solved before.

    A path that was cancelled is solved anew from its start; its points up to there were returned.
    """
    from air_core.features import resolve_device
    from air_core.solver import LambdaPath, air_path

    features = current_features(workspace)
    dataset = workspace.dataset
    key = fit_key("path", features.digest, dataset.labels_digest(), {})
    file = workspace.runs_dir / f"path-{key}.npz"
    if file.is_file():
        # A damaged file is solved anew and replaced.
        with suppress(SolverError):
            return LambdaPath.load(file)
    found = air_path(
        features.array,
        targets_of(dataset),
        n_classes=None if dataset.multilabel else len(dataset.class_names),
        device=resolve_device(device),
        progress=progress,
    )
    if found.complete:
        workspace.runs_dir.mkdir(parents=True, exist_ok=True)
        found.save(file)
    return found
