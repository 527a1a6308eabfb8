"""The exact optimum of the AIR objective, with a certificate of how exact it is."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from air_core.errors import SolverError
from air_core.progress import ProgressCallback, silent
from air_core.solver.config import Group, SolverResult
from air_core.solver.objective import Evaluation, Objective, ZeroColumns
from air_core.solver.penalty import activations
from air_core.solver.problem import Problem, make_problem

MEMORY = 20
CHECK_EVERY = 8
SECOND_EVERY = 12
# An eigendecomposition of p × p takes about a second at p = 1,280 and grows with p³.
SPECTRAL_LIMIT = 2600


@dataclass(slots=True)
class _Memory:
    """The last steps and gradient changes of L-BFGS."""

    steps: list[torch.Tensor] = field(default_factory=list)
    changes: list[torch.Tensor] = field(default_factory=list)
    inner: list[float] = field(default_factory=list)

    def add(self, step: torch.Tensor, change: torch.Tensor) -> None:
        product = float((step * change).sum())
        # A pair without positive curvature is rounding noise: it would bend the metric.
        if product > 1e-10 * float(step.norm() * change.norm()):
            self.steps.append(step)
            self.changes.append(change)
            self.inner.append(product)
            if len(self.steps) > MEMORY:
                del self.steps[0], self.changes[0], self.inner[0]

    def direction(self, gradient: torch.Tensor, metric: Metric) -> torch.Tensor:
        """Two-loop recursion started from the metric."""
        q = gradient.clone()
        alphas = []
        pairs = list(zip(self.steps, self.changes, self.inner, strict=True))
        for step, change, inner in reversed(pairs):
            alpha = float((step * q).sum()) / inner
            q -= alpha * change
            alphas.append(alpha)
        q = metric.solve(q)
        for (step, change, inner), alpha in zip(pairs, reversed(alphas), strict=True):
            q += (alpha - float((change * q).sum()) / inner) * step
        return -q


class Metric:
    """An approximate second derivative that is cheap to invert.

    Per class, ``κ_c XᵀX + d_c diag(h)`` with ``h = Σ_i x_i²``: κ is the mean curvature of the loss
    and d that of the penalty, whose diagonal is close to a multiple of h. One eigendecomposition
    of the features, made once, inverts it for every class and every λ_g. For very many features
    its diagonal alone is used.
    """

    def __init__(self, objective: Objective, at: Evaluation) -> None:
        assert at.curvature is not None
        loss, penalty = at.curvature
        self._diagonal = torch.ones(())
        self._spectrum: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None = None
        if objective.matrix.p > SPECTRAL_LIMIT:
            diagonal = loss + penalty + 2 * objective.lambda_1
            # A feature that is zero in every image has no curvature and no gradient either.
            self._diagonal = torch.where(diagonal > 0, diagonal, 1.0)
            return
        total = objective.column_squares.sum()
        kappa = loss.sum(dim=0, keepdim=True) / total
        hold = penalty.sum(dim=0, keepdim=True) / total
        root, vectors, values = objective.matrix.spectrum()
        # A class of zeros has no penalty curvature; it does not move either.
        floor = 1e-6 * (kappa + hold).amax().clamp_min(1e-30)
        self._spectrum = (root, vectors, 1 / (kappa * values + hold.clamp_min(floor)))

    def solve(self, q: torch.Tensor) -> torch.Tensor:
        """The inverse applied to columns (p, C)."""
        if self._spectrum is None:
            return q / self._diagonal
        root, vectors, inverse = self._spectrum
        return root * (vectors @ (inverse * (vectors.T @ (root * q))))


@dataclass(slots=True)
class Optimum:
    """Where :func:`minimize` ended."""

    w: torch.Tensor
    at: Evaluation
    optimality: float
    converged: bool
    stop_reason: str
    history: list[dict[str, float]]


def minimize(
    objective: Objective,
    w: torch.Tensor,
    b: torch.Tensor,
    *,
    tolerance: float = 1e-4,
    max_evaluations: int = 3000,
    progress: ProgressCallback = silent,
) -> Optimum:
    """Minimise the AIR objective from a starting point.

    L-BFGS on the columns that are not zero, preconditioned by the diagonal of an upper bound of
    the second derivative, with the bias brought to its optimum at every point. Columns whose
    optimum is zero are recognised by their dual norm and set to zero; columns of zeros that
    should not be are let go.

    Parameters
    ----------
    objective : Objective
    w : Tensor of shape (p, C)
        May be zero.
    b : Tensor of shape (C,)
    tolerance : float
        Stop when the relative duality gap or the relative gradient norm is at most this. The
        gradient is compared with the loss's gradient where all weights are zero.
    max_evaluations : int
    progress : callable

    Returns
    -------
    Optimum
        ``optimality`` is the smaller of the two, ``converged`` whether it is within ``tolerance``.
    """
    memory = _Memory()
    at = objective.evaluate(w, b, second=True)
    metric = Metric(objective, at)
    started = objective.evaluations
    history: list[dict[str, float]] = []
    unit = float(objective.evaluate(torch.zeros_like(w), at.b).loss_gradient.norm())
    steps, first, stalled = 0, 0.0, 0
    optimality, reason = float("inf"), ""
    while True:
        if steps % CHECK_EVERY == 0 or stalled:
            w, at, zero, moved = _settle_zeros(objective, w, at)
            if moved:
                memory, metric = _Memory(), Metric(objective, at)
            gap = objective.duality_gap(w, at, zero)
            slope = float(torch.where(zero.mask, 0.0, at.gradient).norm()) / max(unit, 1e-30)
            optimality = min(gap, slope)
            used = objective.evaluations - started
            history.append(
                {"evaluations": used, "objective": at.value, "gap": gap, "gradient": slope}
            )
            first = first or max(optimality, tolerance)
            progress(_percent(optimality, first, tolerance), 100, "Fitting AIR")
            reached = f"relative duality gap {gap:.1e}, relative gradient norm {slope:.1e}"
            if optimality <= tolerance:
                reason = f"{reached}: one of them is within {tolerance:.0e}"
                break
            if used >= max_evaluations:
                reason = f"{reached} after {used} evaluations, the most allowed"
                break
            if stalled > 2:
                reason = f"{reached}: no further descent in {at.gradient.dtype}"
                break
        steps += 1
        gradient = torch.where(_zero_mask(w, objective.per_class), 0.0, at.gradient)
        direction = memory.direction(gradient, metric)
        found = _line_search(
            objective, w, at, direction, gradient, second=steps % SECOND_EVERY == 0
        )
        if found is None:
            # Old curvature can point nowhere; without it the next step is plain descent.
            memory, stalled = _Memory(), stalled + 1
            at = objective.evaluate(w, at.b, second=True)
            metric = Metric(objective, at)
            continue
        stalled = 0
        new_w, new = found
        live = ~_zero_mask(w, objective.per_class)
        memory.add(new_w - w, torch.where(live, new.gradient - at.gradient, 0.0))
        w, at = new_w, new
        if new.curvature is not None:
            metric = Metric(objective, new)
    return Optimum(w, at, optimality, optimality <= tolerance, reason, history)


def _percent(optimality: float, first: float, tolerance: float) -> int:
    """Share of the way from the first value to the tolerance, on a log scale."""
    if not np.isfinite(optimality) or optimality <= tolerance or first <= tolerance:
        return 0 if not np.isfinite(optimality) else 100
    done = np.log(first / optimality) / np.log(first / tolerance)
    return int(np.clip(100 * done, 0, 99))


def _zero_mask(w: torch.Tensor, per_class: bool) -> torch.Tensor:
    """Columns of zeros, shape (1, C); with one group an image, all columns or none."""
    zero = (w == 0).all(dim=0, keepdim=True)
    return zero if per_class else zero.all().expand_as(zero)


def _line_search(
    objective: Objective,
    w: torch.Tensor,
    at: Evaluation,
    direction: torch.Tensor,
    gradient: torch.Tensor,
    *,
    second: bool,
) -> tuple[torch.Tensor, Evaluation] | None:
    """Backtrack until the objective falls enough; near the optimum, until the slope does.

    Close to the optimum the change of the objective drowns in rounding; the slope along the
    direction still tells (the approximate Wolfe condition of Hager and Zhang).
    """
    slope = float((gradient * direction).sum())
    if not slope < 0:
        return None
    noise = 10 * torch.finfo(w.dtype).eps * abs(at.value)
    step = 1.0
    for _ in range(25):
        new_w = w + step * direction
        new = objective.evaluate(new_w, at.b, second=second)
        if new.value <= at.value + 1e-4 * step * slope:
            return new_w, new
        new_slope = float((new.gradient * direction).sum())
        if new.value <= at.value + noise and slope * 0.9 <= new_slope <= -0.8 * slope:
            return new_w, new
        # Minimum of the parabola through what is known, kept away from both ends.
        denominator = 2 * (new.value - at.value - step * slope)
        guess = -slope * step**2 / denominator if denominator > 0 else step / 2
        step = min(max(guess, 0.1 * step), 0.5 * step)
    return None


def _settle_zeros(
    objective: Objective, w: torch.Tensor, at: Evaluation
) -> tuple[torch.Tensor, Evaluation, ZeroColumns, bool]:
    """Set columns to zero whose optimum it is, and let go those that should move.

    Returns the weights, their evaluation, why their columns of zeros may stay, and whether any
    column was set or let go.
    """
    zero = _zero_mask(w, objective.per_class)
    moved = False
    size = torch.linalg.vector_norm(w, dim=0, keepdim=True)
    if not objective.per_class:
        size = torch.linalg.vector_norm(size, dim=1, keepdim=True).expand_as(size)
    candidates = ~zero & (size <= 0.05 * size.amax() if objective.per_class else size < 1e-2)
    if bool(candidates.any()):
        trial = torch.where(candidates, 0.0, w)
        there = objective.evaluate(trial, at.b, second=True)
        verdict = objective.zero_columns(there, candidates)
        settle = candidates & (verdict.threshold <= objective.lambda_g)
        if bool(settle.any()):
            w = torch.where(settle, 0.0, w)
            at = objective.evaluate(w, at.b, second=True)
            zero, moved = zero | settle, True
    verdict = objective.zero_columns(at, zero)
    release = zero & (verdict.threshold > objective.lambda_g * (1 + 1e-6))
    if bool(release.any()):
        w, at = _release(objective, w, at, verdict.direction, release)
        verdict, moved = objective.zero_columns(at, _zero_mask(w, objective.per_class)), True
    return w, at, verdict, moved


def _release(
    objective: Objective,
    w: torch.Tensor,
    at: Evaluation,
    direction: torch.Tensor,
    release: torch.Tensor,
) -> tuple[torch.Tensor, Evaluation]:
    """Move columns away from zero along the steepest direction, as far as it pays."""
    push = torch.where(release, direction, 0.0)
    # At this length the columns' mean activation is 1 % of a feature row.
    step = 0.01 * objective.matrix.n
    best_w, best = w, at
    for _ in range(30):
        new_w = w + step * push
        new = objective.evaluate(new_w, at.b, second=True)
        if new.value < best.value:
            best_w, best = new_w, new
            step *= 2
        elif best_w is not w:
            break
        else:
            step /= 4
    if best_w is w:  # the gain is below rounding: the column is zero for all purposes
        return w, objective.evaluate(w, at.b, second=True)
    return best_w, best


def largest_lambda(problem: Problem, group: Group) -> float:
    """λ_max, the smallest λ_g at which all weights are zero."""
    objective = Objective(problem, 0.0, 0.0, group)
    w = torch.zeros(
        (problem.matrix.p, problem.loss.n_classes),
        device=problem.matrix.device,
        dtype=problem.matrix.dtype,
    )
    at = objective.evaluate(w, w[0])
    return float(objective.zero_columns(at, _zero_mask(w, objective.per_class)).threshold.amax())


def exact(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    n_classes: int | None = None,
    lambda_scale: float = 10.0,
    lambda_1: float = 1e-6,
    group: Group = "image_class",
    tolerance: float = 1e-4,
    max_evaluations: int = 3000,
    start: tuple[NDArray[np.floating], NDArray[np.floating]] | None = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
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
    tolerance : float
        Reach a relative duality gap ``(objective − lower bound) / objective`` of this, or a
        gradient norm of this relative to the loss's gradient at zero weights.
    max_evaluations : int
        Evaluations of the objective before giving up.
    start : (coef, intercept), optional
        For the features as given; a solution at a λ_g nearby saves most of the work.
    device, dtype
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
    problem = make_problem(features, labels, n_classes, device=device, dtype=dtype)
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
    per_class = activations(matrix, found.w).cpu().numpy()
    return SolverResult(
        coef=(found.w / matrix.scale).cpu().numpy(),
        intercept=found.at.b.cpu().numpy(),
        activations=per_class,
        last_activations=found.at.norms.cpu().numpy(),
        history=tuple(found.history),
        feature_scale=matrix.scale,
        lambda_g=objective.lambda_g,
        stop_reason=found.stop_reason,
        converged=found.converged,
        optimality=found.optimality,
    )
