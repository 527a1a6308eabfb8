"""The whole path of λ_g: from the value that silences every image down to almost none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from air_core.atomic import atomic_write
from air_core.errors import Cancelled, SolverError
from air_core.progress import ProgressCallback, silent
from air_core.solver.config import Group
from air_core.solver.exact import largest_lambda, minimize
from air_core.solver.objective import Objective
from air_core.solver.problem import Problem, make_problem
from air_core.solver.record import own_activations, own_margins

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class PathPoint:
    """The solution at one λ_g.

    Parameters
    ----------
    lambda_g, lambda_scale : float
        λ_g and its multiple of 1/p.
    coef : ndarray of shape (p, C), dtype float32
        For the features as given.
    intercept : ndarray of shape (C,)
    activations, margins : ndarray of shape (n,), dtype float32
        In the given label's own class; NaN without a label.
    suggestions : ndarray of shape (n,), dtype int32; with tags (n, C), dtype int8
        Most probable class; or 1 for each tag that the model would give.
    optimality : float
        The smaller of relative duality gap and relative gradient norm.
    converged : bool
    evaluations : int
    """

    lambda_g: float
    lambda_scale: float
    coef: NDArray[np.float32]
    intercept: NDArray[np.float32]
    activations: NDArray[np.float32]
    margins: NDArray[np.float32]
    suggestions: NDArray[np.integer]
    optimality: float
    converged: bool
    evaluations: int


@dataclass(frozen=True, slots=True)
class LambdaPath:
    """Solutions along λ_g, from the largest down.

    Parameters
    ----------
    points : tuple of PathPoint
    lambda_max : float
        The smallest λ_g at which all weights are zero.
    group : {"image_class", "image"}
    lambda_1 : float
    complete : bool
        False if the path was cancelled; the points made until then are here.
    """

    points: tuple[PathPoint, ...]
    lambda_max: float
    group: Group
    lambda_1: float
    complete: bool

    @property
    def scales(self) -> NDArray[np.float64]:
        """``lambda_scale`` of each point."""
        return np.array([point.lambda_scale for point in self.points])

    def nearest(self, lambda_scale: float) -> PathPoint:
        """The point whose λ_g is nearest on a log scale."""
        distance = np.abs(np.log(self.scales) - np.log(lambda_scale))
        return self.points[int(distance.argmin())]

    def save(self, path: Path) -> None:
        """Write one compressed ``.npz`` without pickled objects."""
        record = {
            "format": _FORMAT,
            "lambda_max": self.lambda_max,
            "group": self.group,
            "lambda_1": self.lambda_1,
            "complete": self.complete,
            "points": [
                {
                    "lambda_g": p.lambda_g,
                    "lambda_scale": p.lambda_scale,
                    "optimality": p.optimality,
                    "converged": p.converged,
                    "evaluations": p.evaluations,
                }
                for p in self.points
            ],
        }
        arrays: dict[str, Any] = {
            name: np.stack([getattr(p, name) for p in self.points]) for name in _ARRAYS
        }
        with atomic_write(path) as file:
            np.savez_compressed(file, record=np.array(json.dumps(record)), **arrays)

    @classmethod
    def load(cls, path: Path) -> LambdaPath:
        """Read what :meth:`save` wrote.

        Raises
        ------
        SolverError
            If the file is damaged or of another format.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                record = json.loads(str(stored["record"]))
                arrays = {name: stored[name] for name in _ARRAYS}
            if record["format"] != _FORMAT:
                raise ValueError(f"format {record['format']}")
            points = tuple(
                PathPoint(**fields, **{name: arrays[name][i] for name in _ARRAYS})
                for i, fields in enumerate(record["points"])
            )
            return cls(
                points,
                record["lambda_max"],
                record["group"],
                record["lambda_1"],
                record["complete"],
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SolverError(
                f"Expected a stored path in {path.name}, got: {error}.", hint="Compute it again."
            ) from error


_ARRAYS = ("coef", "intercept", "activations", "margins", "suggestions")


def air_path(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    n_classes: int | None = None,
    count: int = 20,
    ratio: float = 100.0,
    lambda_scales: Sequence[float] | None = None,
    lambda_1: float = 1e-6,
    group: Group = "image_class",
    tolerance: float = 1e-4,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    progress: ProgressCallback = silent,
) -> LambdaPath:
    """Solve the AIR objective at many λ_g, each started from the one before.

    Parameters
    ----------
    features, labels, n_classes
        As for :func:`~air_core.solver.sadmm`.
    count : int
        Points, log-spaced from just below λ_max to ``λ_max / ratio``.
    ratio : float
    lambda_scales : sequence of float, optional
        These multiples of 1/p instead.
    lambda_1, group, tolerance, device, dtype
        As for :func:`~air_core.solver.exact.exact`.
    progress : callable
        Told after every point. If it raises :class:`~air_core.errors.Cancelled`, the points made
        so far are returned with ``complete`` False, unless there is none.

    Returns
    -------
    LambdaPath
    """
    problem = make_problem(features, labels, n_classes, device=device, dtype=dtype)
    lambda_max = largest_lambda(problem, group)
    p = problem.matrix.p
    if lambda_scales is None:
        # At λ_max itself all weights are zero; the path begins one step below.
        lambdas = lambda_max * np.geomspace(ratio ** (-1 / count), 1 / ratio, count)
    else:
        lambdas = np.sort(np.asarray(lambda_scales, dtype=np.float64))[::-1] / p
    if not len(lambdas) or not (lambdas > 0).all():
        raise SolverError("Expected values of λ_g > 0 for the path.")
    w = torch.zeros((p, problem.loss.n_classes), device=problem.matrix.device, dtype=dtype)
    b = w[0].clone()
    points: list[PathPoint] = []
    complete = True
    try:
        for number, lambda_g in enumerate(lambdas, start=1):
            w, b, point = _solve(problem, float(lambda_g), lambda_1, group, tolerance, w, b)
            points.append(point)
            progress(number, len(lambdas), "Solving the λ path")
    except Cancelled:
        if not points:
            raise
        complete = len(points) == len(lambdas)
    return LambdaPath(tuple(points), lambda_max, group, lambda_1, complete)


class PathRefiner:
    """Solves at any λ_g between the points of a path, warm-started from the nearest.

    Parameters
    ----------
    features, labels, n_classes
        Those of the path; they are prepared once and kept.
    path : LambdaPath
    device, dtype, tolerance
    """

    def __init__(
        self,
        features: ArrayLike,
        labels: ArrayLike,
        path: LambdaPath,
        *,
        n_classes: int | None = None,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
        tolerance: float = 1e-4,
    ) -> None:
        self.path = path
        self._tolerance = tolerance
        self._problem = make_problem(features, labels, n_classes, device=device, dtype=dtype)

    def solve(self, lambda_scale: float) -> PathPoint:
        """The solution at ``λ_g = lambda_scale / p``."""
        if not lambda_scale > 0:
            raise SolverError(f"Expected lambda_scale > 0, got {lambda_scale!r}.")
        matrix = self._problem.matrix
        w, b = self._start(lambda_scale)
        start_w = torch.as_tensor(w).to(matrix.device, matrix.dtype) * matrix.scale
        start_b = torch.as_tensor(b).to(start_w)
        _, _, point = _solve(
            self._problem,
            lambda_scale / matrix.p,
            self.path.lambda_1,
            self.path.group,
            self._tolerance,
            start_w,
            start_b,
        )
        return point

    def _start(self, lambda_scale: float) -> tuple[NDArray[Any], NDArray[Any]]:
        """Between its two neighbours the path is nearly straight in log λ_g."""
        order = np.argsort(self.path.scales)
        scales = self.path.scales[order]
        right = int(np.searchsorted(scales, lambda_scale))
        if right in (0, len(scales)):
            nearest = self.path.nearest(lambda_scale)
            return nearest.coef, nearest.intercept
        low, high = (self.path.points[order[i]] for i in (right - 1, right))
        share = np.log(lambda_scale / low.lambda_scale) / np.log(
            high.lambda_scale / low.lambda_scale
        )
        return (
            (1 - share) * low.coef + share * high.coef,
            (1 - share) * low.intercept + share * high.intercept,
        )


def _solve(
    problem: Problem,
    lambda_g: float,
    lambda_1: float,
    group: Group,
    tolerance: float,
    w: torch.Tensor,
    b: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, PathPoint]:
    objective = Objective(problem, lambda_g, lambda_1, group)
    found = minimize(objective, w, b, tolerance=tolerance)
    scores = problem.matrix.forward(found.w) + found.at.b
    point = PathPoint(
        lambda_g=lambda_g,
        lambda_scale=lambda_g * problem.matrix.p,
        coef=(found.w / problem.matrix.scale).float().cpu().numpy(),
        intercept=found.at.b.float().cpu().numpy(),
        activations=own_activations(problem, found.w).astype(np.float32),
        margins=own_margins(problem, scores).astype(np.float32),
        suggestions=(
            scores.argmax(dim=1).int() if problem.loss.one_class_each else (scores > 0).char()
        )
        .cpu()
        .numpy(),
        optimality=found.optimality,
        converged=found.converged,
        evaluations=objective.evaluations,
    )
    return found.w, found.at.b, point


@dataclass(frozen=True, slots=True)
class Changes:
    """What moved between two rankings: rows entering and leaving the N worst."""

    entered: NDArray[np.intp]
    left: NDArray[np.intp]


def changes(before: NDArray[Any], after: NDArray[Any], top: int) -> Changes:
    """Rows that enter and leave the ``top`` lowest scores.

    Parameters
    ----------
    before, after : ndarray of shape (n,)
        Scores, activations or margins; NaN counts as highest.
    top : int

    Returns
    -------
    Changes
        Rows in the order of the ranking that has them.

    Examples
    --------
    >>> moved = changes(np.array([0.1, 0.2, 0.9]), np.array([0.5, 0.2, 0.1]), top=2)
    >>> moved.entered.tolist(), moved.left.tolist()
    ([2], [0])
    """
    old = np.argsort(before, kind="stable")[:top]
    new = np.argsort(after, kind="stable")[:top]
    return Changes(entered=new[~np.isin(new, old)], left=old[~np.isin(old, new)])
