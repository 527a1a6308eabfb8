"""The paper's algorithm as printed, with every one of its n·p·C numbers: the tests' oracle."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from air_core.solver import SolverConfig
from air_core.solver.sadmm import shuffled_batches


def softmax_residual(scores: NDArray, labels: NDArray) -> NDArray:
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    residual = e / e.sum(axis=1, keepdims=True)
    residual[np.arange(len(labels)), labels] -= 1
    return residual


def dense_sadmm(x: NDArray, y: NDArray, n_classes: int, config: SolverConfig):
    """Eqs. 4–6 with explicit F w, v and u of shape (n, p, C), in float64.

    Returns
    -------
    w_bar (p, C), b_bar (C,), norms of v per group
    """
    x = x / np.linalg.norm(x, axis=1).mean()
    n, p = x.shape
    lambda_g = config.lambda_scale / p
    axes = (1,) if config.group == "image_class" else (1, 2)
    w, b = np.zeros((p, n_classes)), np.zeros(n_classes)
    w_bar, b_bar = w.copy(), b.copy()
    v, u = np.zeros((n, p, n_classes)), np.zeros((n, p, n_classes))
    gram = (x**2).sum(axis=0)[:, None]
    generator = torch.Generator().manual_seed(config.seed)
    rho, k = config.rho, 0
    for _ in range(config.epochs):
        for batch in shuffled_batches(torch.arange(n), config.batch_size, generator):
            rows = batch.numpy()
            residual = softmax_residual(x[rows] @ w + b, y[rows]) * (n / len(rows))
            inverse_step = (k + 3) / 2
            adjoint = np.einsum("ij,ijc->jc", x, rho * v + u)
            gradient = x[rows].T @ residual
            w = (w * inverse_step - gradient + adjoint) / (
                rho * gram + 2 * config.lambda_1 + inverse_step
            )
            b = b - residual.sum(axis=0) / (n / 2 + inverse_step)
            fw = x[:, :, None] * w[None]
            z = fw - u / rho
            norms = np.sqrt((z**2).sum(axis=axes, keepdims=True))
            with np.errstate(divide="ignore"):
                v = np.maximum(0, 1 - lambda_g / rho / norms) * z
            u = u + rho * (v - fw)
            theta = 2 / (k + 2)
            w_bar, b_bar = (1 - theta) * w_bar + theta * w, (1 - theta) * b_bar + theta * b
            rho, k = min(rho * config.beta, config.rho_max), k + 1
    norms = np.sqrt((v**2).sum(axis=axes))
    return w_bar, b_bar, norms.reshape(n, -1)
