"""Minimising the AIR objective from a starting point, columns of zeros included."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from air_core.progress import ProgressCallback, silent
from air_core.solver.metric import Memory, Metric
from air_core.solver.objective import Evaluation, Objective, ZeroColumns, largest_lambda

CHECK_EVERY = 8
SECOND_EVERY = 12
# Checks without progress before the end of what the precision allows is taken to be reached.
PATIENCE = 12
# The paper's λ1, with room.
_VERY_SMALL = 1e-5


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

    L-BFGS on the columns that are not zero, started from a :class:`~air_core.solver.metric.Metric`
    and with the bias brought to its optimum at every point. Columns whose optimum is zero are
    recognised by their dual norm and set to zero; columns of zeros that should not be are let go.

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
    if bool(w.any()) and _silences_all(objective):
        w = torch.zeros_like(w)
    memory = Memory()
    at = objective.evaluate(w, b, second=True)
    metric = Metric(objective, at)
    started = objective.evaluations - 1
    history: list[dict[str, float]] = []
    unit = max(objective.problem.null_slope, 1e-30)
    steps, first, stalled = 0, 0.0, 0
    optimality, reason = float("inf"), ""
    while True:
        slope = _slope(objective, w, at) / unit
        # The slope costs nothing; columns of zeros and the gap are looked at less often.
        if steps % CHECK_EVERY == 0 or stalled or slope <= tolerance:
            w, at, zero, moved = _settle_zeros(objective, w, at, tolerance)
            if moved:
                memory, metric = Memory(), Metric(objective, at)
            gap = objective.duality_gap(w, at, zero)
            # Of a column of zeros the slope is how far its dual norm exceeds λ_g.
            excess = (zero.threshold / objective.lambda_g - 1)[zero.mask]
            slope = max(_slope(objective, w, at) / unit, *excess.tolist(), 0.0)
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
            if stalled > 2 or _at_rest(history, at.gradient.dtype):
                reason = f"{reached}: no further descent in {at.gradient.dtype}"
                break
        steps += 1
        gradient = torch.where(zero_mask(w, objective.per_class), 0.0, at.gradient)
        direction = memory.direction(gradient, metric)
        found = _line_search(
            objective, w, at, direction, gradient, second=steps % SECOND_EVERY == 0
        )
        if found is None:
            # Old curvature can point nowhere; without it the next step is plain descent.
            memory, stalled = Memory(), stalled + 1
            at = objective.evaluate(w, at.b, second=True)
            metric = Metric(objective, at)
            continue
        stalled = 0
        new_w, new = found
        live = ~zero_mask(w, objective.per_class)
        memory.add(new_w - w, torch.where(live, new.gradient - at.gradient, 0.0))
        w, at = new_w, new
        if new.curvature is not None:
            metric = Metric(objective, new)
    return Optimum(w, at, optimality, optimality <= tolerance, reason, history)


def _at_rest(history: list[dict[str, float]], dtype: torch.dtype) -> bool:
    """Whether the last checks moved neither the objective beyond rounding nor the certificate."""
    if len(history) <= PATIENCE:
        return False
    fell = history[-1 - PATIENCE]["objective"] - history[-1]["objective"]
    if fell > 10 * torch.finfo(dtype).eps * abs(history[-1]["objective"]):
        return False
    reached = [min(record["gap"], record["gradient"]) for record in history]
    return min(reached[-PATIENCE:]) > 0.9 * min(reached[:-PATIENCE])


def _silences_all(objective: Objective) -> bool:
    """Whether λ_g is at least λ_max, so that all weights are zero at the optimum.

    Columns that shrink together are never small beside each other, so it has to be asked once.
    """
    level = objective.lambda_g
    return largest_lambda(objective.problem, objective.group, enough=level * (1 + 1e-6)) <= level


def _slope(objective: Objective, w: torch.Tensor, at: Evaluation) -> float:
    """Norm of the gradient by the columns that are not zero."""
    return float(torch.where(zero_mask(w, objective.per_class), 0.0, at.gradient).norm())


def _percent(optimality: float, first: float, tolerance: float) -> int:
    """Share of the way from the first value to the tolerance, on a log scale."""
    if not np.isfinite(optimality) or optimality <= tolerance or first <= tolerance:
        return 0 if not np.isfinite(optimality) else 100
    done = np.log(first / optimality) / np.log(first / tolerance)
    return int(np.clip(100 * done, 0, 99))


def zero_mask(w: torch.Tensor, per_class: bool) -> torch.Tensor:
    """Which columns are zero, shape (1, C); with one group an image, all of them or none."""
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
    objective: Objective, w: torch.Tensor, at: Evaluation, tolerance: float
) -> tuple[torch.Tensor, Evaluation, ZeroColumns, bool]:
    """Set columns to zero whose optimum it is, and let go those that should move.

    A column whose dual norm exceeds λ_g by less than half the tolerance may stay.

    Returns the weights, their evaluation, why their columns of zeros may stay, and whether any
    column was set or let go.
    """
    zero = zero_mask(w, objective.per_class)
    moved, settled = False, torch.zeros_like(zero)
    size = torch.linalg.vector_norm(w, dim=0, keepdim=True)
    if not objective.per_class:
        size = torch.linalg.vector_norm(size, dim=1, keepdim=True).expand_as(size)
    candidates = ~zero & (size <= 0.05 * size.amax() if objective.per_class else size < 1e-2)
    if bool(candidates.any()):
        trial = torch.where(candidates, 0.0, w)
        there = objective.evaluate(trial, at.b, second=True)
        verdict = objective.zero_columns(there, candidates)
        settled = candidates & (verdict.threshold <= objective.lambda_g)
        # Where its neighbours are not quite at their optimum, a column may seem to be worth a hair
        # more than zero without being better than it.
        if there.value <= at.value and bool((~zero & ~candidates).any()):
            settled = candidates
        if bool(settled.any()):
            w = torch.where(settled, 0.0, w)
            at = objective.evaluate(w, at.b, second=True)
            zero, moved = zero | settled, True
    verdict = objective.zero_columns(at, zero)
    # What has just been set stays until the others have moved.
    release = zero & ~settled & (verdict.threshold > objective.lambda_g * (1 + tolerance / 2))
    if bool(release.any()):
        w, at = _release(objective, w, at, verdict.direction, release)
        verdict, moved = objective.zero_columns(at, zero_mask(w, objective.per_class)), True
    return w, at, verdict, moved


def _release(
    objective: Objective,
    w: torch.Tensor,
    at: Evaluation,
    direction: torch.Tensor,
    release: torch.Tensor,
) -> tuple[torch.Tensor, Evaluation]:
    """Move columns away from zero along the steepest direction, as far as it pays."""
    squares = objective.column_squares
    # The steepest direction has long weights for features that are nearly zero, for which a larger
    # λ1 leaves hardly anything to gain: the other leaves those where they are.
    shares = [torch.ones_like(squares)]
    if objective.lambda_1 > _VERY_SMALL:
        shares.append(squares / (squares + squares.mean()))
    pushes = (torch.where(release, share * direction, 0.0) for share in shares)
    found = [_push(objective, w, at, push) for push in pushes]
    lower = [one for one in found if one is not None]
    if not lower:  # the gain is below rounding: the column is zero for all purposes
        return w, objective.evaluate(w, at.b, second=True)
    return min(lower, key=lambda one: one[1].value)


def _push(
    objective: Objective, w: torch.Tensor, at: Evaluation, push: torch.Tensor
) -> tuple[torch.Tensor, Evaluation] | None:
    """The lowest point found along a direction; None where it only rises."""
    # At this length the columns' mean activation is 1 % of a feature row.
    step = 0.01 * objective.matrix.count
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
    return None if best_w is w else (best_w, best)
