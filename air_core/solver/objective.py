"""The AIR objective at a point: value, gradient, and a certificate of optimality."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from air_core.errors import SolverError
from air_core.solver.problem import Problem


@dataclass(slots=True)
class Evaluation:
    """The objective at (w, b), with b the best bias for this w.

    Attributes
    ----------
    value : float
        Eq. 3 with ``v = F w``.
    b : Tensor of shape (C,)
    loss_gradient, gradient : Tensor of shape (p, C)
        Of the loss alone, and of the objective; the latter on the active columns.
    residual : Tensor of shape (n, C)
    norms, inverse : Tensor of shape (n, groups)
        ``‖x_i ∘ w‖`` and its inverse, 0 where the norm is 0.
    curvature : tuple of Tensor of shape (p, C), or None
        Diagonals of the second derivative of the loss, and of an upper bound of the penalty's.
    """

    value: float
    b: torch.Tensor
    loss_gradient: torch.Tensor
    gradient: torch.Tensor
    residual: torch.Tensor
    norms: torch.Tensor
    inverse: torch.Tensor
    curvature: tuple[torch.Tensor, torch.Tensor] | None = None


class Objective:
    """``loss(XW + b) + λ1‖W‖² + λ_g Σ_g ‖x_i ∘ w‖`` for one λ_g.

    Away from ``w = 0`` the penalty is smooth: ``‖x_i ∘ w_c‖ = sqrt([X²(w_c ∘ w_c)]_i)`` has the
    gradient ``[X²ᵀ(1/r_c)] ∘ w_c``, and no n·p·C array is needed.

    Parameters
    ----------
    problem : Problem
    lambda_g, lambda_1 : float
    group : {"image_class", "image"}
    """

    def __init__(self, problem: Problem, lambda_g: float, lambda_1: float, group: str) -> None:
        self.problem = problem
        self.matrix, self.loss = problem.matrix, problem.loss
        self.across = problem.matrix.across
        self.lambda_g, self.lambda_1 = lambda_g, lambda_1
        self.group, self.per_class = group, group == "image_class"
        self.column_squares = self.matrix.column_squares()
        self.evaluations = 0
        self._directions: torch.Tensor | None = None

    def grouped(self, per_class: torch.Tensor) -> torch.Tensor:
        """Sum over the classes of a group: (n, C) → (n, groups)."""
        return per_class if self.per_class else per_class.sum(dim=1, keepdim=True)

    def evaluate(self, w: torch.Tensor, b: torch.Tensor, *, second: bool = False) -> Evaluation:
        """Value and gradient at w; the bias starts from b and is brought to its optimum."""
        self.evaluations += 1
        scores, squares = self.matrix.forward_both(w, w.square())
        b = self.loss.best_bias(scores, b, steps=_BIAS_STEPS)
        scores = scores + b
        norms = self.grouped(squares).clamp_min_(0).sqrt_()
        inverse = self._inverse(norms)
        residual = self.loss.residual(scores)
        weights = inverse
        if second:
            weights = torch.cat([inverse, self.loss.curvature(scores)], dim=1)
        loss_gradient, collected = self.matrix.adjoint_both(residual, weights)
        groups = inverse.shape[1]
        pull = self.lambda_g * collected[:, :groups]
        value = self.across.total(self.loss.value(scores) + self.lambda_g * _sum(norms))
        return Evaluation(
            value=value + self.lambda_1 * _sum(w.square()),
            b=b,
            loss_gradient=loss_gradient,
            gradient=loss_gradient + pull * w + 2 * self.lambda_1 * w,
            residual=residual,
            norms=norms,
            inverse=inverse,
            curvature=(collected[:, groups:], pull.expand_as(w)) if second else None,
        )

    def duality_gap(self, w: torch.Tensor, at: Evaluation, zero: ZeroColumns) -> float:
        """Relative gap between the objective and a lower bound of it: 0 at the optimum.

        A dual point is a residual R with zero column sums such that
        ``−XᵀR_c = Σ_i x_i ∘ u_ic + 2λ1 w_c`` with every ``‖u_ic‖ ≤ λ_g``; its value is the entropy
        of the label distribution that R means, less ``λ1‖W‖²``. Take ``u = λ_g x∘w/‖x∘w‖``, put
        what is missing from stationarity (the gradient G)
        into it as ``−x ∘ (G / Σ_i x_i²)``, and shrink R by the factor that makes it feasible.
        """
        direction, scale = w, self.lambda_g * at.inverse
        gradient = at.gradient
        if zero.any():
            # For a column of zeros u comes from the certificate that zero is its optimum.
            direction = torch.where(zero.mask, zero.direction, w)
            scale = torch.where(self._rowwise(zero.mask), zero.scale, scale)
            gradient = torch.where(zero.mask, zero.remainder, gradient)
        missing = gradient / self.column_squares.clamp_min(torch.finfo(w.dtype).tiny)
        missing = torch.where(self.column_squares > 0, missing, 0.0)
        stacked = torch.cat([direction.square(), direction * missing, missing.square()], dim=1)
        parts = self.matrix.forward_squared(stacked).chunk(3, dim=1)
        first, cross, last = (self.grouped(part) for part in parts)
        squared = scale.square() * first - 2 * scale * cross + last
        largest = float(self.across.largest(squared.clamp_min(0).amax()).sqrt())
        if not math.isfinite(largest):  # features of hardly any size: nothing is certified
            return 1.0
        shrink = min(1.0, self.lambda_g / largest) if largest > 0 else 1.0
        # −XᵀR = Fᵀu + 2λ1 w, and the conjugate of λ1‖w‖² at 2λ1 w is λ1‖w‖².
        ridge = shrink**2 * self.lambda_1 * _sum(w.square())
        bound = self.across.total(self.loss.dual_value(shrink * at.residual)) - ridge
        # Where the bias is not quite at its optimum the residual's columns do not sum to zero, and
        # the bound is off by what the bias makes of that.
        bound -= shrink * _sum((self.across.sum(at.residual.sum(dim=0)) * at.b).abs())
        # A bound above the objective is no bound: beyond rounding it says how wrong it is.
        return abs(at.value - bound) / max(abs(at.value), 1e-30)

    def _rowwise(self, mask: torch.Tensor) -> torch.Tensor:
        return mask if self.per_class else mask.all(dim=1, keepdim=True)[:1]

    def zero_columns(
        self, at: Evaluation, mask: torch.Tensor, *, enough: float = math.inf
    ) -> ZeroColumns:
        """For columns of zeros, the smallest λ_g that keeps them at zero.

        Parameters
        ----------
        at : Evaluation
            At weights whose masked columns are zero.
        mask : Tensor of shape (1, C), bool
        enough : float
            The search ends as soon as it finds a threshold of this much: each one it passes on
            its way is a lower bound of the last.

        Notes
        -----
        Zero is optimal for column c as long as λ_g is at least the dual norm of the loss gradient
        z, ``max ⟨z, w⟩ / Σ_i ‖x_i ∘ w‖``. At its maximum ``z ∝ [X²ᵀ(1/r)] ∘ w``, a fixed point
        that is found by re-weighting.
        """
        p, classes = at.loss_gradient.shape
        groups = at.norms.shape[1]
        new = at.norms.new_zeros
        verdict = ZeroColumns(
            mask=mask,
            direction=new((p, classes)),
            scale=new((self.matrix.n, groups)),
            remainder=new((p, classes)),
            threshold=new((1, classes)),
        )
        if not verdict.any():
            return verdict
        # Only the columns asked about; a group of all classes is asked about as a whole.
        chosen = mask[0] if self.per_class else slice(None)
        z = -at.loss_gradient[:, chosen]
        # A constant feature tells nothing beside a bias: what is left of its sum is rounding.
        size = self.across.sum(at.residual[:, chosen].square().sum(dim=0)).sqrt()
        unit = self.column_squares.sqrt() * size
        tiny = torch.finfo(z.dtype).tiny
        told = (z.abs() > _ROUNDING * torch.finfo(z.dtype).eps * unit) & (
            self.column_squares > tiny
        )
        z = torch.where(told, z, 0.0)
        if self._directions is None:
            self._directions = -at.loss_gradient / self.column_squares.clamp_min(tiny)
        # Where the last search for this λ_g ended.
        w = torch.where(z != 0, self._directions[:, chosen], 0.0)
        before = torch.zeros((1, 1), device=z.device, dtype=z.dtype)
        for step in range(_REWEIGHTINGS):
            norms = self.grouped(self.matrix.forward_squared(w.square())).clamp_min(0).sqrt()
            total = self.across.sum(norms.sum(dim=0, keepdim=True)).clamp_min(tiny)
            w, norms = w / total, norms / total
            inverse = self._inverse(norms)
            pull = self.matrix.adjoint_squared(inverse)
            threshold = self._product(z, w)
            moved = float((threshold - before).abs().amax())
            largest = float(threshold.abs().amax())
            if moved <= 1e-5 * largest or largest >= enough or step == _REWEIGHTINGS - 1:
                break
            before = threshold
            w = z / pull.clamp_min(tiny)
        self._directions[:, chosen] = w
        verdict.direction[:, chosen] = w
        verdict.remainder[:, chosen] = threshold * pull * w - z
        verdict.scale[:, mask[0] if self.per_class else slice(None)] = threshold * inverse
        verdict.threshold[:, chosen] = threshold
        return verdict

    def _inverse(self, norms: torch.Tensor) -> torch.Tensor:
        """``1/‖x_i ∘ w‖``, and 0 for a column of zeros.

        Images that share no feature with w are driven to zero ever more closely. Below one ulp of
        the mean norm they are held there: any vector of length ≤ 1 is a subgradient at zero, and
        the inverse stays in range.
        """
        mean = self.across.sum(norms.sum(dim=0, keepdim=True)) / self.matrix.count
        floor = torch.finfo(norms.dtype).eps * mean
        # Norms are not negative: a mean of zero is a column of zeros.
        return torch.where(mean > 0, 1 / torch.maximum(norms, floor), 0.0)

    def _product(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """``⟨a_c, b_c⟩`` per group of columns, shape (1, groups)."""
        product = (a * b).sum(dim=0, keepdim=True)
        return product if self.per_class else product.sum(dim=1, keepdim=True)


_REWEIGHTINGS = 60
# Of a sum of n terms, in units of its last place and of the terms' size: measured up to 5.
_ROUNDING = 64
# Newton's steps on the bias; they end by themselves, mostly after one or two.
_BIAS_STEPS = 40


@dataclass(slots=True)
class ZeroColumns:
    """Columns at zero, and why they may stay there; see :meth:`Objective.zero_columns`.

    ``threshold`` (1, C) is the λ_g above which each masked column is zero at the optimum.
    """

    mask: torch.Tensor
    direction: torch.Tensor
    scale: torch.Tensor
    remainder: torch.Tensor
    threshold: torch.Tensor

    def any(self) -> bool:
        """Whether there is a column of zeros at all."""
        return bool(self.mask.any())


def largest_lambda(problem: Problem, group: str, *, enough: float = math.inf) -> float:
    """λ_max, the smallest λ_g at which all weights are zero; computed once for a problem.

    Parameters
    ----------
    problem : Problem
    group : {"image_class", "image"}
    enough : float
        Some number between this and λ_max will do where λ_max is larger.
    """
    known, final = problem.largest_lambdas.get(group, (0.0, False))
    if final or known >= enough:
        return known
    objective = Objective(problem, 0.0, 0.0, group)
    matrix = problem.matrix
    w = torch.zeros((matrix.p, problem.loss.n_classes), device=matrix.device, dtype=matrix.dtype)
    at = objective.evaluate(w, w[0])
    everything = torch.ones((1, w.shape[1]), dtype=torch.bool, device=w.device)
    found = float(objective.zero_columns(at, everything, enough=enough).threshold.amax())
    problem.largest_lambdas[group] = found, found < enough
    return found


def check_lambda_max(lambda_max: float) -> None:
    """Refuse a λ_max of 0, from which no path can start.

    Raises
    ------
    SolverError
        If no feature differs between the classes.
    """
    if lambda_max == 0:
        raise SolverError(
            "Expected features that differ between the classes, got none: λ_max is 0.",
            hint="Check that the features are those of these images.",
        )


def _sum(values: torch.Tensor) -> float:
    exact = values.dtype if values.device.type == "mps" else torch.float64
    return float(values.sum(dtype=exact))
