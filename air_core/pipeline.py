"""The steps of an audit, composed. The command line, the pages and notebooks all call these."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from scipy.special import expit

from air_core.detectors import DETECTORS as ALL_DETECTORS
from air_core.errors import WorkspaceError
from air_core.fitting import (
    current_features,
    fit,
    fit_detector,
    fit_path,
    fit_svm,
    latest_fit,
    make_features_current,
    rank_detected,
    rank_fit,
    refine_features,
    refit,
    run_name,
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
from air_core.ranking import (
    Ranking,
    activation_scores,
    margin_scores,
    rank_items,
)
from air_core.runs import (
    Fit,
    require_fit,
)
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
    "made_by",
    "model_of",
    "open_source",
    "project",
    "projection_name",
    "rank",
    "rank_detected",
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

DETECTORS: dict[str, str] = {
    "air-margin": "AIR margin",
    "air-activation": "AIR activation (the paper)",
    "svm-margin": "SVM margin",
    "svm-activation": "SVM activation",
    "refined-margin": "Refined margin",
}


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


def detector_name(
    workspace: Workspace, detector: str | None = None, score: str | None = None
) -> str:
    """Full name of a detector from its parts; :func:`default_detector` if none is named.

    Examples
    --------
    >>> detector_name(workspace), detector_name(workspace, score="activation")
    ('consensus', 'air-activation')
    >>> [detector_name(workspace, name) for name in ("air", "refined", "knn")]
    ['air-margin', 'refined-margin', 'knn']
    """
    if score is None and (detector is None or detector in ALL_DETECTORS):
        return detector or default_detector(workspace)
    model, _, own_score = (detector or "air").partition("-")
    return f"{model}-{score or own_score or 'margin'}"


def detector_title(name: str) -> str:
    """What people call a detector."""
    return DETECTORS.get(name) or ALL_DETECTORS[name].title


def default_detectors(workspace: Workspace) -> tuple[str, ...]:
    """The detectors that stand for "the ranking" unless one is named, the best first.

    The consensus finds more wrong labels than any other detector on the same features
    (``docs/consensus.md``); AIR's margin stands in where it was not asked. For tags, where it is
    not better than AIR's margin, there is that alone.
    """
    return ("air-margin",) if workspace.dataset.multilabel else ("consensus", "air-margin")


def default_detector(workspace: Workspace) -> str:
    """The first of :func:`default_detectors`."""
    return default_detectors(workspace)[0]


def model_of(detector: str) -> str:
    """The name of the runs that a detector reads.

    Examples
    --------
    >>> model_of("air-margin"), model_of("knn")
    ('air', 'detector.knn')
    """
    return detector.partition("-")[0] if detector in DETECTORS else run_name(detector)


def made_by(workspace: Workspace) -> str | None:
    """The best of :func:`default_detectors` that was asked about these images and labels."""
    made = (n for n in default_detectors(workspace) if latest_fit(workspace, model_of(n)))
    return next(made, None)


def ranking_made(workspace: Workspace) -> Ranking | None:
    """The ranking by :func:`made_by`, as it was made; None if there is none."""
    name = made_by(workspace)
    found = None if name is None else latest_fit(workspace, model_of(name))
    return None if name is None or found is None else read_ranking(workspace, name, found)


def rank(
    workspace: Workspace,
    detector: str | None = None,
    *,
    reviewed: bool = False,
    progress: ProgressCallback = silent,
) -> Ranking:
    """Rank all items, worst first.

    Parameters
    ----------
    workspace : Workspace
    detector : str, optional
        One of :data:`DETECTORS` reads the newest fit of its model; another one of
        :data:`ALL_DETECTORS` is run unless it was. :func:`default_detector` by default.
    reviewed : bool
        Learn from the labels as reviewed so far instead of those given.
    progress : callable

    Raises
    ------
    WorkspaceError
        If the detector is unknown or the model that it reads has not been fitted.
    """
    detector = detector or default_detector(workspace)
    if detector not in DETECTORS and detector not in ALL_DETECTORS:
        known = ", ".join(dict.fromkeys([*DETECTORS, *ALL_DETECTORS]))
        raise WorkspaceError(f"Expected a detector among {known}, got {detector!r}.")
    if reviewed or detector not in DETECTORS:
        made = fit_detector(workspace, detector, reviewed=reviewed, progress=progress)
        return rank_fit(workspace, detector, made)
    model = model_of(detector)
    if model == "refined" and latest_fit(workspace, model) is None:
        raise WorkspaceError(
            "Expected a refined ranking in this workspace, found none.",
            hint="Run air-audit refine on it.",
        )
    return read_ranking(
        workspace, detector, require_fit(latest_fit(workspace, model), model.upper())
    )


def read_ranking(workspace: Workspace, detector: str, found: Fit) -> Ranking:
    """The ranking that a run of a detector's model gives; nothing is computed or made current."""
    if found.model == run_name(detector):
        return rank_fit(workspace, detector, found)
    model, activations = model_of(detector), np.asarray(found.activations)
    if detector.endswith("activation"):
        scores = activation_scores(activations)
    elif model != "svm":
        scores = margin_scores(np.asarray(found.margins))  # a difference of probabilities
    else:
        scores = expit(np.asarray(found.margins))  # a difference of decision values
    return rank_items(
        detector,
        workspace.dataset.item_ids,
        workspace.dataset.given_labels,
        scores=scores,
        probabilities=found.probabilities,
        activations=activations,
        tags=workspace.dataset.tags,
        best=found.best,
    )


def audit(
    workspace: Workspace, *, device: str = "auto", progress: ProgressCallback = silent
) -> None:
    """Everything a first look needs: features, AIR and the SVM. Finished steps are not repeated."""
    extract(workspace, device=device, progress=progress)
    fit(workspace, device=device, progress=progress)
    fit_svm(workspace, progress=progress)
