"""The λ_g path of a workspace: what the exact solver says of every image at many strengths."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from air_core.dataset import UNLABELLED, Dataset
from air_core.errors import Cancelled
from air_core.fitting.path_run import (
    ARRAYS,
    MODEL,
    PER_DECADE,
    RATIO,
    PathRun,
    PathValue,
    find_path,
    path_key,
    path_settings,
    stored_path,
)
from air_core.fitting.stored import current_features, targets_of
from air_core.installation import versions
from air_core.progress import ProgressCallback, silent
from air_core.ranking import softmax
from air_core.runs import new_run_id, save_run
from air_core.suggestions import suggestions
from air_core.workspace import Workspace

if TYPE_CHECKING:
    from air_core.features import Features
    from air_core.solver import LambdaPath

PAPER_SCALE = 10.0
"""The paper's λ_g, as a multiple of 1/p."""

_BLOCK = 8192
_TASTE = 2000
# Evaluations of a whole path: 274 (10,000 photographs) to 900 (1,200 small pictures) were seen.
_EVALUATIONS = 500


def fit_path(
    workspace: Workspace,
    settings: dict[str, Any] | None = None,
    *,
    device: str = "auto",
    progress: ProgressCallback = silent,
) -> PathRun:
    """Solve the λ_g path of the current features and labels, or read it if it was solved before.

    Parameters
    ----------
    workspace : Workspace
    settings : dict, optional
        From :func:`path_settings`.
    device : str
    progress : callable

    Raises
    ------
    Cancelled
        If ``progress`` raises it; the values solved until then are kept, and the next call goes
        on from there.
    """
    from air_core.features import resolve_device
    from air_core.solver import air_path

    features, dataset = current_features(workspace), workspace.dataset
    settings = settings or path_settings()
    key = path_key(workspace, settings)
    before = find_path(workspace, key)
    if before is not None and before.complete:
        return before
    started, on = time.perf_counter(), resolve_device(device)
    group, lambda_1 = settings["group"], settings["lambda_1"]
    lambda_max = before.lambda_max if before else _lambda_max(features, dataset, group, on)
    scales = path_scales(lambda_max)
    solved = len(before.points) if before else 0

    def report(done: int, total: int, note: str) -> None:
        progress(solved + done, len(scales), note)

    found = air_path(
        features.array,
        targets_of(dataset),
        n_classes=_n_classes(dataset),
        lambda_scales=scales[solved:].tolist(),
        lambda_1=lambda_1,
        group=group,
        device=on,
        progress=report,
    )
    arrays, points = _opinions(features, dataset, found)
    if before is not None:
        points = (*before.points, *points)
        arrays = {name: np.concatenate([getattr(before, name), arrays[name]]) for name in ARRAYS}
    made = PathRun(
        run_id=new_run_id(MODEL),
        key=key,
        dataset_digest=dataset.labels_digest(),
        feature_digest=features.digest,
        backbone=features.backbone,
        versions=versions(),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=time.perf_counter() - started + (before.seconds if before else 0),
        settings=settings,
        lambda_max=lambda_max,
        complete=found.complete,
        points=points,
        **arrays,
    )
    record = {k: v for k, v in asdict(made).items() if k not in ARRAYS}
    save_run(workspace.runs_dir, record, arrays)
    if before is not None:
        shutil.rmtree(workspace.runs_dir / before.run_id, ignore_errors=True)
    if not found.complete:
        raise Cancelled("Solving the λ path: cancelled. The values solved so far are kept.")
    return made


def expected_seconds(workspace: Workspace, settings: dict[str, Any] | None = None) -> float:
    """About how long :func:`fit_path` will take here, from a taste of the products it computes.

    Parameters
    ----------
    workspace : Workspace
    settings : dict, optional
        From :func:`path_settings`.
    """
    features, dataset = current_features(workspace).array, workspace.dataset
    n, p = features.shape
    part = np.asarray(features[: min(n, _TASTE)])
    w = np.ones((p, max(len(dataset.class_names), 1)), dtype=np.float32)
    started = time.perf_counter()
    # An evaluation of objective and gradient: X w, (X∘X) w² and their adjoints.
    for _ in range(2):
        part.T @ (part @ w)
    evaluation = (time.perf_counter() - started) * n / len(part)
    started = time.perf_counter()
    part.T @ part
    moments = (time.perf_counter() - started) * n / len(part)
    before = stored_path(workspace, settings)
    left = 1.0 if before is None else 1 - len(before.points) / len(path_scales(before.lambda_max))
    return float(left * (moments + _EVALUATIONS * evaluation))


def path_scales(lambda_max: float) -> NDArray[np.float64]:
    """Values of λ_g to solve, as multiples of 1/p, from just below λ_max down.

    They are round in the logarithm, so that the paper's 10/p is one of them, and reach down to
    about ``lambda_max / RATIO`` or half the paper's value, whichever is less.

    Examples
    --------
    >>> path_scales(30.0).round(1)[:5]
    array([25.1, 20. , 15.8, 12.6, 10. ])
    """
    # At λ_max itself all weights are zero; the path begins below it.
    top = np.ceil(PER_DECADE * np.log10(lambda_max)) - 1
    lowest = min(lambda_max / RATIO, PAPER_SCALE / 2)
    bottom = np.round(PER_DECADE * np.log10(lowest))
    scales: NDArray[np.float64] = 10 ** (np.arange(top, bottom - 1, -1) / PER_DECADE)
    return scales


def _n_classes(dataset: Dataset) -> int | None:
    return None if dataset.multilabel else len(dataset.class_names)


def _lambda_max(features: Features, dataset: Dataset, group: Any, device: Any) -> float:
    """λ_max as a multiple of 1/p."""
    from air_core.solver import lambda_max

    found = lambda_max(
        features.array, targets_of(dataset), n_classes=_n_classes(dataset), group=group,
        device=device,
    )  # fmt: skip
    return float(found * features.array.shape[1])


def _opinions(
    features: Features, dataset: Dataset, solved: LambdaPath
) -> tuple[dict[str, NDArray[Any]], tuple[PathValue, ...]]:
    """What each solution says of every image, in as few bytes as it takes."""
    points, n = solved.points, len(dataset)
    tags = dataset.tags
    suggested: NDArray[Any]
    if tags is None:
        small = np.min_scalar_type(max(len(dataset.class_names) - 1, 0))
        suggested = np.empty((len(points), n), dtype=small)
    else:
        suggested = np.empty((len(points), *tags.shape), dtype=np.int8)
    confidences = np.empty((len(points), n), dtype=np.float16)
    for start in range(0, n, _BLOCK):
        rows = slice(start, start + _BLOCK)
        x = np.asarray(features.array[rows])
        for t, point in enumerate(points):
            probabilities = probabilities_of(x, point.coef, point.intercept, tags=tags is not None)
            labels, given, confidences[t, rows] = suggestions(
                probabilities, None if tags is None else tags[rows]
            )
            suggested[t, rows] = labels if given is None else given
    arrays = {
        "coef": np.stack([point.coef for point in points]),
        "intercept": np.stack([point.intercept for point in points]),
        "activations": np.stack([point.activations for point in points]),
        "margins": np.stack([point.margins for point in points]),
        "suggestions": suggested,
        "confidences": confidences,
    }
    values = tuple(
        PathValue(
            point.lambda_g,
            point.lambda_scale,
            point.optimality,
            point.converged,
            point.evaluations,
            int(flagged_of(dataset, suggested[t]).sum()),
        )
        for t, point in enumerate(points)
    )
    return arrays, values


def probabilities_of(
    x: NDArray[np.floating], coef: NDArray[Any], intercept: NDArray[Any], *, tags: bool
) -> NDArray[np.floating]:
    """Probabilities (n, C) that weights give: one class each, or each tag on its own."""
    scores = x @ coef + intercept
    found: NDArray[np.floating] = expit(scores) if tags else softmax(scores)
    return found


def flagged_of(dataset: Dataset, suggested: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Labelled images (n,) that would be labelled otherwise."""
    if dataset.tags is None:
        given = dataset.given_labels
        return np.asarray((suggested != given) & (given != UNLABELLED))
    return np.asarray((suggested != dataset.tags).any(axis=1) & ~(dataset.tags < 0).any(axis=1))
