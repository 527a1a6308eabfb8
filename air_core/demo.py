"""The main job on the sample data, timed and scored."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from air_core import pipeline
from air_core.installation import sample_source, sample_truth, workspaces_folder
from air_core.progress import ProgressCallback, silent
from air_core.workspace import Workspace

T = TypeVar("T")


def demo_workspace() -> Path:
    """Where the demo keeps its audit when no folder is named."""
    return workspaces_folder() / "demo"


def run_demo(
    workspace: Path | None = None,
    *,
    device: str = "auto",
    progress: ProgressCallback = silent,
) -> tuple[Path, dict[str, Any]]:
    """Audit the sample images and compare the rankings with the truth.

    Parameters
    ----------
    workspace : Path, optional
        :func:`demo_workspace` by default.
    device : str
    progress : callable

    Returns
    -------
    folder : Path
    summary : dict
        ``images``, ``classes``, ``quarantined``, ``flagged``, ``detector``; ``auroc`` and
        ``precision_at_k`` of the default ranking; ``air_activation_auroc`` and
        ``svm_activation_auroc``; ``seconds`` for each step.
    """
    from air_core import metrics  # only here: it brings scikit-learn

    seconds: dict[str, float] = {}

    def timed(step: str, work: Callable[[], T]) -> T:
        started = time.perf_counter()
        result = work()
        seconds[step] = round(time.perf_counter() - started, 2)
        return result

    folder = workspace or demo_workspace()
    opened = timed("open", lambda: pipeline.open_source(sample_source(), folder, progress=progress))
    timed("extract", lambda: pipeline.extract(opened, device=device, progress=progress))
    timed("fit", lambda: pipeline.fit(opened, device=device, progress=progress))
    timed("fit_svm", lambda: pipeline.fit_svm(opened, progress=progress))
    ranking = timed("rank", lambda: pipeline.rank(opened))
    wrong = _errors(opened)
    activation = {
        model: metrics.auroc(pipeline.rank(opened, f"{model}-activation").scores, wrong)
        for model in ("air", "svm")
    }
    summary: dict[str, Any] = {
        "images": len(opened.dataset),
        "classes": len(opened.dataset.class_names),
        "quarantined": len(opened.quarantined),
        "flagged": int(ranking.flagged.sum()),
        "detector": ranking.detector,
        "auroc": round(metrics.auroc(ranking.scores, wrong), 4),
        "average_precision": round(metrics.average_precision(ranking.scores, wrong), 4),
        "precision_at_k": round(metrics.precision_at_k(ranking.scores, wrong), 4),
        "air_activation_auroc": round(activation["air"], 4),
        "svm_activation_auroc": round(activation["svm"], 4),
        "seconds": seconds,
    }
    return folder, summary


def _errors(workspace: Workspace) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Where the sample's given label differs from its true one. Read after ranking, to score it."""
    truth = pd.read_csv(sample_truth(), dtype=str, keep_default_na=False)
    true_label = dict(zip(truth["path"], truth["label"], strict=True))
    dataset = workspace.dataset
    given = [dataset.label_name(index) for index in dataset.given_labels]
    return np.array(
        [true_label[path] != label for path, label in zip(dataset.paths, given, strict=True)]
    )
