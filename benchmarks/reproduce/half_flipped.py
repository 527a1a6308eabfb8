"""AIR and the SVM on half-flipped labels, as Figures 1, 3 and 4 read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from air_core.baselines.svm import PAPER_GRID, linear_svm
from air_core.ranking import own_class
from air_core.solver import SolverConfig, sadmm
from benchmarks.reproduce.parts import Parts, Values, digest_of

REVISION = 2
EPOCHS = (4, 12, 50)
SEED = 0


@dataclass(frozen=True, slots=True)
class Pair:
    """Both models of the same features and given labels.

    Parameters
    ----------
    own : dict of str to ndarray of shape (n,)
        Own-class activations: ``"AIR 4"``, ``"AIR 12"``, ``"AIR 50"`` and ``"SVM"``.
    scores : dict of str to ndarray of shape (n, C)
        ``x_i w_c + b_c`` of ``"AIR"`` and ``"SVM"``.
    svm_c : float
        The C that was chosen.
    """

    own: dict[str, NDArray[Any]]
    scores: dict[str, NDArray[Any]]
    svm_c: float


def fit_pair(
    parts: Parts, name: str, features: NDArray[Any], given: NDArray[np.intp], n_classes: int
) -> Pair:
    """AIR at the paper's settings, and the SVM with C from the paper's grid."""
    settings = {"revision": REVISION, "data": digest_of(features, given), "seed": SEED}

    def air() -> Values:
        result = sadmm(
            features,
            given,
            n_classes=n_classes,
            config=SolverConfig(seed=SEED),
            snapshots=EPOCHS,
        )
        kept = {f"AIR {epoch}": own for epoch, own in result.snapshots.items()}
        return {**kept, "scores": features @ result.coef + result.intercept}

    def svm() -> Values:
        result = linear_svm(features, given, n_classes=n_classes, seed=SEED)
        return {
            "SVM": own_class(result.activations, given),
            "scores": result.decision,
            "C": result.C,
        }

    config = SolverConfig(seed=SEED).as_dict() | {"snapshots": EPOCHS}
    found = parts.get(f"{name}-air", settings | {"model": "AIR", "config": config}, air)
    other = parts.get(f"{name}-svm", settings | {"model": "SVM", "grid": PAPER_GRID}, svm)
    own = {f"AIR {epoch}": found[f"AIR {epoch}"] for epoch in EPOCHS} | {"SVM": other["SVM"]}
    return Pair(own, {"AIR": found["scores"], "SVM": other["scores"]}, float(other["C"]))
