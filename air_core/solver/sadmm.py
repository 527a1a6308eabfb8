"""Stochastic ADMM for the AIR objective (paper Eqs. 3–6), in matrix-free form."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import torch
from numpy.typing import ArrayLike, NDArray

from air_core.progress import ProgressCallback, silent
from air_core.solver.config import SolverConfig, SolverResult
from air_core.solver.duals import GroupDuals
from air_core.solver.losses import Loss
from air_core.solver.matrix import FeatureMatrix
from air_core.solver.penalty import activations
from air_core.solver.problem import Problem, Validation, make_problem
from air_core.solver.record import epoch_record, own_activations

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


class Updates(Protocol):
    """How v and u follow w in ``steps`` mini-batches an epoch: all groups, or one of ``blocks``."""

    steps: int
    blocks: int

    @property
    def norms(self) -> torch.Tensor:
        """``‖v_g‖``, shape (n, groups)."""

    @property
    def truncation(self) -> float:
        """Largest relative change that merging past iterates has made."""

    def epoch(self, generator: torch.Generator) -> Iterator[torch.Tensor]:
        """Row indices of each mini-batch of one epoch."""

    def step(self, w: torch.Tensor, rho: float, rho_next: float, *, watch: bool) -> torch.Tensor:
        """Update v and u, and return ``Fᵀu + ρ_next Fᵀv``; ``watch`` keeps ``Fᵀv``."""

    def slots(self) -> int:
        """Past iterates that the duals are made of."""

    def primal_residual(self) -> float:
        """``‖v − F w‖`` at the groups' last updates."""

    def dual_residual(self) -> float:
        """``ρ‖Fᵀ(v⁺ − v)‖`` between the last two watched steps."""


class AllGroups:
    """Every group after every mini-batch: Eq. 5 as printed."""

    def __init__(self, matrix: FeatureMatrix, loss: Loss, config: SolverConfig, lambda_g: float):
        self._duals = _duals(matrix, loss, config)
        self._lambda_g = lambda_g
        self._counted = torch.nonzero(loss.counted).squeeze(1)
        self._batch_size = config.batch_size
        self.blocks = 1
        self.steps = -(-len(self._counted) // config.batch_size)
        self._watched = _Watched()

    def epoch(self, generator: torch.Generator) -> Iterator[torch.Tensor]:
        yield from shuffled_batches(self._counted, self._batch_size, generator)

    def step(self, w: torch.Tensor, rho: float, rho_next: float, *, watch: bool) -> torch.Tensor:
        self._duals.step(w, rho, self._lambda_g)
        if not watch:
            return self._duals.pull(rho_next)
        adjoint_u, adjoint_v = self._duals.adjoints()
        self._watched.see(adjoint_v, rho)
        return adjoint_u + rho_next * adjoint_v

    @property
    def norms(self) -> torch.Tensor:
        return self._duals.norms

    @property
    def truncation(self) -> float:
        return self._duals.truncation

    def slots(self) -> int:
        return len(self._duals.slots)

    def primal_residual(self) -> float:
        return float(self._duals.primal_residual2**0.5)

    def dual_residual(self) -> float:
        return self._watched.residual


class BlockGroups:
    """Only the groups of the mini-batch; the others keep v and u until their turn.

    The rows are dealt into blocks once, and each block is a mini-batch, so the groups of a block
    share their history. ``Fᵀu`` and ``Fᵀv`` are sums over blocks, kept up to date by adding the
    change of the one that moved: a step costs O(batch · p · C).
    """

    def __init__(
        self,
        matrix: FeatureMatrix,
        loss: Loss,
        config: SolverConfig,
        lambda_g: float,
        generator: torch.Generator,
    ):
        order = torch.randperm(matrix.n, generator=generator).to(matrix.device)
        # Of equal size: a short block would weigh its few images as much as the others' many.
        self._rows = list(order.tensor_split(-(-matrix.n // config.batch_size)))
        self._duals = [_duals(matrix.subset(rows), loss, config) for rows in self._rows]
        shape = (matrix.p, loss.n_classes)
        zeros = torch.zeros(shape, device=matrix.device, dtype=matrix.dtype)
        self._adjoints = [(zeros, zeros)] * len(self._rows)
        self._sum_u, self._sum_v = zeros.clone(), zeros.clone()
        self._lambda_g = lambda_g
        self._n = matrix.n
        self._current = 0
        self.steps = self.blocks = len(self._rows)
        self._watched = _Watched()

    def epoch(self, generator: torch.Generator) -> Iterator[torch.Tensor]:
        for block in torch.randperm(len(self._rows), generator=generator).tolist():
            self._current = block
            yield self._rows[block]

    def step(self, w: torch.Tensor, rho: float, rho_next: float, *, watch: bool) -> torch.Tensor:
        duals = self._duals[self._current]
        duals.step(w, rho, self._lambda_g)
        old_u, old_v = self._adjoints[self._current]
        new_u, new_v = duals.adjoints()
        self._sum_u += new_u - old_u
        self._sum_v += new_v - old_v
        self._adjoints[self._current] = (new_u, new_v)
        if watch:
            self._watched.see(self._sum_v.clone(), rho)
        return self._sum_u + rho_next * self._sum_v

    @property
    def norms(self) -> torch.Tensor:
        width = self._duals[0].norms.shape[1]
        norms = self._sum_u.new_zeros((self._n, width))
        for rows, duals in zip(self._rows, self._duals, strict=True):
            norms[rows] = duals.norms
        return norms

    @property
    def truncation(self) -> float:
        return max(duals.truncation for duals in self._duals)

    def slots(self) -> int:
        return max(len(duals.slots) for duals in self._duals)

    def primal_residual(self) -> float:
        return float(sum(duals.primal_residual2 for duals in self._duals) ** 0.5)

    def dual_residual(self) -> float:
        return self._watched.residual


@dataclass(slots=True)
class _Watched:
    """``Fᵀv`` of the last watched step, and how far the one before was."""

    adjoint_v: torch.Tensor | None = None
    residual: float = 0.0

    def see(self, adjoint_v: torch.Tensor, rho: float) -> None:
        before = torch.zeros_like(adjoint_v) if self.adjoint_v is None else self.adjoint_v
        self.residual = float(rho * (adjoint_v - before).norm())
        self.adjoint_v = adjoint_v


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

    The averages v̄ and ū of the paper are not formed: they change no iterate, and summed by parts
    ``v̄ = F w̄ + O(1/k)``, so the activations returned are those of w̄.

    Parameters
    ----------
    features : array of shape (n, p)
        Non-negative features. They are divided by their mean row norm, so that one λ_g and one ρ
        mean the same for every backbone; the returned ``coef`` fits the features as given. May be
        memory-mapped.
    labels : array of shape (n,), integer; or (n, C), floating
        Class of each image, 0 … C−1, and −1 for none; or, multi-label, 1 for a tag that is there,
        0 for one that is not and NaN where nobody knows. What is not known takes no part in the
        loss but keeps its groups.
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
    config = config or SolverConfig()
    problem = make_problem(features, labels, n_classes, device=device, dtype=dtype)
    matrix, loss = problem.matrix, problem.loss
    held_out = validation and make_problem(
        *validation, loss.n_classes, device=device, dtype=dtype, scale=matrix.scale
    )
    lambda_g = config.lambda_scale / matrix.p
    generator = torch.Generator().manual_seed(config.seed)
    updates: Updates
    if config.update == "all":
        updates = AllGroups(matrix, loss, config, lambda_g)
    else:
        updates = BlockGroups(matrix, loss, config, lambda_g, generator)
    gram = matrix.column_squares()  # diagonal of FᵀF
    zeros = torch.zeros((matrix.p, loss.n_classes), device=matrix.device, dtype=dtype)
    now = Iterate(zeros, zeros[0].clone())
    pulled = torch.zeros_like(zeros)
    history: list[dict[str, float]] = []
    kept: dict[int, NDArray] = {}  # type: ignore[type-arg]
    # Copies that wait for their block's turn hold w back that much longer.
    rho_max = config.rho_max / updates.blocks
    rho, k = min(config.rho, rho_max), 0
    for epoch in range(1, config.epochs + 1):
        for position, batch in enumerate(updates.epoch(generator)):
            inverse_step = (k + 3) / 2  # 1/η_{k+1}
            gradient, bias_gradient = _gradient(problem, now, batch)
            now.w = (now.w * inverse_step - gradient + pulled) / (
                rho * gram + 2 * config.lambda_1 + inverse_step
            )
            # The bias has no group to hold it; n/2 bounds the curvature of the loss in b.
            now.b = now.b - bias_gradient / (problem.count / 2 + inverse_step)
            rho_next = min(rho * config.beta, rho_max)
            # The last two steps of an epoch show how far v still moves.
            pulled = updates.step(now.w, rho, rho_next, watch=position >= updates.steps - 2)
            now.average(2 / (k + 2))
            rho, k = rho_next, k + 1
        record = epoch_record(problem, now.w_bar, now.b_bar, config, lambda_g, held_out)
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
    return SolverResult(
        coef=(now.w_bar / matrix.scale).cpu().numpy(),
        intercept=now.b_bar.cpu().numpy(),
        activations=activations(matrix, now.w_bar).cpu().numpy(),
        last_activations=updates.norms.cpu().numpy(),
        history=tuple(history),
        feature_scale=matrix.scale,
        lambda_g=lambda_g,
        stop_reason=f"stopped after {config.epochs} epochs, as set",
        converged=False,
        truncation=updates.truncation,
        snapshots=kept,
    )


def shuffled_batches(
    rows: torch.Tensor, batch_size: int, generator: torch.Generator
) -> Iterator[torch.Tensor]:
    """The rows in random order, ``batch_size`` at a time; fewer in the last batch."""
    order = torch.randperm(len(rows), generator=generator).to(rows.device)
    yield from torch.split(rows[order], min(batch_size, len(rows)))


def _duals(matrix: FeatureMatrix, loss: Loss, config: SolverConfig) -> GroupDuals:
    return GroupDuals(
        matrix,
        loss.n_classes,
        per_class=config.group == "image_class",
        tolerance=config.history_tolerance,
    )


def _gradient(
    problem: Problem, now: Iterate, batch: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mini-batch gradients by w and b, scaled to the sum over all labelled images."""
    x = problem.matrix.rows(batch)
    residual = problem.loss.residual(x @ now.w + now.b, batch)
    counted = int(problem.loss.counted[batch].sum())
    residual *= problem.count / max(counted, 1)
    return x.T @ residual, residual.sum(dim=0)
