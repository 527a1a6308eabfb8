"""Probabilities of every given label by a model that has not seen it."""

from __future__ import annotations

from typing import Any

import numpy as np

from air_core.dataset import UNLABELLED
from air_core.fitting.stored import blocks_of, current_features, fit_once
from air_core.progress import ProgressCallback, silent
from air_core.ranking import margins, own_class, tag_activations, tag_margins
from air_core.runs import Fit
from air_core.workspace import Workspace


def fit_left_out(workspace: Workspace, *, progress: ProgressCallback = silent) -> Fit:
    """Ridge regression on the current features; ``probabilities`` are out of sample.

    See :func:`air_core.baselines.ridge.ridge_left_out`. Kept as the run ``"ridge"``.

    Raises
    ------
    WorkspaceError
        If there are no features.
    SolverError
        If the labels are all alike.
    """
    from air_core.baselines.ridge import STRENGTHS, ridge_left_out

    features = current_features(workspace)
    dataset = workspace.dataset
    tags = dataset.tags
    settings: dict[str, Any] = {"strengths": list(STRENGTHS), "seed": 0}

    def solve() -> dict[str, Any]:
        result = ridge_left_out(
            features.array,
            dataset.given_labels if tags is None else tags,
            n_classes=len(dataset.class_names),
            progress=progress,
            **settings,
        )
        squares = np.square(result.coef)
        norms = [np.sqrt(np.square(x) @ squares) for x in blocks_of(features)]
        per_class = np.concatenate(norms)
        of_label: dict[str, Any]
        if tags is None:
            of_label = {
                "activations": own_class(per_class, dataset.given_labels),
                "margins": margins(result.probabilities, dataset.given_labels),
            }
        else:
            of_label = {
                "activations": tag_activations(per_class, tags),
                "margins": tag_margins(2 * result.probabilities - 1, tags),
            }
        return of_label | {
            "settings": settings,
            "notes": {
                "strength": result.strength,
                "loss_by_strength": {f"{k:g}": v for k, v in result.loss_by_strength.items()},
                "labelled": int((dataset.given_labels != UNLABELLED).sum()),
            },
            "lambda_g": None,
            "lambda_scale": None,
            "history": [],
            "coef": result.coef,
            "intercept": result.intercept,
            "probabilities": result.probabilities,
            "epochs": np.zeros(0, dtype=np.intp),
            "epoch_activations": np.zeros((0, len(dataset))),
        }

    return fit_once(workspace, "ridge", features, settings, solve)
