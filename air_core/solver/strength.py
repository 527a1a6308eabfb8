"""How strongly to regularize data that one has not seen before."""

from __future__ import annotations

from dataclasses import replace

import torch
from numpy.typing import ArrayLike

from air_core.solver.config import SolverConfig
from air_core.solver.exact import largest_lambda
from air_core.solver.problem import make_problem
from air_core.solver.tuning import tune

# The paper's 10/p suits p in the thousands. With few features it comes near λ_max, or exceeds it,
# and silences everything. Measured at p = 2, 13, 30 and 64 with 10–30 % of the labels flipped:
# accuracy is within a point or two of its best from this share of λ_max down, and falls above.
LARGEST_SHARE = 1 / 20


def adapt(
    features: ArrayLike,
    targets: ArrayLike,
    config: SolverConfig,
    *,
    n_classes: int,
    device: str | torch.device,
    dtype: torch.dtype,
) -> tuple[SolverConfig, str]:
    """Settings for these data, and how they came about, in words.

    λ_g is lowered to λ_max/20 where it is more; then ρ, ρ_max and the stopping epoch are chosen on
    a held-out split of the given labels by :func:`~air_core.solver.tuning.tune`.

    Parameters
    ----------
    features : array of shape (n, p)
    targets : array of shape (n,) or (n, C)
        As for :func:`~air_core.solver.sadmm`.
    config : SolverConfig
        Where to start from. ``epochs`` is the most to be run.
    n_classes, device, dtype
    """
    # The search for λ_max drives the norms of some images towards zero, past float32's range.
    on = "cpu" if torch.device(device).type == "mps" else device  # Apple's have no float64
    problem = make_problem(features, targets, n_classes, device=on, dtype=torch.float64)
    bound = LARGEST_SHARE * largest_lambda(problem, config.group) * problem.matrix.p
    del problem  # a copy of the features, and their squares
    lowered = ""
    if config.lambda_scale > bound:
        config, lowered = replace(config, lambda_scale=bound), "; λ_g lowered to λ_max/20"
    tuning = tune(features, targets, base=config, n_classes=n_classes, device=device, dtype=dtype)
    return tuning.config, tuning.reason + lowered
