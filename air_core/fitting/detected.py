"""Any detector on a workspace's features, kept as a run; also on labels as reviewed so far."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from air_core.dataset import UNLABELLED, Dataset, tags_of
from air_core.detectors import detect, find_detector
from air_core.detectors.detection import RECIPE
from air_core.export.labels import labels_in_force
from air_core.fitting.stored import current_features, fit_once
from air_core.labels.models import LabelEvent
from air_core.progress import ProgressCallback, silent
from air_core.ranking import Ranking, rank_items
from air_core.runs import Fit
from air_core.workspace import Workspace


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
    settings: dict[str, Any] = {"detector": name, "seed": seed, "recipe": RECIPE}
    targets, corrections = given, None
    if reviewed:
        corrections = corrections_of(workspace)
        targets = corrections.labels
        settings["reviewed"] = corrections.digest

    def solve() -> dict[str, Any]:
        from air_core.detectors.detection import agreement_scores

        found = detect(
            name, features.array, targets, n_classes=len(dataset.class_names), seed=seed,
            progress=progress,
        )  # fmt: skip
        scores = found.scores
        if corrections is not None:
            # What a detector says of a corrected label is not what it says of the given one.
            said = agreement_scores(found.probabilities, given)
            if given.ndim == 1 and find_detector(name).calibrated:
                own = found.probabilities[np.arange(len(given)), given]
                said = np.where(given == UNLABELLED, np.nan, own)
            scores = np.where(corrections.changed, said, scores)
        p, n = features.array.shape[1], len(dataset)
        linear = found.coef is not None and found.intercept is not None
        notes = {**found.notes, "linear": linear}
        if corrections is not None:
            notes["corrections"] = corrections.count
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
        likeliest=found.likeliest,
    )


@dataclass(frozen=True, slots=True)
class Corrections:
    """Labels as reviewed so far.

    Parameters
    ----------
    labels : ndarray of shape (n,) or (n, C)
        Class indices, or tags; −1 where excluded.
    changed : ndarray of shape (n,), dtype bool
        Where they are not those given.
    digest : str
        Of ``labels``.
    """

    labels: NDArray[Any]
    changed: NDArray[np.bool_]
    digest: str

    @property
    def count(self) -> int:
        """How many labels are not those given."""
        return int(self.changed.sum())


def corrections_of(workspace: Workspace) -> Corrections:
    """Labels with the decisions in force at one moment, relabelled, or −1 where excluded."""
    dataset, decisions = workspace.dataset, workspace.reviewed()
    given: NDArray[Any]
    labels: NDArray[Any]
    if dataset.tags is None:
        given = dataset.given_labels
        labels = labels_in_force(dataset, decisions)
    else:
        given, labels = dataset.tags, _tags_in_force(dataset, decisions)
    for item, event in decisions.items():
        if event.action == "exclude":
            labels[dataset.row_of(item)] = UNLABELLED
    changed = labels != given
    digest = hashlib.blake2b(np.ascontiguousarray(labels).tobytes(), digest_size=8).hexdigest()
    return Corrections(labels, changed if changed.ndim == 1 else changed.any(axis=1), digest)


def _tags_in_force(dataset: Dataset, decisions: Mapping[str, LabelEvent]) -> NDArray[np.int8]:
    assert dataset.tags is not None  # the caller has looked
    tags = dataset.tags.copy()
    for item, event in decisions.items():
        if event.action == "relabel" and event.new_label is not None:
            row = dataset.row_of(item)
            tags[row] = 0
            tags[row, [dataset.class_names.index(name) for name in tags_of(event.new_label)]] = 1
    return tags
