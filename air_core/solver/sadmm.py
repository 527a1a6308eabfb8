"""Stochastic ADMM for the AIR objective (paper Eqs. 3–6), in matrix-free form."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from air_core.progress import ProgressCallback, silent
from air_core.solver.config import SolverConfig, SolverResult
from air_core.solver.duals import GroupDuals
from air_core.solver.losses import cross_entropy, cross_entropy_residual
from air_core.solver.penalty import activations, group_norms
from air_core.solver.validation import check_arrays, mean_row_norm


@dataclass(slots=True)
class _Iterate:
    """w, b and their non-uniform averages ``w̄_k = (1 − θ_k) w̄ + θ_k w_k``, θ_k = 2/(k+2)."""

    w: torch.Tensor
    b: torch.Tensor
    w_bar: torch.Tensor = field(init=False)
    b_bar: torch.Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.w_bar, self.b_bar = self.w.clone(), self.b.clone()

    def average(self, theta: float) -> None:
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
    progress: ProgressCallback = silent,
) -> SolverResult:
    """Fit the top layer with the auxiliary image regularizer by stochastic ADMM.

    Minimises ``Σ_i CE(x_i W + b, y_i) + λ1‖W‖² + Σ_g λ_g ‖v_g‖`` subject to ``v = F W`` (Eq. 3)
    where ``v_{i,c} = x_i ∘ w_c``. With the mini-batch gradient ``g_k``, scaled to the sum over all
    n images, each step is (Eq. 5)

    - ``w⁺ = (ρFᵀF + 2λ1 + 1/η)⁻¹ (w/η − g + ρFᵀv + Fᵀu)``, element-wise as FᵀF is diagonal;
    - ``v⁺ = prox_{λ_g/ρ}(F w⁺ − u/ρ)``, ``u⁺ = u + ρ(v⁺ − F w⁺)``, ``ρ⁺ = min(βρ, ρ_max)``;
    - ``η_k = 2/(k+2)`` and averages with ``θ_k = 2/(k+2)``.

    The paper prints ``−λ1/2 w_k`` on the right instead of ``2λ1`` on the left. Setting the
    gradient of Eq. 4 to zero gives ``2λ1 w``; that exact form is used here. With the paper's "very
    small" λ1 the two cannot be told apart.

    Parameters
    ----------
    features : array of shape (n, p)
        Non-negative features. They are divided by their mean row norm, so that one λ_g and one ρ
        mean the same for every backbone; the returned ``coef`` fits the features as given.
    labels : array of shape (n,), integer
        Class of each image, 0 … C−1; −1 takes no part in the loss but keeps its groups.
    n_classes : int, optional
        C; the largest label + 1 by default.
    config : SolverConfig, optional
        The paper's settings by default.
    device, dtype
        Where and in what precision to compute.
    snapshots : collection of int
        Epochs (1-based) after which own-class activations are kept.
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
    config = config or SolverConfig()
    x_array, y_array, n_classes = check_arrays(features, labels, n_classes)
    scale = mean_row_norm(x_array)
    x = torch.as_tensor(np.array(x_array), device=device).to(dtype).div_(scale)
    y = torch.as_tensor(y_array, device=device)
    p = x.shape[1]
    lambda_g = config.lambda_scale / p
    squared = x.square()
    gram = squared.sum(dim=0).unsqueeze(1)  # diagonal of FᵀF
    labelled = torch.nonzero(y >= 0).squeeze(1)
    duals = GroupDuals(
        squared,
        n_classes,
        per_class=config.group == "image_class",
        tolerance=config.history_tolerance,
    )
    now = _Iterate(x.new_zeros((p, n_classes)), x.new_zeros(n_classes))
    pulled = torch.zeros_like(now.w)
    generator = torch.Generator().manual_seed(config.seed)
    history: list[dict[str, float]] = []
    kept: dict[int, NDArray[np.floating]] = {}
    rho, k = config.rho, 0
    for epoch in range(1, config.epochs + 1):
        for batch in _batches(labelled, config.batch_size, generator):
            residual = cross_entropy_residual(x[batch] @ now.w + now.b, y[batch])
            residual.mul_(len(labelled) / len(batch))
            inverse_step = (k + 3) / 2  # 1/η_{k+1}
            gradient = x[batch].T @ residual
            now.w = (now.w * inverse_step - gradient + pulled) / (
                rho * gram + 2 * config.lambda_1 + inverse_step
            )
            # The bias has no group to hold it; n/2 bounds the curvature of the softmax loss in b.
            now.b = now.b - residual.sum(dim=0) / (len(labelled) / 2 + inverse_step)
            duals.step(now.w, rho, lambda_g)
            rho_next = min(rho * config.beta, config.rho_max)
            pulled = duals.pull(rho_next)
            now.average(2 / (k + 2))
            rho, k = rho_next, k + 1
        history.append(_record(epoch, x, y, squared, now, duals, config, lambda_g, rho))
        if epoch in snapshots:
            kept[epoch] = _own(activations(squared, now.w_bar), y)
        progress(epoch, config.epochs, "Fitting AIR")
    return SolverResult(
        coef=(now.w_bar / scale).cpu().numpy(),
        intercept=now.b_bar.cpu().numpy(),
        activations=activations(squared, now.w_bar).cpu().numpy(),
        last_activations=duals.norms.cpu().numpy(),
        history=tuple(history),
        feature_scale=scale,
        lambda_g=lambda_g,
        stop_reason=f"stopped after {config.epochs} epochs, as set",
        converged=False,
        truncation=duals.truncation,
        snapshots=kept,
    )


def _batches(
    rows: torch.Tensor, batch_size: int, generator: torch.Generator
) -> Iterator[torch.Tensor]:
    order = torch.randperm(len(rows), generator=generator).to(rows.device)
    yield from torch.split(rows[order], min(batch_size, len(rows)))


def _own(per_class: torch.Tensor, y: torch.Tensor) -> NDArray[np.floating]:
    """Activation in the given label's own class; NaN where there is no label."""
    own = per_class.gather(1, y.clamp_min(0).unsqueeze(1)).squeeze(1)
    result: NDArray[np.floating] = torch.where(y >= 0, own, math.nan).cpu().numpy()
    return result


def _record(
    epoch: int,
    x: torch.Tensor,
    y: torch.Tensor,
    squared: torch.Tensor,
    now: _Iterate,
    duals: GroupDuals,
    config: SolverConfig,
    lambda_g: float,
    rho: float,
) -> dict[str, float]:
    labelled = y >= 0
    scores = (x @ now.w_bar + now.b_bar)[labelled]
    target = y[labelled]
    per_class = activations(squared, now.w_bar)
    penalty = float(group_norms(per_class, config.group).sum())
    own = per_class[labelled].gather(1, target.unsqueeze(1)).squeeze(1)
    low, middle, high = torch.quantile(own.double(), own.new_tensor([0.1, 0.5, 0.9]).double())
    return {
        "epoch": float(epoch),
        "objective": float(cross_entropy(scores, target))
        + config.lambda_1 * float(now.w_bar.square().sum())
        + lambda_g * penalty,
        "given_label_accuracy": float((scores.argmax(dim=1) == target).double().mean()),
        "primal_residual": duals.primal_residual2**0.5,
        "suppressed": float((duals.norms == 0).double().mean()),
        "activation_q10": float(low),
        "activation_q50": float(middle),
        "activation_q90": float(high),
        "rho": rho,
        "slots": float(len(duals.slots)),
    }
