"""Stochastic ADMM for the AIR objective (paper Eqs. 3–6), in matrix-free form."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from air_core.progress import ProgressCallback, silent
from air_core.solver.config import SolverConfig, SolverResult
from air_core.solver.matrix import product
from air_core.solver.penalty import activations
from air_core.solver.problem import Problem, Validation, make_problem
from air_core.solver.record import epoch_record, held_out_record, own_activations
from air_core.solver.updates import make_updates

__all__ = ["sadmm"]


@dataclass(slots=True)
class Iterate:
    """w, b and their non-uniform averages ``w̄_k = (1 − θ_k) w̄ + θ_k w_k``, θ_k = 2/(k+2)."""

    w: torch.Tensor
    b: torch.Tensor
    w_bar: torch.Tensor = field(init=False)
    b_bar: torch.Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.w_bar, self.b_bar = self.w.clone(), self.b.clone()

    def average(self, theta: float) -> None:
        """Take the current w and b into the averages."""
        self.w_bar.lerp_(self.w, theta)
        self.b_bar.lerp_(self.b, theta)


def sadmm(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    n_classes: int | None = None,
    config: SolverConfig | None = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    snapshots: Collection[int] = (),
    validation: Validation | None = None,
    progress: ProgressCallback = silent,
) -> SolverResult:
    """Fit the top layer with the auxiliary image regularizer by stochastic ADMM.

    Minimises ``Σ_i loss(x_i W + b, y_i) + λ1‖W‖² + Σ_g λ_g ‖v_g‖`` subject to ``v = F W`` (Eq. 3)
    where ``v_{i,c} = x_i ∘ w_c``. With the mini-batch gradient ``g_k``, scaled to the sum over all
    n images, each step is (Eq. 5)

    - ``w⁺ = (ρFᵀF + 2λ1 + 1/η)⁻¹ (w/η − g + ρFᵀv + Fᵀu)``, element-wise as FᵀF is diagonal;
    - ``v⁺ = prox_{λ_g/ρ}(F w⁺ − u/ρ)``, ``u⁺ = u + ρ(v⁺ − F w⁺)``, ``ρ⁺ = min(βρ, ρ_max)``;
    - ``η_k = 2/(k+2)`` and averages with ``θ_k = 2/(k+2)``.

    The paper prints ``−λ1/2 w_k`` on the right instead of ``2λ1`` on the left. Setting the
    gradient of Eq. 4 to zero gives ``2λ1 w``; that exact form is used here. With the paper's "very
    small" λ1 the two cannot be told apart.

    The averages v̄ and ū of the paper are not formed. They change no iterate, nobody reads ū, and
    no ``‖v̄_g‖`` differs from the activation of w̄, which is returned, by more than some 4 λ_g/(K ρ)
    after K steps: ``averaging_bound`` is that number. Near λ_max, where activations are smallest,
    the two were 4e-6 apart beside activations of 1e-2 (n = 300, p = 64, 50 epochs), the AUROC
    1e-4; where λ_g is so large that v̄ is zero, all that is left of w̄ is within the bound. Exact
    zeros are v's alone, see ``last_activations``.

    Parameters
    ----------
    features : array of shape (n, p)
        Non-negative features. They are divided by their mean row norm, so that one λ_g and one ρ
        mean the same for every backbone; the returned ``coef`` fits the features as given. May be
        memory-mapped: what does not fit is read in blocks.
    labels : array of shape (n,), integer; or (n, C), floating
        Class of each image, 0 … C−1, and −1 for none; or, multi-label, 1 for a tag that is there,
        0 for one that is not and NaN where nobody knows. Images of which nothing is known take no
        part in the fit: it is that of the others alone. They get activations all the same.
    n_classes : int, optional
        C; the largest label + 1 by default.
    config : SolverConfig, optional
        The paper's settings by default.
    device, dtype
        Where and in what precision to compute.
    snapshots : collection of int
        Epochs (1-based) after which own-class activations are kept.
    validation : (features, labels), optional
        A held-out split; its accuracy and loss join the record of each epoch.
    progress : callable
        Told after every epoch; may raise :class:`~air_core.errors.Cancelled`.

    Returns
    -------
    SolverResult
        ADMM stopped after ``epochs`` has not converged and does not claim to: ``converged`` is
        False and ``stop_reason`` says so.

    Raises
    ------
    SolverError
        For NaN or infinite features, shapes that do not match, labels out of range, fewer than two
        classes, or features that are all zero.
    """
    problem = make_problem(features, labels, n_classes, device=device, dtype=dtype)
    held_out = validation and make_problem(
        *validation, problem.loss.n_classes, device=device, dtype=dtype, scale=problem.matrix.scale
    )
    return run(
        problem,
        config or SolverConfig(),
        held_out=held_out,
        snapshots=snapshots,
        progress=progress,
    )


def run(
    problem: Problem,
    config: SolverConfig,
    *,
    held_out: Problem | None = None,
    patience: int | None = None,
    snapshots: Collection[int] = (),
    progress: ProgressCallback = silent,
) -> SolverResult:
    """What :func:`sadmm` does, of a problem that is ready.

    With ``patience`` nothing counts but the loss on ``held_out``: it ends after so many epochs
    without a lower one, and of the images that are fitted nothing is recorded. It needs
    ``held_out``.
    """
    matrix, loss = problem.matrix, problem.loss
    lambda_g = config.lambda_scale / matrix.p
    generator = torch.Generator().manual_seed(config.seed)
    updates = make_updates(problem, config, generator, residuals=patience is None)
    gram = matrix.column_squares()  # diagonal of FᵀF
    zeros = torch.zeros((matrix.p, loss.n_classes), device=matrix.device, dtype=matrix.dtype)
    now = Iterate(zeros, zeros[0].clone())
    pulled = torch.zeros_like(zeros)
    history: list[dict[str, float]] = []
    kept: dict[int, NDArray[Any]] = {}
    # Copies that wait for their block's turn hold w back that much longer.
    rho_max = config.rho_max / updates.blocks
    rho = min(config.rho, rho_max)
    rhos: list[float] = []
    for epoch in range(1, config.epochs + 1):
        for position, (batch, x) in enumerate(updates.epoch(generator)):
            k = len(rhos)
            inverse_step = (k + 3) / 2  # 1/η_{k+1}
            gradient, bias_gradient = _gradient(problem, now, batch, x)
            now.w = (now.w * inverse_step - gradient + pulled) / (
                rho * gram + 2 * config.lambda_1 + inverse_step
            )
            # The bias has no group to hold it; n/2 bounds the curvature of the loss in b.
            now.b = now.b - bias_gradient / (matrix.n / 2 + inverse_step)
            rho_next = min(rho * config.beta, rho_max)
            # The last two steps of an epoch show how far v still moves.
            pulled = updates.step(now.w, rho, rho_next, watch=position >= updates.steps - 2)
            now.average(2 / (k + 2))
            rhos.append(rho)
            rho = rho_next
        record = {}
        if patience is None:
            record = epoch_record(problem, now.w_bar, now.b_bar, config, lambda_g)
        if held_out is not None:
            record |= held_out_record(held_out, now.w_bar, now.b_bar)
        record |= {
            "epoch": float(epoch),
            "primal_residual": updates.primal_residual(),
            "dual_residual": updates.dual_residual(),
            "suppressed": float((updates.norms == 0).float().mean()),
            "rho": rho,
            "slots": float(updates.slots()),
        }
        history.append(record)
        if epoch in snapshots:
            kept[epoch] = own_activations(problem, now.w_bar)
        progress(epoch, config.epochs, "Fitting AIR")
        if patience is not None and epoch - _lowest(history) >= patience:
            break
    per_class = problem.over_all(lambda rows: activations(rows, now.w_bar))
    return SolverResult(
        coef=(now.w_bar / matrix.scale).cpu().numpy(),
        intercept=now.b_bar.cpu().numpy(),
        activations=per_class.cpu().numpy(),
        last_activations=problem.with_gaps(updates.norms).cpu().numpy(),
        history=tuple(history),
        feature_scale=matrix.scale,
        lambda_g=lambda_g,
        stop_reason=f"stopped after {len(history)} epochs, as set",
        converged=False,
        largest_merge=updates.largest_merge,
        averaging_bound=averaging_bound(lambda_g, rhos) if config.update == "all" else math.nan,
        snapshots=kept,
    )


def _lowest(history: Sequence[dict[str, float]]) -> int:
    """The epoch of the least loss on held-out labels."""
    return 1 + int(np.argmin([record["validation_loss"] for record in history]))


def averaging_bound(lambda_g: float, rhos: Sequence[float]) -> float:
    """How far the activations of w̄ can be from those of the paper's v̄, ``max |‖v̄_g‖ − ‖F w̄‖_g|``.

    With weights ``α_k ∝ k`` of the average, ``v_k = F w_k + (u_k − u_{k−1})/ρ_k`` summed by parts
    leaves ``v̄ − F w̄ = (α_K/ρ_K) u_K + Σ_k (α_k/ρ_k − α_{k+1}/ρ_{k+1}) u_k``, and no ``‖u_g‖``
    exceeds λ_g.

    Parameters
    ----------
    lambda_g : float
    rhos : sequence of float
        ρ_k of every step.

    Examples
    --------
    >>> round(averaging_bound(1.0, [100.0] * 500), 6)
    8e-05
    """
    count = len(rhos)
    share = 2 * np.arange(1, count + 1) / (count * (count + 1)) / np.asarray(rhos)
    return float(lambda_g * (share[-1] + np.abs(np.diff(share)).sum()))


def _gradient(
    problem: Problem, now: Iterate, batch: torch.Tensor, x: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mini-batch gradients by w and b, scaled to the sum over all images."""
    residual = problem.loss.residual(product(x, now.w) + now.b, batch)
    residual *= problem.matrix.n / len(batch)
    return (residual.T @ x).T, residual.sum(dim=0)
