"""The paper's v and u without their n·p·C numbers, exactly.

From the v- and u-updates of Eq. 5, with ``z = F w − u/ρ`` and the prox factor ``s`` of Eq. 6,
``v = s z`` and ``u⁺ = −ρ (1 − s) z``. By induction every dual is the image times a combination of
past weights, ``u_{i,c} = x_i ∘ a_{i,c}``, and

    a⁺ = (1 − s) (a − ρ w).

Unrolling that gives ``a = −Σ_t π_t ρ_t w_t`` whose coefficients π differ between groups: one
number per group and past step. Summed by parts over ``D_t = Σ_{r ≥ t} ρ_r w_r`` it becomes

    a = −Σ_t d_t D_t,   with per step   D_t ← D_t + ρ w,   d_new = s_previous,   d ← (1 − s) d.

The D_t are shared by all groups, and each d_t is *sparse in time*: a group that the prox
suppresses (s = 0) gets no new coefficient and keeps the old ones unchanged, however long it stays
suppressed, and one that it lets through forgets its past by the factor (1 − s) a step. So a few
"slots" t hold everything: the slot of birth for groups never let through, and the last few steps.
Slots nobody uses are dropped, and two neighbours are merged where that changes the duals by less
than a stated tolerance; the largest such change is reported.
"""

from __future__ import annotations

import torch

from air_core.solver.matrix import FeatureMatrix
from air_core.solver.penalty import shrinkage

# Some 1.3 GB at n = 50,000, p = 1,280, C = 100. Below λ_max forty at most were in use.
MOST_SLOTS = 64


class GroupDuals:
    """v and u of the groups of some rows, in matrix-free form.

    Parameters
    ----------
    matrix : FeatureMatrix
        The rows, (n, p).
    n_classes : int
        C.
    per_class : bool
        True: a group is an image in one class (n·C groups). False: an image over all classes.
    tolerance : float
        Largest relative change of the duals that a merge of two slots may make; 0 merges nothing.
        Memory is ``slots · (p·C + groups)``. Past λ_max, where groups fall asleep at all times and
        no weight means much, slots would become as many as steps: beyond 64 the nearest two are
        merged at any cost, which ``largest_merge`` shows.

    Attributes
    ----------
    norms : Tensor of shape (n, C) or (n, 1)
        ``‖v_g‖`` after the last step.
    largest_merge : float
        Largest change of the duals, relative to the largest of them, that one merge has made.
    """

    def __init__(
        self, matrix: FeatureMatrix, n_classes: int, *, per_class: bool, tolerance: float
    ) -> None:
        n, p = matrix.n, matrix.p
        self.matrix = matrix
        self.per_class = per_class
        self.tolerance = tolerance
        groups = n_classes if per_class else 1

        def new(*shape: int) -> torch.Tensor:
            return torch.zeros(shape, device=matrix.device, dtype=matrix.dtype)

        self.slots = new(0, p, n_classes)  # D_t
        self.weights = new(0, n, groups)  # d_t
        self.shrink = new(n, groups) + 1  # s of the previous step; birth counts 1
        self.dual_norms2 = new(n, groups)  # ‖u_g‖²
        self.norms = new(n, groups)
        self.primal_residual2 = 0.0
        self.largest_merge = 0.0

    def step(self, w: torch.Tensor, rho: float, lambda_g: float) -> None:
        """Update v (prox) and u for new weights, Eq. 5 and 6.

        Parameters
        ----------
        w : Tensor of shape (p, C)
        rho : float
            ρ_k of this step.
        lambda_g : float
        """
        projected = self._project(torch.cat([w.square().unsqueeze(0), w * self.slots]))
        forward2 = projected[0]  # ‖F w‖²
        cross = -(self.weights * projected[1:]).sum(dim=0)  # ⟨F w, u⟩
        z2 = (forward2 - (2 / rho) * cross + self.dual_norms2 / rho**2).clamp_min_(0)
        norms = z2.sqrt()
        s = shrinkage(norms, lambda_g / rho)
        self.norms = s * norms
        # ‖v − F w‖² = s²‖z‖² − 2 s ⟨z, F w⟩ + ‖F w‖², with ⟨z, F w⟩ = ‖F w‖² − ⟨u, F w⟩/ρ.
        residual2 = self.norms.square() - 2 * s * (forward2 - cross / rho) + forward2
        self.primal_residual2 = float(residual2.clamp_min_(0).sum())
        self.dual_norms2 = (rho * (1 - s) * norms).square_()

        increment = (rho * w).unsqueeze(0)
        self.slots = torch.cat([self.slots + increment, increment])
        # Before the factor (1 − s): what both v and u are made of.
        self.weights = torch.cat([self.weights, self.shrink.unsqueeze(0)])
        self.shrink = s
        self._rho = rho

    def pull(self, rho_next: float) -> torch.Tensor:
        """``Fᵀu + ρ_{k+1} Fᵀv``, what the next w-update needs; then forget what is over.

        Returns
        -------
        Tensor of shape (p, C)
        """
        factor = (rho_next / self._rho) * self.shrink - (1 - self.shrink)
        pulled = (self._collect(self.weights * factor) * self.slots).sum(dim=0)
        self._forget()
        return pulled

    def adjoints(self) -> tuple[torch.Tensor, torch.Tensor]:
        """``Fᵀu`` and ``Fᵀv`` apart, each of shape (p, C); then forget what is over."""
        both = torch.cat(
            [self.weights * (self.shrink - 1), self.weights * (self.shrink / self._rho)]
        )
        collected = self._collect(both)
        count = len(self.slots)
        adjoint_u = (collected[:count] * self.slots).sum(dim=0)
        adjoint_v = (collected[count:] * self.slots).sum(dim=0)
        self._forget()
        return adjoint_u, adjoint_v

    def _forget(self) -> None:
        self.weights = self.weights * (1 - self.shrink)
        self._compact()

    def _project(self, columns: torch.Tensor) -> torch.Tensor:
        """``Σ_j x_ij² columns_jc`` for a stack of (p, C): (T, p, C) → (T, n, groups)."""
        if not self.per_class:
            columns = columns.sum(dim=2, keepdim=True)
        stack, p, width = columns.shape
        flat = columns.permute(1, 0, 2).reshape(p, stack * width)
        return self.matrix.forward_squared(flat).view(-1, stack, width).permute(1, 0, 2)

    def _collect(self, weights: torch.Tensor) -> torch.Tensor:
        """``Σ_i x_ij² weights_ig``: (T, n, groups) → (T, p, groups)."""
        stack, n, width = weights.shape
        flat = weights.permute(1, 0, 2).reshape(n, stack * width)
        return self.matrix.adjoint_squared(flat).view(-1, stack, width).permute(1, 0, 2)

    def _compact(self) -> None:
        peak = self.weights.flatten(1).amax(dim=1)
        size = self.slots.flatten(1).norm(dim=1)
        share = peak * size
        total = float(share.amax())
        # One ulp of the largest part cannot be seen in the sum.
        keep = share > torch.finfo(share.dtype).eps * total
        if not bool(keep.all()):
            self.slots, self.weights = self.slots[keep], self.weights[keep]
        if self.tolerance > 0:
            while len(self.slots) > 2 and self._merge_cheapest(total):
                pass
            while len(self.slots) > MOST_SLOTS:
                self._merge_cheapest(total, at_any_cost=True)

    def _merge_cheapest(self, total: float, *, at_any_cost: bool = False) -> bool:
        """Give one slot's coefficients to its neighbour, where that changes the duals least.

        Returns whether a merge was made: within the tolerance, or at any cost.
        """
        peak = self.weights.flatten(1).amax(dim=1)
        gap = (self.slots[1:] - self.slots[:-1]).flatten(1).norm(dim=1)
        # Row 0: slot t into t + 1; row 1: slot t + 1 into t.
        costs = torch.stack([peak[:-1] * gap, peak[1:] * gap])
        best = int(costs.argmin())
        change = float(costs.flatten()[best]) / max(total, torch.finfo(costs.dtype).tiny)
        if change > self.tolerance and not at_any_cost:
            return False
        self.largest_merge = max(self.largest_merge, change)
        into_older, t = divmod(best, len(gap))
        source, target = (t + 1, t) if into_older else (t, t + 1)
        self.weights[target] += self.weights[source]
        keep = torch.arange(len(self.slots), device=self.slots.device) != source
        self.slots, self.weights = self.slots[keep], self.weights[keep]
        return True
