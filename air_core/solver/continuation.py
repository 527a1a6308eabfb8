"""Solving for one λ_g after another, each started from where its neighbours point to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from air_core.errors import Cancelled, SolverError
from air_core.progress import ProgressCallback, silent
from air_core.solver.config import Group
from air_core.solver.metric import SPECTRAL_LIMIT
from air_core.solver.minimizer import minimize
from air_core.solver.objective import Objective, check_lambda_max, largest_lambda
from air_core.solver.path import LambdaPath, PathPoint
from air_core.solver.problem import Problem, make_problem
from air_core.solver.record import own_activations, own_margins

# Solutions that a start is predicted from.
ORDER = 3
NEIGHBOURS = 4


def air_path(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    n_classes: int | None = None,
    count: int = 20,
    ratio: float = 100.0,
    lambda_scales: Sequence[float] | NDArray[np.float64] | None = None,
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

    Raises
    ------
    SolverError
        As :func:`~air_core.solver.sadmm`; for λ_g ≤ 0; and, where no values were asked for, if no
        feature differs between the classes, so that there is no λ_max to start from.
    """
    return solve_path(
        make_problem(features, labels, n_classes, device=device, dtype=dtype),
        count=count,
        ratio=ratio,
        lambda_scales=lambda_scales,
        lambda_1=lambda_1,
        group=group,
        tolerance=tolerance,
        progress=progress,
    )


def solve_path(
    problem: Problem,
    *,
    count: int = 20,
    ratio: float = 100.0,
    lambda_scales: Sequence[float] | NDArray[np.float64] | None = None,
    lambda_1: float = 1e-6,
    group: Group = "image_class",
    tolerance: float = 1e-4,
    max_evaluations: int = 3000,
    enough: Callable[[PathPoint], bool] | None = None,
    progress: ProgressCallback = silent,
) -> LambdaPath:
    """What :func:`air_path` does, of a problem that is ready; to its end, or to ``enough``."""
    lambda_max = largest_lambda(problem, group)
    p = problem.matrix.p
    if lambda_scales is None:
        lambdas = path_scales(problem, group, count, ratio) / p
    else:
        lambdas = np.unique(np.asarray(lambda_scales, dtype=np.float64))[::-1] / p
        # Nearly the same value twice would throw the start of the next far off.
        apart = -np.diff(lambdas, prepend=np.inf) > 1e-6 * lambdas
        lambdas = lambdas[apart]
    if not len(lambdas) or not (lambdas > 0).all():
        raise SolverError("Expected values of λ_g > 0 for the path.")
    matrix = problem.matrix
    w = torch.zeros((p, problem.loss.n_classes), device=matrix.device, dtype=matrix.dtype)
    solved = [Solution(float(lambdas[0]), w, w[0].clone())]
    points: list[PathPoint] = []
    complete = True
    try:
        for number, lambda_g in enumerate(lambdas, start=1):
            start = predict(solved, float(lambda_g))
            found, point = _solve(problem, start, group, lambda_1, tolerance, max_evaluations)
            # Nothing is known of the way from zero weights to the first solution.
            solved = [*solved[1 - ORDER :], found] if points else [found]
            points.append(point)
            progress(number, len(lambdas), "Solving the λ path")
            if enough is not None and enough(point):
                break
    except Cancelled:
        if not points:
            raise
        complete = len(points) == len(lambdas)
    return LambdaPath(tuple(points), lambda_max, group, lambda_1, complete)


def path_scales(
    problem: Problem, group: Group, count: int, ratio: float = 100.0
) -> NDArray[np.float64]:
    """Multiples (count,) of 1/p, log-spaced from just below λ_max to ``λ_max / ratio``.

    At λ_max itself all weights are zero; the path begins one step below.
    """
    lambda_max = largest_lambda(problem, group)
    check_lambda_max(lambda_max)
    shares: NDArray[np.float64] = np.geomspace(ratio ** (-1 / count), 1 / ratio, count)
    return np.asarray(lambda_max * problem.matrix.p * shares)


class PathRefiner:
    """Solves at any λ_g between the points of a path, started from the points around it.

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
        # Now, rather than while somebody moves a slider: that λ_max is above the path's values, and
        # the metric.
        largest_lambda(self._problem, path.group, enough=max(p.lambda_g for p in path.points))
        if self._problem.matrix.p <= SPECTRAL_LIMIT:
            self._problem.matrix.spectrum()

    def solve(self, lambda_scale: float) -> PathPoint:
        """The solution at ``λ_g = lambda_scale / p``."""
        if not lambda_scale > 0:
            raise SolverError(f"Expected lambda_scale > 0, got {lambda_scale!r}.")
        matrix = self._problem.matrix
        start = predict(
            [
                Solution(
                    point.lambda_g,
                    torch.as_tensor(point.coef).to(matrix.device, matrix.dtype) * matrix.scale,
                    torch.as_tensor(point.intercept).to(matrix.device, matrix.dtype),
                )
                for point in self._around(lambda_scale)
            ],
            lambda_scale / matrix.p,
        )
        path = self.path
        return _solve(self._problem, start, path.group, path.lambda_1, self._tolerance)[1]

    def _around(self, lambda_scale: float) -> list[PathPoint]:
        """The points nearest to a λ_g on both sides; past an end of the path, the last alone."""
        points = sorted(self.path.points, key=lambda point: point.lambda_scale)
        right = sum(point.lambda_scale < lambda_scale for point in points)
        if right in (0, len(points)):
            return [self.path.nearest(lambda_scale)]
        first = min(max(right - NEIGHBOURS // 2, 0), max(len(points) - NEIGHBOURS, 0))
        return points[first : first + NEIGHBOURS]


class Solution(NamedTuple):
    """Weights (p, C) and bias (C,) for scaled features at one λ_g."""

    lambda_g: float
    w: torch.Tensor
    b: torch.Tensor


def predict(solved: Sequence[Solution], lambda_g: float) -> Solution:
    """The polynomial in log λ_g through solutions nearby (Lagrange's), read at another λ_g.

    A column that is zero in one of them stays what it is in the nearest.
    """
    target = np.log(lambda_g)
    at = np.log([solution.lambda_g for solution in solved])
    nearest = solved[int(np.abs(at - target).argmin())]
    live = torch.stack([(solution.w != 0).any(dim=0) for solution in solved]).all(dim=0)
    w, b = torch.zeros_like(nearest.w), torch.zeros_like(nearest.b)
    for position, solution in enumerate(solved):
        others = np.delete(at, position)
        weight = float(np.prod((target - others) / (at[position] - others)))
        w += weight * solution.w
        b += weight * solution.b
    return Solution(lambda_g, torch.where(live, w, nearest.w), torch.where(live, b, nearest.b))


def _solve(
    problem: Problem,
    start: Solution,
    group: Group,
    lambda_1: float,
    tolerance: float,
    max_evaluations: int = 3000,
) -> tuple[Solution, PathPoint]:
    matrix, lambda_g = problem.matrix, start.lambda_g
    objective = Objective(problem, lambda_g, lambda_1, group)
    found = minimize(
        objective, start.w, start.b, tolerance=tolerance, max_evaluations=max_evaluations
    )
    scores = problem.over_all(lambda rows: rows.forward(found.w)) + found.at.b
    one_class = problem.loss.one_class_each
    suggestions = scores.argmax(dim=1).int() if one_class else (scores > 0).char()
    labelled = scores if problem.rest is None else scores[problem.labelled]
    point = PathPoint(
        lambda_g=lambda_g,
        lambda_scale=lambda_g * matrix.p,
        coef=(found.w / matrix.scale).float().cpu().numpy(),
        intercept=found.at.b.float().cpu().numpy(),
        activations=own_activations(problem, found.w).astype(np.float32),
        margins=own_margins(problem, labelled).astype(np.float32),
        suggestions=suggestions.cpu().numpy(),
        optimality=found.optimality,
        converged=found.converged,
        evaluations=objective.evaluations,
    )
    return Solution(lambda_g, found.w, found.at.b), point
