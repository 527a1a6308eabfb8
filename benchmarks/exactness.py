"""The matrix-free ADMM against the algorithm as printed, group by group."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from air_core.bench import Report
from air_core.solver import SolverConfig, sadmm
from air_core.solver.config import Group
from air_core.solver.penalty import group_norms
from benchmarks.dense import dense_sadmm


def blobs(n: int, p: int, classes: int, seed: int = 0) -> tuple[NDArray[Any], NDArray[Any]]:
    """Non-negative features around class centres."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    centres = np.abs(rng.standard_normal((classes, p), dtype=np.float32))
    noise = rng.standard_normal((n, p), dtype=np.float32)
    return np.maximum(0, centres[labels] + noise - 0.3), labels


def exactness(report: Report) -> None:
    """W, activations and the averaged copies at every λ_g, all past steps kept and as shipped."""
    x, y = blobs(200, 64, 5)
    x = x.astype(np.float64)
    worst: dict[str, float] = {"every step kept": 0.0, "as shipped": 0.0}
    tolerances = (0.0, SolverConfig().history_tolerance)
    averaging = 0.0
    for group in get_args(Group):
        for scale in (0, 1, 3, 10, 20, 30, 64, 128, 640):
            base = SolverConfig(lambda_scale=scale, group=group, batch_size=20, epochs=6)
            dense = dense_sadmm(x, y, 5, base)
            for name, tolerance in zip(worst, tolerances, strict=True):
                config = replace(base, history_tolerance=tolerance)
                got = sadmm(x, y, config=config, dtype=torch.float64)
                error_w = _relative(got.coef * got.feature_scale, dense.w_bar)
                error_v = _relative(got.last_activations, dense.norms)
                worst[name] = max(worst[name], error_w, error_v)
                report.add(
                    "matrix-free against dense",
                    group=group,
                    lambda_scale=scale,
                    history_tolerance=tolerance,
                    error_w=error_w,
                    error_activations=error_v,
                    suppressed=got.history[-1]["suppressed"],
                    slots=max(record["slots"] for record in got.history),
                    largest_merge=got.largest_merge,
                )
            ours = group_norms(torch.as_tensor(got.activations), group).numpy()
            apart = float(np.abs(ours - dense.averaged).max())
            averaging = max(averaging, apart / got.averaging_bound if scale else 0.0)
            report.add(
                "activations of w̄ against those of the paper's v̄",
                group=group,
                lambda_scale=scale,
                largest_activation=float(dense.averaged.max()),
                apart=apart,
                bound=got.averaging_bound,
            )
    report.expect(
        "matrix-free = dense, largest relative error of W and activations",
        worst["every step kept"],
        "<=",
        1e-6,
    )
    report.expect(
        f"the same with history_tolerance = {tolerances[1]:g}, as shipped",
        worst["as shipped"],
        "<=",
        1e-6,
    )
    report.expect("activations of w̄ and v̄ apart, over the stated bound", averaging, "<=", 1)


def _relative(found: NDArray[Any], expected: NDArray[Any]) -> float:
    return float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-12))
