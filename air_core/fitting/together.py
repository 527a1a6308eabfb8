"""AIR solved by several processes, each with its share of the images."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from air_core.fitting.air import readings
from air_core.fitting.stored import blocks_of, current_features, fit_once, stored_fit, targets_of
from air_core.progress import ProgressCallback, silent
from air_core.runs import Fit
from air_core.workspace import Workspace

if TYPE_CHECKING:
    from air_core.solver import SolverResult


def under_torchrun() -> bool:
    """Whether this process is one of several that torchrun started."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ


def fit_together(
    workspace: Workspace,
    *,
    lambda_g: float,
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
    progress: ProgressCallback = silent,
) -> Fit | None:
    """Fit AIR exactly, in processes that torchrun started.

    Each reads its own rows of the features; the workspace lies at the same place for all of them.
    Numbers are float64, so that any number of processes comes to the same weights.

    Parameters
    ----------
    workspace : Workspace
        With features.
    lambda_g : float
    settings : mapping, optional
        ``group``, ``lambda_1``, ``tolerance`` and ``max_evaluations`` of the exact solver.
    device : str
    progress : callable
        Called in the first process only.

    Returns
    -------
    Fit or None
        The stored fit, in the first process; None in the others.
    """
    from air_core.features import resolve_device
    from air_core.solver import exact
    from air_core.solver.across import double, together

    features, dataset = current_features(workspace), workspace.dataset
    asked = {**(settings or {}), "lambda_scale": lambda_g * features.array.shape[1]}
    on, targets = resolve_device(device), targets_of(dataset)
    with together(on) as across:
        mine = across.rows(len(targets))
        settled = {**asked, "solver": "exact", "processes": across.size}

        def share() -> SolverResult:
            return exact(
                features.array[mine],
                targets[mine],
                n_classes=None if dataset.multilabel else len(dataset.class_names),
                device=on,
                dtype=double,
                across=across,
                progress=silent if across.rank else progress,
                **asked,
            )

        def solve() -> dict[str, Any]:
            result = share()
            squares = np.square(result.coef)
            norms = [np.sqrt(np.square(x) @ squares) for x in blocks_of(features)]
            whole = replace(result, activations=np.concatenate(norms))
            return readings(features, dataset, whole) | {
                "lambda_scale": asked["lambda_scale"],
                "settings": {**asked, "solver": "exact"},
                "notes": {
                    "optimality": result.optimality,
                    "converged": result.converged,
                    "stop_reason": result.stop_reason,
                    "feature_scale": result.feature_scale,
                    "processes": across.size,
                },
                "epochs": np.zeros(0, dtype=np.intp),
                "epoch_activations": np.zeros((0, len(targets))),
            }

        if across.rank == 0:
            there = stored_fit(workspace, "air", features, settled) is not None
            across.total(float(there))
            return fit_once(workspace, "air", features, settled, solve)
        # Only the first looks what is stored, or one could find what another has just written.
        if not across.total(0.0):
            share()
        return None
