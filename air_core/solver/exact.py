"""The exact optimum of the AIR objective, with a certificate of how exact it is."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from air_core.errors import SolverError
from air_core.progress import ProgressCallback, silent
from air_core.solver.across import ALONE, Across
from air_core.solver.config import Group, LossName, SolverConfig, SolverResult
from air_core.solver.minimizer import minimize
from air_core.solver.objective import Objective, check_lambda_max, largest_lambda
from air_core.solver.penalty import activations, group_norms
from air_core.solver.problem import make_problem


def lambda_max(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    n_classes: int | None = None,
    group: Group = "image_class",
    loss: LossName = "softmax",
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> float:
    """λ_max, the smallest λ_g at which all weights are zero, for arrays as :func:`exact` takes.

    Raises
    ------
    SolverError
        As :func:`~air_core.solver.sadmm`; also if no feature differs between the classes.

    Examples
    --------
    >>> round(lambda_max([[1.0, 0.0], [0.0, 1.0]], [0, 1]), 3)
    0.5
    """
    problem = make_problem(features, labels, n_classes, device=device, dtype=dtype, loss=loss)
    found = largest_lambda(problem, group)
    check_lambda_max(found)
    return found


def exact(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    n_classes: int | None = None,
    lambda_scale: float = 10.0,
    lambda_1: float = 1e-6,
    group: Group = "image_class",
    loss: LossName = "softmax",
    tolerance: float = 1e-4,
    max_evaluations: int = 3000,
    start: tuple[NDArray[np.floating], NDArray[np.floating]] | None = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    across: Across = ALONE,
    progress: ProgressCallback = silent,
) -> SolverResult:
    """Minimise the AIR objective (Eq. 3 with ``v = F W``) to a certified duality gap.

    Parameters
    ----------
    features, labels, n_classes
        As for :func:`~air_core.solver.sadmm`.
    lambda_scale : float
        λ_g as a multiple of 1/p.
    lambda_1 : float
    group : {"image_class", "image"}
    loss : {"softmax", "squared_hinge"}
        The paper's, or that of ``LinearSVC``, whose objective this is where λ_g is nearly 0, with
        ``λ1 = 1/(2C)``, features at a mean row norm of 1 and a free intercept; one label an image.
    tolerance : float
        Reach a relative duality gap ``(objective − lower bound) / objective`` of this, or a
        gradient norm of this relative to the loss's gradient at zero weights.
    max_evaluations : int
        Evaluations of the objective before giving up.
    start : (coef, intercept), optional
        For the features as given; a solution at a λ_g nearby saves most of the work. From λ_max up
        it is not needed: the optimum is zero.
    device, dtype
    across : Across
        Several processes solve one problem: each passes its own rows, all the same settings, and
        gets the same weights and the activations of its rows.
        See :class:`~air_core.solver.across.Together`.
    progress : callable

    Returns
    -------
    SolverResult
        With ``optimality``, the smaller of the two; ``converged`` says whether it is within
        ``tolerance``, ``stop_reason`` gives both. Groups are exactly zero only where a whole class
        is: at the optimum every other image keeps a little activation, unlike in ADMM stopped
        early.

    Raises
    ------
    SolverError
        As :func:`~air_core.solver.sadmm`; also for λ_g ≤ 0.
    """
    if not lambda_scale > 0:
        raise SolverError(
            f"Expected lambda_scale > 0 for the exact solver, got {lambda_scale!r}.",
            hint="Without the penalty a separable problem has no optimum; use a small value.",
        )
    SolverConfig(lambda_scale=lambda_scale, lambda_1=lambda_1, group=group)  # checks them
    problem = make_problem(
        features, labels, n_classes, device=device, dtype=dtype, across=across, loss=loss
    )
    matrix = problem.matrix
    objective = Objective(problem, lambda_scale / matrix.p, lambda_1, group)
    shape = (matrix.p, problem.loss.n_classes)
    w = torch.zeros(shape, device=matrix.device, dtype=dtype)
    b = w[0].clone()
    if start is not None:
        w = torch.as_tensor(np.asarray(start[0]) * matrix.scale).to(w)
        b = torch.as_tensor(np.asarray(start[1])).to(w)
    found = minimize(
        objective, w, b, tolerance=tolerance, max_evaluations=max_evaluations, progress=progress
    )
    per_class = problem.over_all(lambda rows: activations(rows, found.w))
    return SolverResult(
        coef=(found.w / matrix.scale).cpu().numpy(),
        intercept=found.at.b.cpu().numpy(),
        activations=per_class.cpu().numpy(),
        last_activations=group_norms(per_class, group).cpu().numpy(),
        history=tuple(found.history),
        feature_scale=matrix.scale,
        lambda_g=objective.lambda_g,
        stop_reason=found.stop_reason,
        converged=found.converged,
        optimality=found.optimality,
    )
