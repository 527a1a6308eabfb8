"""What a solver is told and what it returns."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from air_core.errors import SolverError

Group = Literal["image_class", "image"]
Update = Literal["all", "block"]
LossName = Literal["softmax", "squared_hinge"]


@dataclass(frozen=True, slots=True)
class SolverConfig:
    """Settings of the stochastic ADMM; the defaults are the paper's (section 4).

    Parameters
    ----------
    lambda_scale : float
        λ_g as a multiple of 1/p, so that one number means the same for every backbone. The
        paper's λ_g = 10/p is 10.
    lambda_1 : float
        λ1, weight of ``‖W‖²`` ("a very small number").
    group : {"image_class", "image"}
        What one group of the norm is: an image in one class (the paper's ``F`` acts on one weight
        vector) or an image over all classes.
    rho, rho_max, beta : float
        Penalty of the augmented Lagrangian: start, ceiling and growth per step. With
        ``update="block"`` the ceiling is ``rho_max`` divided by the number of blocks, which holds
        w about as strongly.
    update : {"all", "block"}
        Which groups get new v and u after a mini-batch: all of them, as the paper has it, or those
        of the mini-batch, so that a step costs ``batch_size · p · C`` instead of ``n · p · C``.
    batch_size : int
        Images in a gradient step.
    epochs : int
        Passes over the data. With ``rho_max`` it decides how far ADMM goes, so it is part of the
        model.
    history_tolerance : float
        Two past iterates are merged where that changes the duals by less than this share of the
        largest, see :mod:`air_core.solver.duals`; 0 merges nothing, whatever memory that takes.
    seed : int
        Seeds the order of the images.
    """

    lambda_scale: float = 10.0
    lambda_1: float = 1e-6
    group: Group = "image_class"
    rho: float = 10.0
    rho_max: float = 100.0
    beta: float = 1.1
    update: Update = "all"
    batch_size: int = 256
    epochs: int = 50
    history_tolerance: float = 1e-7
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("rho", "rho_max", "beta", "batch_size", "epochs"):
            if not getattr(self, name) > 0:
                raise SolverError(f"Expected {name} > 0, got {getattr(self, name)!r}.")
        if not (np.isfinite(self.lambda_scale) and self.lambda_scale >= 0):
            raise SolverError(f"Expected lambda_scale >= 0, got {self.lambda_scale!r}.")
        for name in ("lambda_1", "history_tolerance"):
            if not getattr(self, name) >= 0:
                raise SolverError(f"Expected {name} >= 0, got {getattr(self, name)!r}.")
        if self.beta < 1 or self.rho_max < self.rho:
            raise SolverError(
                f"Expected beta >= 1 and rho_max >= rho, got beta={self.beta!r}, "
                f"rho={self.rho!r}, rho_max={self.rho_max!r}."
            )
        for name, allowed in (("group", get_args(Group)), ("update", get_args(Update))):
            if getattr(self, name) not in allowed:
                raise SolverError(
                    f"Expected {name} among {', '.join(allowed)}, got {getattr(self, name)!r}."
                )

    def as_dict(self) -> dict[str, Any]:
        """Settings as plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> SolverConfig:
        """Settings from :meth:`as_dict`; unknown names are refused."""
        unknown = set(settings) - {f.name for f in fields(cls)}
        if unknown:
            raise SolverError(f"Expected solver settings, got unknown {sorted(unknown)}.")
        return cls(**settings)


@dataclass(frozen=True, slots=True)
class SolverResult:
    """A fitted top layer.

    Parameters
    ----------
    coef : ndarray of shape (p, C), dtype float32 or float64
        Averaged weights W̄, for the features as they were given (scaling undone).
    intercept : ndarray of shape (C,)
        Unpenalised bias b̄, averaged alike.
    activations : ndarray of shape (n, C)
        ``‖v_{i,c}‖ = ‖x_i ∘ w_c‖`` of the averaged weights, in units of the scaled features.
    last_activations : ndarray of shape (n, C) or (n, 1)
        ``‖v_g‖`` of the last iterate, with the exact zeros of the prox (Eq. 6); NaN for an image
        without a label, which has no group.
    history : tuple of dict
        One record per epoch: objective, primal and dual residual, share of suppressed groups,
        given-label accuracy, activation quantiles, and of a held-out split accuracy and loss.
    snapshots : dict of int to ndarray of shape (n,)
        Own-class activations after the epochs that were asked for (Figure 3).
    feature_scale : float
        The features were divided by it, so that their mean row norm is 1.
    lambda_g : float
        The λ_g that was used.
    largest_merge : float
        Largest change, relative to the largest dual, that one merge of two past iterates made; 0
        when none was merged. There can be a merge in every step.
    averaging_bound : float
        The activations of the paper's averaged v̄ differ from ``activations`` by at most this, see
        :func:`~air_core.solver.sadmm.averaging_bound`. NaN but for ``update="all"``.
    stop_reason : str
    converged : bool
    optimality : float
        The smaller of relative duality gap and relative gradient norm at the returned solution,
        where the solver computes them, else NaN.
    """

    coef: NDArray[Any]
    intercept: NDArray[Any]
    activations: NDArray[Any]
    last_activations: NDArray[Any]
    history: tuple[dict[str, float], ...]
    feature_scale: float
    lambda_g: float
    stop_reason: str
    converged: bool
    largest_merge: float = 0.0
    averaging_bound: float = float("nan")
    optimality: float = float("nan")
    snapshots: dict[int, NDArray[Any]] = field(default_factory=dict)
