"""How strongly to regularize data that one has not seen before."""

from __future__ import annotations

from dataclasses import replace

import torch
from numpy.typing import ArrayLike

from air_core.progress import ProgressCallback, silent
from air_core.solver.config import SolverConfig
from air_core.solver.objective import largest_lambda
from air_core.solver.problem import make_problem
from air_core.solver.tuning import Tuning, tune

# The paper's 10/p suits p in the thousands. With few features it comes near λ_max, or exceeds it,
# and silences everything. Measured at p = 2, 13, 30 and 64 with 10–30 % of the labels flipped:
# accuracy is within a point or two of its best from this share of λ_max down, and falls above.
LARGEST_SHARE = 1 / 20


def adapt(
    features: ArrayLike,
    targets: ArrayLike,
    config: SolverConfig,
    *,
    n_classes: int | None,
    device: str | torch.device,
    dtype: torch.dtype = torch.float32,
    lower: bool = True,
    progress: ProgressCallback = silent,
) -> Tuning:
    """Settings for these data, and how they came about: what ``strength="auto"`` means.

    λ_g is lowered to λ_max/20 where it is more; then ρ, ρ_max and the stopping epoch are chosen on
    a held-out split of the given labels by :func:`~air_core.solver.tuning.tune`.

    Parameters
    ----------
    features : array of shape (n, p)
    targets : array of shape (n,) or (n, C)
        As for :func:`~air_core.solver.sadmm`.
    config : SolverConfig
        Where to start from. ``epochs`` is the most to be run.
    n_classes, device, dtype, progress
    lower : bool
        False keeps λ_g as it is: somebody asked for it.
    """
    lowered = ""
    if lower:
        # The search for λ_max drives the norms of some images towards zero, past float32's range.
        on = "cpu" if torch.device(device).type == "mps" else device  # Apple's have no float64
        problem = make_problem(features, targets, n_classes, device=on, dtype=torch.float64)
        p = problem.matrix.p
        enough = config.lambda_scale / (LARGEST_SHARE * p)
        bound = LARGEST_SHARE * largest_lambda(problem, config.group, enough=enough) * p
        del problem  # a copy of the features, and their squares
        if 0 < bound < config.lambda_scale:
            config, lowered = replace(config, lambda_scale=bound), "; λ_g lowered to λ_max/20"
    tuning = tune(
        features,
        targets,
        base=config,
        n_classes=n_classes,
        device=device,
        dtype=dtype,
        progress=progress,
    )
    return replace(tuning, reason=tuning.reason + lowered)
