"""λ_g, and λ1 with it, for the exact solver: chosen on a held-out noisy split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from air_core.errors import Cancelled, SolverError
from air_core.progress import ProgressCallback, silent
from air_core.solver.config import Group, LossName
from air_core.solver.continuation import path_scales, solve_path
from air_core.solver.objective import check_lambda_max, largest_lambda
from air_core.solver.path import PathPoint
from air_core.solver.problem import Problem, make_problem
from air_core.solver.record import calibrated_loss
from air_core.solver.tuning import climb, halves, held_out_rows

# Rankings of λ_g do not need the last digits: the optimum is solved for afterwards. Where features
# differ so little that float32 cannot reach even this, there is nothing to wait for.
_ROUGHLY = 3e-3
# From the paper's "very small number" to where it is all that holds the weights.
LAMBDAS_1 = (1e-6, 0.005, 0.015, 0.05, 0.15, 0.5, 1.5, 5.0)


class LambdaChoice(NamedTuple):
    """A strength for the exact solver, and where to start it from.

    Parameters
    ----------
    lambda_scale : float
        λ_g as a multiple of 1/p.
    start : tuple of ndarray of shape (p, C) and (C,), or None
        Weights and bias at that λ_g of the part that was fitted; None where there was none.
    lambda_1 : float
    loss : float
        Of held-out labels, after one factor for all scores, bias included; NaN where none were
        held out.
    """

    lambda_scale: float
    start: tuple[NDArray[np.floating], NDArray[np.floating]] | None
    lambda_1: float = 1e-6
    loss: float = float("nan")


def tune_lambda(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    n_classes: int | None = None,
    group: Group = "image_class",
    lambda_1: float | Sequence[float] = 1e-6,
    loss: LossName = "softmax",
    count: int = 12,
    ratio: float = 100.0,
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
    lambda_1 : float or sequence of float
        Several, such as :data:`LAMBDAS_1`, are chosen among as well: from the middle one up or
        down while the loss falls, to the end of that valley, each with the best λ_g for it.
    loss
        As for :func:`~air_core.solver.exact.exact`.
    group, count, ratio, device, dtype, progress
        As for :func:`~air_core.solver.continuation.air_path`.

    Returns
    -------
    LambdaChoice
        A tenth of λ_max, and the smallest λ1, where there are too few images to hold any out:
        nothing else holds back an exact fit of more features than images.

    Raises
    ------
    SolverError
        As :func:`~air_core.solver.continuation.air_path`; for a negative λ1 or none.
    """
    ladder = sorted(float(value) for value in np.atleast_1d(lambda_1))
    if not ladder or not 0 <= ladder[0] <= ladder[-1] < np.inf:
        raise SolverError(f"Expected values of lambda_1 >= 0, got {lambda_1!r}.")
    split = held_out_rows(labels, seed=0)
    if split is None:
        problem = make_problem(features, labels, n_classes, device=device, dtype=dtype, loss=loss)
        lambda_max = largest_lambda(problem, group)
        check_lambda_max(lambda_max)
        return LambdaChoice(float(0.1 * lambda_max * problem.matrix.p), None, ladder[0])
    train, held_out = halves(
        features, labels, split, n_classes, device=device, dtype=dtype, loss=loss
    )
    scales = path_scales(train, group, count, ratio)
    if len(ladder) == 1:
        return _along_path(train, held_out, scales, group, ladder[0], progress)
    found: dict[float, LambdaChoice] = {}
    total = len(ladder)

    def loss_of(value: float) -> float:
        if value not in found:
            progress(min(len(found), total - 1), total, "Choosing λ1 and λ_g")
            found[value] = _along_path(train, held_out, scales, group, value, silent)
        return found[value].loss

    best = climb(ladder, total // 2, loss_of, tie=0.0)
    progress(total, total, "Choosing λ1 and λ_g")
    return found[best]


def _along_path(
    train: Problem,
    held_out: Problem,
    scales: NDArray[np.float64],
    group: Group,
    lambda_1: float,
    progress: ProgressCallback,
) -> LambdaChoice:
    """The best λ_g for one λ1."""
    points: list[PathPoint] = []
    losses: list[float] = []

    def judge(point: PathPoint) -> bool:
        matrix = held_out.matrix
        w = torch.as_tensor(point.coef).to(matrix.device, matrix.dtype) * matrix.scale
        b = torch.as_tensor(point.intercept).to(matrix.device, matrix.dtype)
        points.append(point)
        losses.append(calibrated_loss(held_out, matrix.forward(w) + b))
        progress(min(len(losses), len(scales) - 1), len(scales), "Choosing λ_g")
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

    middle = len(scales) // 3
    follow(scales[middle:], judge_whether_it_rises)
    if middle and np.argmin(losses) == 0:
        follow(scales[:middle], judge)
    progress(len(scales), len(scales), "Choosing λ_g")
    best = points[int(np.argmin(losses))]
    return LambdaChoice(best.lambda_scale, (best.coef, best.intercept), lambda_1, min(losses))
