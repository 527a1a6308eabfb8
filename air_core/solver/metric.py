"""Second-order information of the exact solver: a metric that is cheap to invert, and L-BFGS."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from air_core.solver.objective import Evaluation, Objective

MEMORY = 20
# An eigendecomposition of p × p takes about a second at p = 1,280 and grows with p³.
SPECTRAL_LIMIT = 2600


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
