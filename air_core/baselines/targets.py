"""Given labels as the baselines fit them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from air_core.errors import SolverError


def labelled_rows(wanted: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """Rows with a label, of targets (n, C) with NaN where unlabelled.

    Raises
    ------
    SolverError
        If fewer than two images are labelled, or all alike.
    """
    labelled = np.flatnonzero(~np.isnan(wanted).any(axis=1))
    if len(labelled) < 2 or not np.ptp(wanted[labelled], axis=0).any():
        raise SolverError(
            f"Expected labelled images of two classes, got {len(labelled)} labelled images.",
            hint="Nothing can be told from labels that are all alike.",
        )
    return labelled


def one_hot(targets: NDArray[Any], n_classes: int) -> NDArray[np.float32]:
    """Targets as (n, C) of 1 and 0; rows of NaN where unlabelled."""
    if targets.ndim == 2:
        return np.where(targets < 0, np.nan, targets).astype(np.float32)
    wanted = np.zeros((len(targets), n_classes), dtype=np.float32)
    wanted[np.arange(len(targets)), np.maximum(targets, 0)] = 1
    wanted[targets < 0] = np.nan
    return wanted
