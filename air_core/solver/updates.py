"""How the copies v and the duals u of the groups follow w: all at once, or a block at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch

from air_core.solver.config import SolverConfig
from air_core.solver.duals import GroupDuals
from air_core.solver.matrix import FeatureMatrix
from air_core.solver.problem import Problem


class Updates(Protocol):
    """How v and u follow w in ``steps`` mini-batches an epoch: all groups, or one of ``blocks``."""

    steps: int
    blocks: int

    @property
    def norms(self) -> torch.Tensor:
        """``‖v_g‖``, shape (n, groups)."""

    @property
    def largest_merge(self) -> float:
        """Largest relative change of the duals that one merge of past iterates has made."""

    def epoch(self, generator: torch.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Row indices of each mini-batch of one epoch, and these rows of X."""

    def step(self, w: torch.Tensor, rho: float, rho_next: float, *, watch: bool) -> torch.Tensor:
        """Update v and u, and return ``Fᵀu + ρ_next Fᵀv``; ``watch`` keeps ``Fᵀv``."""

    def slots(self) -> int:
        """Past iterates that the duals are made of."""

    def primal_residual(self) -> float:
        """``‖v − F w‖`` at the groups' last updates."""

    def dual_residual(self) -> float:
        """``ρ‖Fᵀ(v⁺ − v)‖`` between the last two watched steps; NaN if there were none."""


class AllGroups:
    """Every group after every mini-batch: Eq. 5 as printed."""

    def __init__(self, problem: Problem, config: SolverConfig, generator: torch.Generator) -> None:
        self._matrix = problem.matrix
        self._duals = _duals(problem.matrix, problem, config)
        self._lambda_g = config.lambda_scale / problem.matrix.p
        self._batch_size = config.batch_size
        self.blocks = 1
        self.steps = -(-problem.matrix.n // config.batch_size)
        self._watched = _Watched()

    def epoch(self, generator: torch.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for batch in shuffled_batches(self._matrix.n, self._batch_size, generator):
            rows = batch.to(self._matrix.device)
            yield rows, self._matrix.rows(rows)

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
    def largest_merge(self) -> float:
        return self._duals.largest_merge

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
    change of the one that moved: a step costs O(batch · p · C). Features that are streamed are
    read a block at a time, at its turn; what stays is some (slots + 2) · p · C numbers a block.
    Where nobody asks for residuals and ρ is constant, one sum ``Fᵀu + ρ Fᵀv`` does, and half of
    the products with Xᵀ.
    """

    def __init__(
        self,
        problem: Problem,
        config: SolverConfig,
        generator: torch.Generator,
        *,
        residuals: bool = True,
    ) -> None:
        matrix = problem.matrix
        order = torch.randperm(matrix.n, generator=generator)
        # Of equal size: a short block would weigh its few images as much as the others' many.
        # In the order they lie on disk.
        self._rows = [
            rows.sort().values.to(matrix.device)
            for rows in order.tensor_split(-(-matrix.n // config.batch_size))
        ]
        self._matrices = [matrix.subset(rows) for rows in self._rows]
        self._duals = [_duals(part, problem, config) for part in self._matrices]
        shape = (matrix.p, problem.loss.n_classes)
        zeros = torch.zeros(shape, device=matrix.device, dtype=matrix.dtype)
        self._adjoints = [(zeros, zeros)] * len(self._rows)
        self._sum_u, self._sum_v = zeros.clone(), zeros.clone()
        self._lambda_g = config.lambda_scale / matrix.p
        self._n = matrix.n
        self._current = 0
        self.steps = self.blocks = len(self._rows)
        self._watched = _Watched()
        self._one_sum = not residuals and config.rho >= config.rho_max / self.blocks
        self._pulls, self._sum = [zeros] * len(self._rows), zeros

    def epoch(self, generator: torch.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for block in torch.randperm(len(self._rows), generator=generator).tolist():
            self._current = block
            with self._matrices[block].loaded() as x:
                yield self._rows[block], x

    def step(self, w: torch.Tensor, rho: float, rho_next: float, *, watch: bool) -> torch.Tensor:
        duals = self._duals[self._current]
        duals.step(w, rho, self._lambda_g)
        if self._one_sum:
            pull = duals.pull(rho_next)
            self._sum = self._sum + (pull - self._pulls[self._current])
            self._pulls[self._current] = pull
            return self._sum
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
    def largest_merge(self) -> float:
        return max(duals.largest_merge for duals in self._duals)

    def slots(self) -> int:
        return max(len(duals.slots) for duals in self._duals)

    def primal_residual(self) -> float:
        return float(sum(duals.primal_residual2 for duals in self._duals) ** 0.5)

    def dual_residual(self) -> float:
        return self._watched.residual


@dataclass(slots=True)
class _Watched:
    """``Fᵀv`` of the last watched step, and how far the one before was; NaN where none was."""

    adjoint_v: torch.Tensor | None = None
    residual: float = math.nan

    def see(self, adjoint_v: torch.Tensor, rho: float) -> None:
        before = torch.zeros_like(adjoint_v) if self.adjoint_v is None else self.adjoint_v
        self.residual = float(rho * (adjoint_v - before).norm())
        self.adjoint_v = adjoint_v


def make_updates(
    problem: Problem, config: SolverConfig, generator: torch.Generator, *, residuals: bool
) -> Updates:
    """The kind of update that the settings ask for; without ``residuals`` it may have none."""
    if config.update == "all":
        return AllGroups(problem, config, generator)
    return BlockGroups(problem, config, generator, residuals=residuals)


def shuffled_batches(
    count: int, batch_size: int, generator: torch.Generator
) -> Iterator[torch.Tensor]:
    """The rows 0 … count−1 in random order, ``batch_size`` at a time; fewer in the last batch."""
    yield from torch.split(torch.randperm(count, generator=generator), min(batch_size, count))


def _duals(matrix: FeatureMatrix, problem: Problem, config: SolverConfig) -> GroupDuals:
    return GroupDuals(
        matrix,
        problem.loss.n_classes,
        per_class=config.group == "image_class",
        tolerance=config.history_tolerance,
    )
