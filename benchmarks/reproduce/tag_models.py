"""The four methods on user tags, as Figures 5 and 6 read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from air_core.baselines.robust_logistic import robust_logistic
from air_core.baselines.softmax import softmax_l2
from air_core.baselines.svm import PAPER_GRID, linear_svm_tags
from air_core.solver import AIRMultilabelClassifier
from benchmarks.reproduce.parts import Parts, Values, digest_of
from benchmarks.reproduce.tagged import TaggedSet

REVISION = 3
SEED = 0
FOLDS = 2


class Linear(NamedTuple):
    """Weights of one classifier for each tag, and how they were chosen, in words."""

    coef: NDArray[Any]
    intercept: NDArray[Any]
    note: str


def tag_scores(
    parts: Parts, data: TaggedSet, methods: tuple[str, ...]
) -> dict[str, tuple[NDArray[Any], str]]:
    """Scores (m, C) of the test images by each method, and how it was tuned, in words."""
    digest = digest_of(data.features, data.tags, data.test_features)
    found = {}
    for name in methods:
        fit = METHODS[name]

        def compute(fit: Callable[[TaggedSet], Linear] = fit) -> Values:
            model = fit(data)
            return {
                "scores": (data.test_features @ model.coef + model.intercept).astype(np.float32),
                "note": model.note,
            }

        settings = {"revision": REVISION, "data": digest, "method": name, "seed": SEED}
        kept = parts.get("tags", settings | {"folds": FOLDS}, compute)
        found[name] = (kept["scores"], kept["note"])
    return found


def _air(data: TaggedSet) -> Linear:
    model = AIRMultilabelClassifier(random_state=SEED).fit(data.features, data.tags)
    return Linear(model.coef_.T, model.intercept_, model.strength_)


def _svm(data: TaggedSet) -> Linear:
    model = linear_svm_tags(data.features, data.tags, folds=FOLDS, seed=SEED)
    return Linear(model.coef, model.intercept, f"C = {model.C:g} from {PAPER_GRID}")


def _fair_svm(data: TaggedSet) -> Linear:
    grid = (0.01, 0.1, 1.0)
    model = linear_svm_tags(data.features, data.tags, grid=grid, folds=FOLDS, seed=SEED)
    return Linear(model.coef, model.intercept, f"C = {model.C:g} from {grid}")


def _softmax(data: TaggedSet) -> Linear:
    model = softmax_l2(data.features, data.tags, n_classes=len(data.names), folds=FOLDS, seed=SEED)
    return Linear(model.coef, model.intercept, f"C = {model.C:g}; a logistic loss for each tag")


def _rolr(data: TaggedSet) -> Linear:
    model = robust_logistic(data.features, data.tags, n_classes=len(data.names), seed=SEED)
    return Linear(model.coef, model.intercept, f"share of outliers {model.outliers:g}")


METHODS: dict[str, Callable[[TaggedSet], Linear]] = {
    "AIR": _air,
    "SVM": _svm,
    "softmax-ℓ2": _softmax,
    "RoLR": _rolr,
    "SVM, fair grid": _fair_svm,
}
