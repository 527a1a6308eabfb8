"""A stored λ_g path, and where it is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from air_core.fitting.stored import current_features
from air_core.runs import fit_key, load_run, run_names
from air_core.workspace import Workspace

if TYPE_CHECKING:
    from air_core.solver import LambdaPath

MODEL = "path"
PER_DECADE = 10
"""Values of λ_g from one power of ten to the next; the paper's is always among them."""

RATIO = 100.0
ARRAYS = ("coef", "intercept", "activations", "margins", "suggestions", "confidences")


class PathValue(NamedTuple):
    """One λ_g of a path.

    ``flagged`` counts the labelled images that the model would label otherwise; the rest is as in
    :class:`air_core.solver.PathPoint`.
    """

    lambda_g: float
    lambda_scale: float
    optimality: float
    converged: bool
    evaluations: int
    flagged: int


@dataclass(frozen=True, slots=True)
class PathRun:
    """A stored path; its arrays stay on disk until they are looked at.

    Parameters
    ----------
    run_id : str
        Sorts by time.
    key : str
        Digest of features, labels and settings: equal keys mean equal results.
    dataset_digest, feature_digest, backbone, versions, created_at
        As in :class:`air_core.runs.Fit`.
    seconds : float
    settings : dict
        ``group``, ``lambda_1`` and how the values were chosen.
    lambda_max : float
        The smallest λ_g at which all weights are zero, as a multiple of 1/p.
    complete : bool
        False if the path was cancelled; the values solved until then are here.
    points : tuple of PathValue
        From the largest λ_g down.
    coef : ndarray of shape (T, p, C), intercept : ndarray of shape (T, C)
        For the features as extracted.
    activations, margins : ndarray of shape (T, n), dtype float32
        In the given label's own class; NaN where unlabelled.
    suggestions : ndarray of shape (T, n), or (T, n, C) with tags
        In the smallest integers that hold them.
    confidences : ndarray of shape (T, n), dtype float16
    """

    run_id: str
    key: str
    dataset_digest: str
    feature_digest: str
    backbone: str
    versions: dict[str, str]
    created_at: str
    seconds: float
    settings: dict[str, Any]
    lambda_max: float
    complete: bool
    points: tuple[PathValue, ...]
    coef: NDArray[np.float32]
    intercept: NDArray[np.float32]
    activations: NDArray[np.float32]
    margins: NDArray[np.float32]
    suggestions: NDArray[np.integer]
    confidences: NDArray[np.float16]

    @property
    def scales(self) -> NDArray[np.float64]:
        """``lambda_scale`` of each point."""
        return np.array([point.lambda_scale for point in self.points])

    def as_solved(self) -> LambdaPath:
        """The path as the solver takes it to start from."""
        from air_core.solver import LambdaPath, PathPoint

        p = self.coef.shape[1]
        points = tuple(
            PathPoint(
                lambda_g=point.lambda_g,
                lambda_scale=point.lambda_scale,
                coef=np.array(self.coef[t]),  # torch takes no array that is read-only
                intercept=np.array(self.intercept[t]),
                activations=self.activations[t],
                margins=self.margins[t],
                suggestions=self.suggestions[t],
                optimality=point.optimality,
                converged=point.converged,
                evaluations=point.evaluations,
            )
            for t, point in enumerate(self.points)
        )
        settings = self.settings
        return LambdaPath(
            points, self.lambda_max / p, settings["group"], settings["lambda_1"], self.complete
        )


def path_settings(group: str = "image_class", lambda_1: float = 1e-6) -> dict[str, Any]:
    """What a path is solved with, and recognised by."""
    return {"group": group, "lambda_1": lambda_1, "per_decade": PER_DECADE, "ratio": RATIO}


def stored_path(workspace: Workspace, settings: dict[str, Any] | None = None) -> PathRun | None:
    """The path of the current features, labels and these settings, or None.

    Parameters
    ----------
    workspace : Workspace
    settings : dict, optional
        From :func:`path_settings`.

    Returns
    -------
    PathRun or None
        One that was cancelled has ``complete`` False.
    """
    return find_path(workspace, path_key(workspace, settings or path_settings()))


def path_key(workspace: Workspace, settings: dict[str, Any]) -> str:
    """Digest of what a path of the current features and labels is solved from."""
    features = current_features(workspace)
    return fit_key(MODEL, features.digest, workspace.dataset.labels_digest(), settings)


def find_path(workspace: Workspace, key: str) -> PathRun | None:
    """The stored path of a key, newest first."""
    folder = workspace.runs_dir
    for name in run_names(folder, MODEL):
        stored = load_run(folder / name, ARRAYS, key=key)
        if stored is not None:
            fields: dict[str, Any] = stored[0] | stored[1]
            fields["points"] = tuple(PathValue(*values) for values in fields["points"])
            return PathRun(**fields)
    return None
