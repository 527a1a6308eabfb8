"""λ_g for the exact solver, chosen on a held-out noisy split."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from air_core.errors import Cancelled
from air_core.progress import ProgressCallback, silent
from air_core.solver.config import Group
from air_core.solver.continuation import path_scales, solve_path
from air_core.solver.objective import check_lambda_max, largest_lambda
from air_core.solver.path import PathPoint
from air_core.solver.problem import make_problem
from air_core.solver.record import calibrated_loss
from air_core.solver.tuning import halves, held_out_rows

# Rankings of λ_g do not need the last digits: the optimum is solved for afterwards. Where features
# differ so little that float32 cannot reach even this, there is nothing to wait for.
_ROUGHLY = 3e-3


class LambdaChoice(NamedTuple):
    """A strength for the exact solver, and where to start it from.

    Parameters
    ----------
    lambda_scale : float
        λ_g as a multiple of 1/p.
    start : tuple of ndarray of shape (p, C) and (C,), or None
        Weights and bias at that λ_g of the part that was fitted; None where there was none.
    """

    lambda_scale: float
    start: tuple[NDArray[np.floating], NDArray[np.floating]] | None


def tune_lambda(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    n_classes: int | None = None,
    group: Group = "image_class",
    lambda_1: float = 1e-6,
    count: int = 12,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    progress: ProgressCallback = silent,
) -> LambdaChoice:
    """λ_g for the exact solver: the best point of a path on held-out labels.

    Loss and penalty are both sums over images, so the same λ_g serves the part and the whole. The
    path is followed from its middle to smaller values while the loss on held-out labels falls, and
    from λ_max down to its middle where it does not fall at all: it has one valley.

    Parameters
    ----------
    features, labels, n_classes
        As for :func:`~air_core.solver.sadmm`.
    group, lambda_1, count, device, dtype, progress
        As for :func:`~air_core.solver.continuation.air_path`.

    Returns
    -------
    LambdaChoice
        A tenth of λ_max where there are too few images to hold any out: nothing else holds back
        an exact fit of more features than images.

    Raises
    ------
    SolverError
        As :func:`~air_core.solver.continuation.air_path`.
    """
    split = held_out_rows(labels, seed=0)
    if split is None:
        problem = make_problem(features, labels, n_classes, device=device, dtype=dtype)
        lambda_max = largest_lambda(problem, group)
        check_lambda_max(lambda_max)
        return LambdaChoice(float(0.1 * lambda_max * problem.matrix.p), None)
    train, held_out = halves(features, labels, split, n_classes, device=device, dtype=dtype)
    scales = path_scales(train, group, count)
    points: list[PathPoint] = []
    losses: list[float] = []

    def judge(point: PathPoint) -> bool:
        matrix = held_out.matrix
        w = torch.as_tensor(point.coef).to(matrix.device, matrix.dtype) * matrix.scale
        b = torch.as_tensor(point.intercept).to(matrix.device, matrix.dtype)
        points.append(point)
        losses.append(calibrated_loss(held_out, matrix.forward(w) + b))
        progress(min(len(losses), count - 1), count, "Choosing λ_g")
        return False  # go on

    def judge_whether_it_rises(point: PathPoint) -> bool:
        judge(point)
        return len(losses) > 2 and losses[-3] < losses[-2] < losses[-1]

    def follow(part: NDArray[np.float64], enough: Callable[[PathPoint], bool]) -> None:
        path = solve_path(
            train, lambda_scales=part, group=group, lambda_1=lambda_1, tolerance=_ROUGHLY,
            max_evaluations=200, enough=enough,
        )  # fmt: skip
        if not path.complete:  # a path keeps what it has; nothing can be chosen from that
            raise Cancelled("Stopped while λ_g was chosen.")

    middle = count // 3
    follow(scales[middle:], judge_whether_it_rises)
    if middle and np.argmin(losses) == 0:
        follow(scales[:middle], judge)
    progress(count, count, "Choosing λ_g")
    best = points[int(np.argmin(losses))]
    return LambdaChoice(best.lambda_scale, (best.coef, best.intercept))
