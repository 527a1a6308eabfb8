"""Rankings of a workspace: by which detector, and from which of its runs."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from air_core.detectors import DETECTORS as ALL_DETECTORS
from air_core.errors import WorkspaceError
from air_core.fitting.detected import fit_detector, rank_fit, run_name
from air_core.fitting.stored import latest_fit
from air_core.progress import ProgressCallback, silent
from air_core.ranking import Ranking, activation_scores, margin_scores, rank_items
from air_core.runs import Fit, require_fit
from air_core.workspace import Workspace

DETECTORS: dict[str, str] = {
    "air-margin": "AIR margin",
    "air-activation": "AIR activation (the paper)",
    "svm-margin": "SVM margin",
    "svm-activation": "SVM activation",
    "refined-margin": "Refined margin",
}


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


def ranking_made(workspace: Workspace) -> Ranking | None:
    """The ranking by the best of :func:`default_detectors` that was asked about these images.

    As it was made: nothing is computed or made current. None if there is none.
    """
    for name in default_detectors(workspace):
        found = latest_fit(workspace, model_of(name))
        if found is not None:
            return read_ranking(workspace, name, found)
    return None


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
        likeliest=found.likeliest,
    )
