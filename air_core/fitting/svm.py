"""The paper's SVM on a workspace's features."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit

from air_core.fitting.stored import current_features, fit_once
from air_core.progress import ProgressCallback, silent
from air_core.ranking import margins, own_class, softmax, tag_activations, tag_margins
from air_core.runs import Fit
from air_core.workspace import Workspace


def fit_svm(workspace: Workspace, *, progress: ProgressCallback = silent) -> Fit:
    """Fit the paper's SVM baseline on the same features and labels."""
    from air_core.baselines.svm import PAPER_GRID, linear_svm, linear_svm_tags

    features = current_features(workspace)
    labels, tags = workspace.dataset.given_labels, workspace.dataset.tags
    settings: dict[str, Any] = {"grid": list(PAPER_GRID), "folds": 3, "seed": 0}

    def solve() -> dict[str, Any]:
        scores: dict[str, Any]
        if tags is not None:
            result = linear_svm_tags(features.array, tags, progress=progress, **settings)
            scores = {
                "probabilities": expit(result.decision),
                "activations": tag_activations(result.activations, tags),
                "margins": tag_margins(result.decision, tags),
            }
        else:
            classes = len(workspace.dataset.class_names)
            result = linear_svm(
                features.array, labels, n_classes=classes, progress=progress, **settings
            )
            scores = {
                "probabilities": softmax(result.decision),
                "activations": own_class(result.activations, labels),
                "margins": margins(result.decision, labels),
            }
        return scores | {
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
            "epochs": np.zeros(0, dtype=np.intp),
            "epoch_activations": np.zeros((0, len(labels))),
        }

    return fit_once(workspace, "svm", features, settings, solve)
