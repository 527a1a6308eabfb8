"""Second-order information of the exact solver: a metric that is cheap to invert, and L-BFGS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import torch

from air_core.solver.matrix import FeatureMatrix
from air_core.solver.objective import Evaluation, Objective

MEMORY = 20
# An eigendecomposition of p × p takes about a second at p = 1,280 and grows with p³.
SPECTRAL_LIMIT = 2600
# How much more curvature for their size some features may have than others.
UNEVEN = 100.0


@dataclass(slots=True)
class Memory:
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

    Per class, ``κ_c XᵀX + D_c``: κ is the mean curvature of the loss and D the diagonal of the
    penalties' curvature, λ1's included. On most features D is close to a multiple of
    ``h = Σ_i x_i²``, and one eigendecomposition, made once, inverts it for every class and every
    λ_g. Where it is not, because λ1 is not small or features differ a thousandfold in size, some
    steps would be a thousand times too long: then a Cholesky factor is made with the mean of D/κ
    over the classes, as often as that changes. For very many features the diagonal alone is used.
    """

    def __init__(self, objective: Objective, at: Evaluation) -> None:
        assert at.curvature is not None
        self._matrix = objective.matrix
        self._loss, penalty = at.curvature
        # A class of zeros has no penalty curvature; it does not move either.
        self._penalty = torch.where(penalty > 0, penalty + 2 * objective.lambda_1, 0.0)

    @cached_property
    def solve(self) -> Callable[[torch.Tensor], torch.Tensor]:
        """The inverse applied to columns (p, C); prepared when it is first asked for.

        Between two points of a path the first look is often enough.
        """
        matrix, penalty = self._matrix, self._penalty
        if matrix.p > SPECTRAL_LIMIT:
            return _by_diagonal(self._loss + penalty)
        squares = matrix.column_squares()
        kappa = self._loss.sum(dim=0, keepdim=True) / squares.sum()
        solve = None
        if matrix.device.type != "mps" and _uneven(penalty, squares):
            solve = _by_factor(matrix, kappa, penalty)
        return solve or _by_spectrum(matrix, kappa, penalty)


def _by_diagonal(diagonal: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    # A feature that is zero in every image has no curvature and no gradient either.
    diagonal = torch.where(diagonal > 0, diagonal, 1.0)
    return lambda q: q / diagonal


def _by_spectrum(
    matrix: FeatureMatrix, kappa: torch.Tensor, penalty: torch.Tensor
) -> Callable[[torch.Tensor], torch.Tensor]:
    """With D of each class taken as a multiple of h."""
    root, vectors, values = matrix.spectrum()
    hold = penalty.sum(dim=0, keepdim=True) / matrix.column_squares().sum()
    floor = 1e-6 * (kappa + hold).amax().clamp_min(1e-30)
    inverse = 1 / (kappa * values + hold.clamp_min(floor))
    return lambda q: root * (vectors @ (inverse * (vectors.T @ (root * q))))


def _by_factor(
    matrix: FeatureMatrix, kappa: torch.Tensor, penalty: torch.Tensor
) -> Callable[[torch.Tensor], torch.Tensor] | None:
    """With D/κ of each class taken as their geometric mean; None where rounding forbids it.

    A factor for each class costs C times as much and took no fewer evaluations.
    """
    live = ((penalty > 0).any(dim=0) & (kappa[0] > 0)).nonzero().squeeze(1)
    kappa = kappa[:, live]
    per_kappa = penalty[:, live] / kappa
    used = (per_kappa > 0).all(dim=1, keepdim=True)
    mean = torch.where(used, per_kappa, 1.0).log().mean(dim=1, keepdim=True).exp()
    root = torch.where(used, mean.rsqrt(), 0.0)
    factor = root * matrix.centred_moments() * root.T
    factor.diagonal().add_(1.0)
    factor, failed = torch.linalg.cholesky_ex(factor)
    # Processes that solve one problem must find the same direction to the last digit.
    if bool(matrix.across.same(failed.to(root))):
        return None
    factor = matrix.across.same(factor)

    def solve(q: torch.Tensor) -> torch.Tensor:
        solved = torch.zeros_like(q)
        solved[:, live] = root * torch.cholesky_solve(root * q[:, live], factor) / kappa
        return solved

    return solve


def _uneven(penalty: torch.Tensor, squares: torch.Tensor) -> bool:
    """Whether D is far from a multiple of h for any class that is not zero."""
    ratio = penalty[squares[:, 0] > 0] / squares[squares[:, 0] > 0]
    ratio = ratio[:, (ratio > 0).all(dim=0)]
    return bool((ratio.amax(dim=0) > UNEVEN * ratio.amin(dim=0)).any())
