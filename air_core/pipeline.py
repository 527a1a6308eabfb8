"""The steps of an audit, composed. The command line, the pages and notebooks all call these."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from air_core.detectors import DETECTORS as ALL_DETECTORS
from air_core.fitting import (
    current_features,
    fit,
    fit_detector,
    fit_path,
    fit_svm,
    latest_fit,
    make_features_current,
    refine_features,
    refit,
    run_name,
)
from air_core.fitting.rankings import (
    DETECTORS,
    default_detector,
    default_detectors,
    detector_name,
    detector_title,
    model_of,
    rank,
    ranking_made,
    read_ranking,
)
from air_core.images import load_rgb
from air_core.installation import sample_source, sample_truth, workspaces_folder
from air_core.maps import (
    kept_projections,
    load_kept,
    load_projection,
    project,
    projection_name,
    remove_projection,
    store_projection,
)
from air_core.progress import ProgressCallback, silent
from air_core.runs import Fit
from air_core.workspace import HowToRead, Workspace

if TYPE_CHECKING:
    from air_core.features import Features
    from air_core.features.cache import Stored
    from air_core.features.network import Precision
    from air_core.features.ray_engine import Engine

__all__ = [
    "ALL_DETECTORS",
    "DETECTORS",
    "Fit",
    "audit",
    "bring_features",
    "current_features",
    "default_detector",
    "default_detectors",
    "detector_name",
    "detector_title",
    "extract",
    "fit",
    "fit_detector",
    "fit_path",
    "fit_svm",
    "kept_projections",
    "latest_fit",
    "load_kept",
    "load_projection",
    "model_of",
    "open_source",
    "project",
    "projection_name",
    "rank",
    "ranking_made",
    "read_ranking",
    "refine",
    "refit",
    "remove_projection",
    "run_name",
    "sample_source",
    "sample_truth",
    "store_projection",
    "workspaces_folder",
]


def open_source(
    source: Path | str,
    workspace: Path | str,
    *,
    progress: ProgressCallback = silent,
    **how: Unpack[HowToRead],
) -> Workspace:
    """Import images and labels into a workspace; see :meth:`Workspace.create`."""
    return Workspace.create(Path(workspace), source, progress=progress, **how)


def extract(
    workspace: Workspace,
    *,
    backbone: str | None = None,
    device: str = "auto",
    weights: Path | None = None,
    precision: Precision = "float32",
    store: Stored = "float32",
    engine: Engine = "local",
    workers: int | None = None,
    progress: ProgressCallback = silent,
) -> Features:
    """Compute the features of every image, or what is missing of them.

    Parameters
    ----------
    workspace : Workspace
    backbone : str, optional
        See :func:`air_core.features.get_backbone`; EfficientNet-Lite0 by default.
    device : str
        ``"auto"``, ``"cuda"``, ``"mps"`` or ``"cpu"``.
    weights : Path, optional
        A local state dict instead of the published weights.
    precision, store, engine, workers
        See :func:`air_core.features.extract_features`.
    progress : callable

    Returns
    -------
    Features

    Raises
    ------
    FeatureError
        If the backbone cannot be built or images have become unreadable.
    """
    from air_core.features import DEFAULT_BACKBONE, extract_features, get_backbone

    dataset = workspace.dataset
    spec = get_backbone(backbone or DEFAULT_BACKBONE)
    features = extract_features(
        dataset.files,
        dataset.digests,
        workspace.features_dir,
        spec=spec,
        load=load_rgb,
        device=device,
        weights=weights,
        precision=precision,
        store=store,
        engine=engine,
        workers=workers,
        progress=progress,
    )
    make_features_current(workspace, features)
    return features


def bring_features(
    workspace: Workspace,
    file: Path,
    *,
    store: Stored = "float32",
    progress: ProgressCallback = silent,
) -> Features:
    """Use features from a file instead of computing them.

    Parameters
    ----------
    workspace, store, progress
        As for :func:`extract`.
    file : Path
        See :func:`air_core.features.own.own_features`.

    Raises
    ------
    FeatureError
        If the file does not hold one row of finite numbers for each image.
    """
    from air_core.features.own import own_features

    dataset = workspace.dataset
    features = own_features(
        file,
        dataset.paths,
        dataset.digests,
        workspace.features_dir,
        store=store,
        progress=progress,
    )
    make_features_current(workspace, features)
    return features


def refine(
    workspace: Workspace,
    *,
    epochs: int | None = None,
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
    weights: Path | None = None,
    progress: ProgressCallback = silent,
) -> Fit:
    """Train the last blocks of the backbone; fit AIR and the SVM on the features that it gives.

    See :func:`air_core.fitting.refine_features`. The fits on the published features are kept:
    :func:`extract` and :func:`fit` go back to them.

    Returns
    -------
    Fit
        The run ``"refined"``.
    """
    refined = refine_features(
        workspace,
        epochs=epochs,
        settings=settings,
        device=device,
        weights=weights,
        progress=progress,
    )
    # What is shown of an image comes from the current features: no fit may be of others.
    fit(workspace, device=device, progress=progress)
    fit_svm(workspace, progress=progress)
    return refined


def audit(
    workspace: Workspace, *, device: str = "auto", progress: ProgressCallback = silent
) -> None:
    """Everything a first look needs: features, AIR and the SVM. Finished steps are not repeated."""
    extract(workspace, device=device, progress=progress)
    fit(workspace, device=device, progress=progress)
    fit_svm(workspace, progress=progress)
