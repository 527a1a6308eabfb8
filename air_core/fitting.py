"""Models fitted on a workspace's features, each kept as a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from air_core.errors import SolverError, WorkspaceError
from air_core.installation import versions
from air_core.progress import ProgressCallback, silent
from air_core.ranking import margins, own_class, softmax
from air_core.runs import Fit, current_fit, find_fit, fit_key, make_current, new_run_id, save_fit
from air_core.workspace import Workspace

if TYPE_CHECKING:
    from air_core.features import Features
    from air_core.solver import LambdaPath, SolverResult

Model = Literal["air", "svm"]
Solver = Literal["sadmm", "exact"]
Strength = Literal["auto", "paper"]

# Epochs of the paper's Figure 3, and a few between.
FIGURE_3_EPOCHS = (1, 2, 4, 8, 12, 25, 50)


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


def fit(
    workspace: Workspace,
    *,
    solver: Solver = "sadmm",
    strength: Strength = "auto",
    lambda_g: float | None = None,
    lambda_scale: float | None = None,
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
    progress: ProgressCallback = silent,
) -> Fit:
    """Fit AIR; a fit that was already made of the same inputs is returned as it is.

    Parameters
    ----------
    workspace : Workspace
        With features.
    solver : {"sadmm", "exact"}
        The paper's stochastic ADMM, or the optimum of its objective with a certified duality gap.
    strength : {"auto", "paper"}
        For SADMM: ρ_max and the stopping epoch chosen on a held-out split of the given labels, or
        as ``settings`` and the paper have them.
    lambda_g : float, optional
        λ_g itself.
    lambda_scale : float, optional
        Or λ_g as a multiple of 1/p. By default the paper's 10 for SADMM; the exact solver has no
        early stop to hold it back, so there λ_g is chosen on a held-out split.
    settings : mapping, optional
        Other fields of :class:`air_core.solver.SolverConfig` (SADMM), or ``group``, ``lambda_1``,
        ``tolerance`` and ``max_evaluations`` (exact).
    device : str
    progress : callable

    Returns
    -------
    Fit

    Raises
    ------
    SolverError
        For settings that the solver does not have or cannot use.
    """
    features = current_features(workspace)
    if lambda_g is not None:
        lambda_scale = lambda_g * features.array.shape[1]
    asked = dict(settings or {})
    if lambda_scale is not None:
        asked["lambda_scale"] = float(lambda_scale)
    solve = _sadmm if solver == "sadmm" else _exact
    asked |= {"solver": solver} | ({"strength": strength} if solver == "sadmm" else {})
    return _fit_once(
        workspace,
        "air",
        features,
        asked,
        lambda: solve(workspace, features, asked, device, progress),
    )


def refit(
    workspace: Workspace,
    lambda_scale: float,
    *,
    device: str = "auto",
    progress: ProgressCallback = silent,
) -> Fit:
    """Fit AIR at another λ_g with all else as in the current fit, its chosen strength included.

    Parameters
    ----------
    workspace : Workspace
    lambda_scale : float
        λ_g as a multiple of 1/p.
    device : str
    progress : callable
    """
    current = latest_fit(workspace, "air")
    solver: Solver = "sadmm"
    strength: Strength = "auto"
    settings: dict[str, Any] = {}
    if current is not None:
        apart = ("solver", "strength", "lambda_scale")
        settings = {k: v for k, v in current.settings.items() if k not in apart}
        solver, strength = current.settings["solver"], "paper"
    return fit(
        workspace,
        solver=solver,
        strength=strength,
        lambda_scale=lambda_scale,
        settings=settings,
        device=device,
        progress=progress,
    )


def _sadmm(
    workspace: Workspace,
    features: Features,
    asked: dict[str, Any],
    device: str,
    progress: ProgressCallback,
) -> dict[str, Any]:
    from air_core.features import resolve_device
    from air_core.solver import SolverConfig, sadmm, tune

    dataset = workspace.dataset
    config = SolverConfig.from_dict(
        {name: value for name, value in asked.items() if name not in ("solver", "strength")}
    )
    on: dict[str, Any] = {
        "n_classes": len(dataset.class_names),
        "device": resolve_device(device),
    }
    notes: dict[str, Any] = {}
    if asked["strength"] == "auto":
        tuning = tune(features.array, dataset.given_labels, base=config, progress=progress, **on)
        config, notes["strength"] = tuning.config, tuning.reason
        notes["trials"] = [
            {"rho_max": t.config.rho_max, "epochs": t.config.epochs, "loss": t.loss}
            for t in tuning.trials
        ]
    kept = {epoch for epoch in FIGURE_3_EPOCHS if epoch < config.epochs} | {config.epochs}
    result = sadmm(
        features.array,
        dataset.given_labels,
        config=config,
        snapshots=kept,
        progress=progress,
        **on,
    )
    epochs = sorted(result.snapshots)
    return _air_fields(features, dataset.given_labels, result) | {
        "lambda_scale": config.lambda_scale,
        "settings": config.as_dict() | asked,
        "notes": notes | _air_notes(result),
        "epochs": np.array(epochs, dtype=np.intp),
        "epoch_activations": np.stack([result.snapshots[epoch] for epoch in epochs]),
    }


def _exact(
    workspace: Workspace,
    features: Features,
    asked: dict[str, Any],
    device: str,
    progress: ProgressCallback,
) -> dict[str, Any]:
    from air_core.features import resolve_device
    from air_core.solver import exact, tune_lambda

    dataset = workspace.dataset
    chosen = {name: value for name, value in asked.items() if name != "solver"}
    allowed = {"lambda_scale", "group", "lambda_1", "tolerance", "max_evaluations"}
    if set(chosen) - allowed:
        raise SolverError(
            f"Expected settings of the exact solver, got {sorted(set(chosen) - allowed)}.",
            hint=f"It has {', '.join(sorted(allowed))}.",
        )
    on: dict[str, Any] = {
        "n_classes": len(dataset.class_names),
        "device": resolve_device(device),
    }
    if "lambda_scale" not in chosen:
        group = chosen.get("group", "image_class")
        chosen["lambda_scale"] = tune_lambda(
            features.array, dataset.given_labels, group=group, progress=progress, **on
        )
    result = exact(features.array, dataset.given_labels, progress=progress, **chosen, **on)
    return _air_fields(features, dataset.given_labels, result) | {
        "lambda_scale": chosen["lambda_scale"],
        "settings": asked | chosen,
        "notes": _air_notes(result) | {"optimality": result.optimality},
        "epochs": np.zeros(0, dtype=np.intp),
        "epoch_activations": np.zeros((0, len(dataset))),
    }


def _air_fields(
    features: Features, labels: NDArray[np.intp], result: SolverResult
) -> dict[str, Any]:
    probabilities = softmax(features.array @ result.coef + result.intercept)
    return {
        "lambda_g": result.lambda_g,
        "history": list(result.history),
        "coef": result.coef,
        "intercept": result.intercept,
        "probabilities": probabilities,
        "activations": own_class(result.activations, labels),
        "margins": margins(probabilities, labels),
    }


def _air_notes(result: SolverResult) -> dict[str, Any]:
    return {
        "converged": result.converged,
        "stop_reason": result.stop_reason,
        "truncation": result.truncation,
        "feature_scale": result.feature_scale,
    }


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
        return LambdaPath.load(file)
    found = air_path(
        features.array,
        dataset.given_labels,
        n_classes=len(dataset.class_names),
        device=resolve_device(device),
        progress=progress,
    )
    if found.complete:
        workspace.runs_dir.mkdir(parents=True, exist_ok=True)
        found.save(file)
    return found


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
            "settings": settings,
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
    subject = workspace.dataset.labels_digest()
    key = fit_key(model, features.digest, subject, settings)
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


def latest_fit(workspace: Workspace, model: Model) -> Fit | None:
    """The fit made last, or None if there is none of the current images and labels."""
    found = current_fit(workspace.runs_dir, model)
    if found is None or found.dataset_digest != workspace.dataset.labels_digest():
        return None
    return found
