"""Any detector on a workspace's features, kept as a run; also on labels as reviewed so far."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from air_core.dataset import UNLABELLED, Dataset, tags_of
from air_core.detectors import detect, find_detector
from air_core.fitting.stored import current_features, fit_once, latest_fit
from air_core.progress import ProgressCallback, silent
from air_core.ranking import Ranking, rank_items
from air_core.runs import Fit
from air_core.workspace import Workspace

RECIPE = 2
"""Raised whenever a detector computes something else: answers kept before are then asked anew."""


def fit_detector(
    workspace: Workspace,
    name: str,
    *,
    reviewed: bool = False,
    seed: int = 0,
    progress: ProgressCallback = silent,
) -> Fit:
    """Ask a detector about every image; an answer to the same question is read, not made again.

    Parameters
    ----------
    workspace : Workspace
        With features.
    name : str
        A key of :data:`air_core.detectors.DETECTORS`.
    reviewed : bool
        Learn from the labels as reviewed so far instead of those given: relabels count, excluded
        images do not. Scores are of the given labels all the same.
    seed : int
    progress : callable

    Raises
    ------
    WorkspaceError
        If there are no features.
    SolverError
        If there is no such detector, or it cannot deal with these labels.
    """
    find_detector(name)
    features = current_features(workspace)
    dataset = workspace.dataset
    given = dataset.given_labels if dataset.tags is None else dataset.tags
    targets = in_force(workspace) if reviewed else given
    corrections = sum(e.action in ("relabel", "exclude") for e in workspace.reviewed().values())
    settings: dict[str, Any] = {"detector": name, "seed": seed, "recipe": RECIPE}
    if reviewed:
        content = np.ascontiguousarray(targets).tobytes()
        settings["reviewed"] = hashlib.blake2b(content, digest_size=8).hexdigest()

    def solve() -> dict[str, Any]:
        from air_core.detectors.detection import agreement_scores

        found = detect(
            name, features.array, targets, n_classes=len(dataset.class_names), seed=seed,
            progress=progress,
        )  # fmt: skip
        scores = found.scores
        if reviewed:
            # What a detector says of a corrected label is not what it says of the given one.
            changed = (targets != given) if given.ndim == 1 else (targets != given).any(axis=1)
            scores = np.where(changed, agreement_scores(found.probabilities, given), scores)
        p, n = features.array.shape[1], len(dataset)
        linear = found.coef is not None and found.intercept is not None
        notes = {**found.notes, "linear": linear, "corrections": corrections if reviewed else 0}
        return {
            "settings": settings,
            "lambda_g": None,
            "lambda_scale": None,
            "history": [],
            "notes": notes,
            "coef": found.coef if linear else np.zeros((p, 0)),
            "intercept": found.intercept if linear else np.zeros(0),
            "probabilities": found.probabilities,
            "activations": np.full(n, np.nan),
            "margins": 2 * scores - 1,
            "epochs": np.zeros(0, dtype=np.intp),
            "epoch_activations": np.zeros((0, n)),
        }

    return fit_once(workspace, run_name(name), features, settings, solve)


def run_name(detector: str) -> str:
    """Name of a detector's runs.

    Examples
    --------
    >>> run_name("simifeat-vote")
    'detector.simifeat.vote'
    """
    return "detector." + detector.replace("-", ".")


def rank_detected(workspace: Workspace, name: str) -> Ranking | None:
    """The ranking by the run made last, or None if there is none of these images and labels."""
    found = latest_fit(workspace, run_name(name))
    return None if found is None else rank_fit(workspace, name, found)


def rank_fit(workspace: Workspace, name: str, found: Fit) -> Ranking:
    """The ranking by a run of :func:`fit_detector`."""
    dataset = workspace.dataset
    return rank_items(
        name,
        dataset.item_ids,
        dataset.given_labels,
        scores=(1 + np.asarray(found.margins)) / 2,
        probabilities=found.probabilities,
        activations=np.asarray(found.activations),
        tags=dataset.tags,
        calibrated=dataset.tags is None and find_detector(name).calibrated,
        best=found.best,
    )


def in_force(workspace: Workspace) -> NDArray[Any]:
    """Labels (n,), or tags (n, C), with the decisions so far: relabelled, or −1 where excluded."""
    dataset = workspace.dataset
    if dataset.tags is None:
        labels = workspace.current_labels()
        labels[workspace.excluded()] = UNLABELLED
        return labels
    return _tags_in_force(dataset, workspace)


def _tags_in_force(dataset: Dataset, workspace: Workspace) -> NDArray[np.int8]:
    assert dataset.tags is not None  # the caller has looked
    tags = dataset.tags.copy()
    for item, event in workspace.reviewed().items():
        row = dataset.row_of(item)
        if event.action == "exclude":
            tags[row] = -1
        elif event.action == "relabel" and event.new_label is not None:
            tags[row] = 0
            tags[row, [dataset.class_names.index(name) for name in tags_of(event.new_label)]] = 1
    return tags
