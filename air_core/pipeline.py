"""The steps of an audit, composed. The command line, the pages and notebooks all call these."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from air_core.atomic import atomic_write
from air_core.errors import WorkspaceError
from air_core.images import load_rgb
from air_core.installation import sample_source, sample_truth, versions, workspaces_folder
from air_core.progress import ProgressCallback, silent
from air_core.ranking import (
    Ranking,
    activation_scores,
    margins,
    own_class,
    rank_items,
    softmax,
)
from air_core.runs import (
    Fit,
    current_fit,
    find_fit,
    fit_key,
    make_current,
    new_run_id,
    require_fit,
    save_fit,
)
from air_core.workspace import Workspace

if TYPE_CHECKING:
    from air_core.features import Features

__all__ = [
    "DEFAULT_DETECTOR",
    "DETECTORS",
    "Fit",
    "audit",
    "current_features",
    "detector_name",
    "extract",
    "fit",
    "fit_svm",
    "latest_fit",
    "load_projection",
    "open_source",
    "project",
    "rank",
    "sample_source",
    "sample_truth",
    "workspaces_folder",
]

Model = Literal["air", "svm"]

DETECTORS: dict[str, str] = {
    "air-margin": "AIR margin",
    "air-activation": "AIR activation (the paper)",
    "svm-margin": "SVM margin",
    "svm-activation": "SVM activation",
}
# AUROC on half-flipped Caltech: margin .999, activation .988 (docs/concepts.md).
DEFAULT_DETECTOR = "air-margin"
# Epochs of the paper's Figure 3, and a few between.
FIGURE_3_EPOCHS = (1, 2, 4, 8, 12, 25, 50)


def open_source(
    source: Path | str,
    workspace: Path | str,
    *,
    format: str | None = None,
    labels: Path | str | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    progress: ProgressCallback = silent,
) -> Workspace:
    """Import images and labels into a workspace; see :meth:`Workspace.create`."""
    return Workspace.create(
        Path(workspace),
        source,
        format=format,
        labels=labels,
        path_column=path_column,
        label_column=label_column,
        progress=progress,
    )


def extract(
    workspace: Workspace,
    *,
    backbone: str | None = None,
    device: str = "auto",
    weights: Path | None = None,
    progress: ProgressCallback = silent,
) -> Features:
    """Compute the features of every image, or what is missing of them.

    Parameters
    ----------
    workspace : Workspace
    backbone : str, optional
        A name in :data:`air_core.features.BACKBONES`; EfficientNet-Lite0 by default.
    device : str
        ``"auto"``, ``"cuda"``, ``"mps"`` or ``"cpu"``.
    weights : Path, optional
        A local state dict instead of the published weights.
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
    features = extract_features(
        dataset.files,
        dataset.digests,
        workspace.features_dir,
        spec=get_backbone(backbone or DEFAULT_BACKBONE),
        load=load_rgb,
        device=device,
        weights=weights,
        progress=progress,
    )
    with atomic_write(workspace.features_dir / "current.txt") as file:
        file.write(f"{features.backbone}\n{_stored_at(features)}\n{features.digest}\n".encode())
    return features


def _stored_at(features: Features) -> str:
    """Folder of the features inside ``features_dir``."""
    return Path(str(features.array.filename)).parent.name  # type: ignore[attr-defined]


def current_features(workspace: Workspace) -> Features:
    """The features extracted last.

    Raises
    ------
    WorkspaceError
        If there are none, or images were added since.
    """
    from air_core.features import Features

    record = workspace.features_dir / "current.txt"
    try:
        backbone, folder, digest = record.read_text("utf-8").splitlines()
        array = np.load(workspace.features_dir / folder / f"{digest}.npy", mmap_mode="r")
    except (OSError, ValueError):
        array = None
    if array is None or len(array) != len(workspace.dataset):
        raise WorkspaceError(
            "Expected features of every image, found none for the current images.",
            hint="Run air-audit extract on this workspace.",
        )
    return Features(array=array, backbone=backbone, digest=digest)


def fit(
    workspace: Workspace,
    *,
    lambda_g: float | None = None,
    lambda_scale: float | None = None,
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
    progress: ProgressCallback = silent,
) -> Fit:
    """Fit AIR by stochastic ADMM; a fit that was already made is returned as it is.

    Parameters
    ----------
    workspace : Workspace
        With features.
    lambda_g : float, optional
        λ_g itself.
    lambda_scale : float, optional
        Or λ_g as a multiple of 1/p; the paper's 10 by default.
    settings : mapping, optional
        Other fields of :class:`air_core.solver.SolverConfig`.
    device : str
    progress : callable

    Returns
    -------
    Fit
    """
    from air_core.features import resolve_device
    from air_core.solver import SolverConfig, sadmm

    features = current_features(workspace)
    if lambda_g is not None:
        lambda_scale = lambda_g * features.array.shape[1]
    chosen = dict(settings or {})
    if lambda_scale is not None:
        chosen["lambda_scale"] = float(lambda_scale)
    config = SolverConfig.from_dict(chosen)
    labels = workspace.dataset.given_labels
    kept = {epoch for epoch in FIGURE_3_EPOCHS if epoch < config.epochs} | {config.epochs}

    def solve() -> dict[str, Any]:
        result = sadmm(
            features.array,
            labels,
            n_classes=len(workspace.dataset.class_names),
            config=config,
            device=resolve_device(device),
            snapshots=kept,
            progress=progress,
        )
        probabilities = softmax(features.array @ result.coef + result.intercept)
        return {
            "lambda_g": result.lambda_g,
            "lambda_scale": config.lambda_scale,
            "history": list(result.history),
            "notes": {
                "converged": result.converged,
                "stop_reason": result.stop_reason,
                "truncation": result.truncation,
                "feature_scale": result.feature_scale,
            },
            "coef": result.coef,
            "intercept": result.intercept,
            "probabilities": probabilities,
            "activations": own_class(result.activations, labels),
            "margins": margins(probabilities, labels),
            "epochs": np.array(sorted(result.snapshots), dtype=np.intp),
            "epoch_activations": np.stack([result.snapshots[e] for e in sorted(result.snapshots)]),
        }

    return _fit_once(workspace, "air", features, config.as_dict(), solve)


def fit_svm(workspace: Workspace, *, progress: ProgressCallback = silent) -> Fit:
    """Fit the paper's SVM baseline on the same features and labels."""
    from air_core.baselines.svm import PAPER_GRID, linear_svm

    features = current_features(workspace)
    labels = workspace.dataset.given_labels
    settings: dict[str, Any] = {"grid": list(PAPER_GRID), "folds": 3, "seed": 0, "max_iter": 1000}

    def solve() -> dict[str, Any]:
        result = linear_svm(
            features.array,
            labels,
            n_classes=len(workspace.dataset.class_names),
            progress=progress,
            **settings,
        )
        activations = own_class(result.activations, labels)
        return {
            "lambda_g": None,
            "lambda_scale": None,
            "history": [],
            "notes": {
                "converged": result.converged,
                "C": result.C,
                "accuracy_by_C": {str(c): a for c, a in result.accuracy_by_C.items()},
            },
            "coef": result.coef,
            "intercept": result.intercept,
            "probabilities": softmax(result.decision),
            "activations": activations,
            "margins": margins(result.decision, labels),
            "epochs": np.zeros(0, dtype=np.intp),
            "epoch_activations": np.zeros((0, len(labels))),
        }

    return _fit_once(workspace, "svm", features, settings, solve)


def _fit_once(
    workspace: Workspace,
    model: Model,
    features: Features,
    settings: dict[str, Any],
    solve: Callable[[], dict[str, Any]],
) -> Fit:
    """Make the stored fit of the same inputs current, or solve and store it."""
    key = fit_key(model, features.digest, workspace.dataset.given_labels, settings)
    stored = find_fit(workspace.runs_dir, model, key)
    if stored is not None:
        make_current(workspace.runs_dir, stored)
        return stored
    started = time.perf_counter()
    made = Fit(
        **solve(),
        run_id=new_run_id(model),
        model=model,
        key=key,
        feature_digest=features.digest,
        backbone=features.backbone,
        settings=settings,
        versions=versions(),
        seconds=time.perf_counter() - started,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    save_fit(workspace.runs_dir, made)
    make_current(workspace.runs_dir, made)
    return made


def latest_fit(workspace: Workspace, model: Model) -> Fit | None:
    """The fit made last of the current images, or None."""
    found = current_fit(workspace.runs_dir, model)
    if found is None or len(found.margins) != len(workspace.dataset):
        return None
    return found


def detector_name(detector: str | None = None, score: str | None = None) -> str:
    """Full name of a detector from its parts.

    Examples
    --------
    >>> detector_name(), detector_name("svm"), detector_name("air", "activation")
    ('air-margin', 'svm-margin', 'air-activation')
    """
    model, _, own_score = (detector or DEFAULT_DETECTOR).partition("-")
    return f"{model}-{score or own_score or 'margin'}"


def rank(workspace: Workspace, detector: str = DEFAULT_DETECTOR) -> Ranking:
    """Rank all items by the newest fit, worst first.

    Parameters
    ----------
    workspace : Workspace
    detector : str
        A key of :data:`DETECTORS`.

    Raises
    ------
    WorkspaceError
        If the detector is unknown or its model has not been fitted.
    """
    if detector not in DETECTORS:
        raise WorkspaceError(f"Expected a detector among {', '.join(DETECTORS)}, got {detector!r}.")
    model: Model = "air" if detector.startswith("air") else "svm"
    found = require_fit(latest_fit(workspace, model), model.upper())
    activations = np.asarray(found.activations)
    if detector.endswith("activation"):
        scores = activation_scores(activations)
    elif model == "air":
        scores = (1 + np.asarray(found.margins)) / 2  # a difference of probabilities
    else:
        scores = expit(np.asarray(found.margins))  # a difference of decision values
    return rank_items(
        detector,
        workspace.dataset.item_ids,
        workspace.dataset.given_labels,
        scores=scores,
        probabilities=found.probabilities,
        activations=activations,
    )


def audit(
    workspace: Workspace, *, device: str = "auto", progress: ProgressCallback = silent
) -> None:
    """Everything a first look needs: features, AIR and the SVM. Finished steps are not repeated."""
    extract(workspace, device=device, progress=progress)
    fit(workspace, device=device, progress=progress)
    fit_svm(workspace, progress=progress)


def project(
    workspace: Workspace,
    method: str = "umap",
    *,
    seed: int = 0,
    progress: ProgressCallback = silent,
) -> NDArray[np.float32]:
    """The map of all images, from the workspace where it was made before.

    Returns
    -------
    ndarray of shape (n, 2), dtype float32
    """
    from air_core import projection

    stored = load_projection(workspace, method, seed=seed)
    if stored is not None:
        return stored
    features = current_features(workspace)
    layout = projection.project(features.array, method, seed=seed, progress=progress)  # type: ignore[arg-type]
    workspace.projections_dir.mkdir(parents=True, exist_ok=True)
    with atomic_write(_projection_file(workspace, method, seed, features.digest)) as file:
        np.save(file, layout, allow_pickle=False)
    return layout


def load_projection(
    workspace: Workspace, method: str, *, seed: int = 0
) -> NDArray[np.float32] | None:
    """The stored map of the current features, or None."""
    try:
        digest = current_features(workspace).digest
        layout: NDArray[np.float32] = np.load(_projection_file(workspace, method, seed, digest))
    except (OSError, ValueError, WorkspaceError):
        return None
    return layout


def _projection_file(workspace: Workspace, method: str, seed: int, digest: str) -> Path:
    name = hashlib.blake2b(f"{method} {seed} {digest}".encode(), digest_size=8).hexdigest()
    return workspace.projections_dir / f"{method}-{name}.npy"
