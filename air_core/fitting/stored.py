"""What fits start from and where they are kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from air_core.atomic import atomic_write
from air_core.dataset import Dataset
from air_core.detectors.detection import RECIPE
from air_core.errors import WorkspaceError
from air_core.installation import versions
from air_core.runs import Fit, current_fit, find_fit, fit_key, make_current, new_run_id, save_fit
from air_core.workspace import Workspace

if TYPE_CHECKING:
    from air_core.features import Features

Model = str
"""``"air"``, ``"svm"``, ``"ridge"``, ``"refined"`` or :func:`~.detected.run_name` of a detector."""
BLOCK = 16384


def current_features(workspace: Workspace) -> Features:
    """The features extracted last.

    Raises
    ------
    WorkspaceError
        If there are none, or the images are not the ones they were extracted from.
    """
    from air_core.features import Features

    record = workspace.features_dir / "current.txt"
    try:
        backbone, folder, digest, images = record.read_text("utf-8").splitlines()
        array = np.load(workspace.features_dir / folder / f"{digest}.npy", mmap_mode="r")
    except (OSError, ValueError):
        array = None
    # Rows belong to images: the same number of other images, or another order, will not do.
    if array is None or images != workspace.dataset.images_digest():
        raise WorkspaceError(
            "Expected features of every image, found none for the current images.",
            hint="Run air-audit extract on this workspace.",
        )
    return Features(array=array, backbone=backbone, digest=digest)


def make_features_current(workspace: Workspace, features: Features) -> None:
    """Let these be the features that everything after this starts from."""
    folder = Path(str(features.array.filename)).parent.name  # type: ignore[attr-defined]
    record = (features.backbone, folder, features.digest, workspace.dataset.images_digest())
    with atomic_write(workspace.features_dir / "current.txt") as file:
        file.write("\n".join(record).encode())


def refined_features(workspace: Workspace) -> bool:
    """Whether the current features come from blocks trained on this workspace's labels."""
    try:
        folder = Path(str(current_features(workspace).array.filename)).parent.name  # type: ignore[attr-defined]
    except WorkspaceError:
        return False
    return "-refined-" in folder


def blocks_of(features: Features) -> Iterator[NDArray[np.float32]]:
    """The rows of features as float32, some at a time: they need not fit in memory."""
    for start in range(0, len(features.array), BLOCK):
        yield np.asarray(features.array[start : start + BLOCK], dtype=np.float32)


def targets_of(dataset: Dataset) -> NDArray[Any]:
    """What a solver fits: class indices (n,), or tags (n, C) with NaN where nobody knows."""
    if dataset.tags is None:
        return dataset.given_labels
    return np.where(dataset.tags < 0, np.nan, dataset.tags).astype(np.float32)


def fit_once(
    workspace: Workspace,
    model: Model,
    features: Features,
    settings: dict[str, Any],
    solve: Callable[[], dict[str, Any]],
) -> Fit:
    """Make the stored fit of the same inputs current, or solve and store it."""
    subject = workspace.dataset.labels_digest()
    key = fit_key(model, features.digest, subject, settings)
    stored = stored_fit(workspace, model, features, settings)
    if stored is not None:
        make_current(workspace.runs_dir, stored)
        return stored
    started = time.perf_counter()
    made = Fit(
        **solve(),
        run_id=new_run_id(model),
        model=model,
        key=key,
        dataset_digest=subject,
        feature_digest=features.digest,
        backbone=features.backbone,
        versions=versions(),
        seconds=time.perf_counter() - started,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    save_fit(workspace.runs_dir, made)
    make_current(workspace.runs_dir, made)
    return made


def stored_fit(
    workspace: Workspace, model: Model, features: Features, settings: dict[str, Any]
) -> Fit | None:
    """The stored fit of the same inputs, or None."""
    key = fit_key(model, features.digest, workspace.dataset.labels_digest(), settings)
    return find_fit(workspace.runs_dir, model, key)


def latest_fit(workspace: Workspace, model: Model) -> Fit | None:
    """The fit made last, or None if there is none of the current images and labels.

    A detector's answer of other features, or of an older recipe, is none: what it says would be
    read as something else.
    """
    found = current_fit(workspace.runs_dir, model)
    if found is None or found.dataset_digest != workspace.dataset.labels_digest():
        return None
    # AIR and the SVM are fitted anew with the features; other detectors only when asked.
    if model.startswith("detector."):
        try:
            features = current_features(workspace)
        except WorkspaceError:
            return None
        asked = found.feature_digest == features.digest
        return found if asked and found.settings.get("recipe") == RECIPE else None
    return found
