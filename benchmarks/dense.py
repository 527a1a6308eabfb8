"""The paper's algorithm as printed, with every one of its n·p·C numbers: the oracle."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from air_core.solver import SolverConfig
from air_core.solver.updates import shuffled_batches


class Dense(NamedTuple):
    """What the algorithm ends with.

    Attributes
    ----------
    w_bar : ndarray of shape (p, C)
        For the scaled features.
    b_bar : ndarray of shape (C,)
    norms : ndarray of shape (n, C) or (n, 1)
        ``‖v_g‖`` of the last iterate.
    averaged : ndarray of shape (n, C) or (n, 1)
        ``‖v̄_g‖`` of the averaged v.
    primal, dual : float
        Residuals ``‖v − F w‖`` and ``ρ‖Fᵀ(v⁺ − v)‖`` of the last step.
    """

    w_bar: NDArray[Any]
    b_bar: NDArray[Any]
    norms: NDArray[Any]
    averaged: NDArray[Any]
    primal: float
    dual: float


def dense_sadmm(
    features: NDArray[Any],
    labels: NDArray[Any],
    n_classes: int,
    config: SolverConfig,
    dtype: torch.dtype = torch.float64,
) -> Dense:
    """Eqs. 4–6 with explicit F w, v and u of shape (n, p, C).

    Parameters
    ----------
    features : ndarray of shape (n, p)
    labels : ndarray of shape (n,)
    n_classes : int
    config : SolverConfig
        With ``update="all"``.
    dtype

    Returns
    -------
    Dense
    """
    x = torch.as_tensor(features / np.linalg.norm(features, axis=1).mean()).to(dtype)
    y = torch.as_tensor(labels)
    n, p = x.shape
    lambda_g = config.lambda_scale / p
    axes = (1,) if config.group == "image_class" else (1, 2)
    w, b = x.new_zeros((p, n_classes)), x.new_zeros(n_classes)
    w_bar, b_bar = w.clone(), b.clone()
    v, u = x.new_zeros((n, p, n_classes)), x.new_zeros((n, p, n_classes))
    v_bar = v
    gram = x.square().sum(dim=0).unsqueeze(1)
    onehot = torch.nn.functional.one_hot(y, n_classes).to(dtype)
    generator = torch.Generator().manual_seed(config.seed)
    rho, k = config.rho, 0
    for _ in range(config.epochs):
        for batch in shuffled_batches(n, config.batch_size, generator):
            residual = torch.softmax(x[batch] @ w + b, dim=1) - onehot[batch]
            residual = residual * (n / len(batch))
            inverse_step = (k + 3) / 2
            adjoint = torch.einsum("ij,ijc->jc", x, rho * v + u)
            w = (w * inverse_step - x[batch].T @ residual + adjoint) / (
                rho * gram + 2 * config.lambda_1 + inverse_step
            )
            b = b - residual.sum(dim=0) / (n / 2 + inverse_step)
            fw = x.unsqueeze(2) * w
            z, before = fw - u / rho, v
            norms = z.square().sum(dim=axes, keepdim=True).sqrt()
            v = (1 - lambda_g / rho / norms).clamp_min(0) * z
            u = u + rho * (v - fw)
            theta = 2 / (k + 2)
            w_bar, b_bar = (1 - theta) * w_bar + theta * w, (1 - theta) * b_bar + theta * b
            v_bar = (1 - theta) * v_bar + theta * v
            primal = float((v - fw).norm())
            dual = float(rho * torch.einsum("ij,ijc->jc", x, v - before).norm())
            rho, k = min(rho * config.beta, config.rho_max), k + 1

    def of_groups(copies: torch.Tensor) -> NDArray[Any]:
        found: NDArray[Any] = copies.square().sum(dim=axes).sqrt().reshape(n, -1).numpy()
        return found

    return Dense(
        w_bar=w_bar.numpy(),
        b_bar=b_bar.numpy(),
        norms=of_groups(v),
        averaged=of_groups(v_bar),
        primal=primal,
        dual=dual,
    )
