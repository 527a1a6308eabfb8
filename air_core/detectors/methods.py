"""The detectors, each from features and given labels alone."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from air_core.detectors.detection import Detection, Fits, agreement_scores
from air_core.errors import SolverError
from air_core.progress import ProgressCallback
from air_core.ranking import (
    activation_scores,
    margins,
    own_class,
    softmax,
    tag_activations,
    tag_margins,
)

Array = NDArray[Any]
Floats = NDArray[np.float32]


def consensus(
    features: Array, targets: Array, classes: int, seed: int, progress: ProgressCallback, fits: Fits
) -> Detection:
    """See :func:`air_core.detectors.consensus.consensus`; imported when asked for."""
    from air_core.detectors.consensus import consensus as ask

    return ask(features, targets, classes, seed, progress, _basis(features, fits))


def air(
    features: Array, targets: Array, classes: int, seed: int, progress: ProgressCallback,
    fits: Fits, *, reading: str,
) -> Detection:  # fmt: skip
    """AIR by the paper's stochastic ADMM, its strength chosen on a held-out split."""
    from air_core.solver import SolverConfig, adapt, sadmm

    wanted, on = _as_solved(targets, classes, progress)

    def fit() -> tuple[Any, str]:
        tuning = adapt(features, wanted, SolverConfig(seed=seed), **on)
        return sadmm(features, wanted, config=tuning.config, **on), tuning.reason

    result, reason = fits.once("air", fit)
    return _air(features, targets, result, reading, {"strength": reason})


def air_exact(
    features: Array, targets: Array, classes: int, seed: int, progress: ProgressCallback, fits: Fits
) -> Detection:
    """The optimum of AIR's objective, λ_g chosen on a held-out split."""
    from air_core.solver import exact, tune_lambda

    wanted, on = _as_solved(targets, classes, progress)
    choice = tune_lambda(features, wanted, group="image_class", **on)
    scale = choice.lambda_scale
    result = exact(features, wanted, lambda_scale=scale, start=choice.start, **on)
    return _air(features, targets, result, "margin", {"lambda_scale": scale})


def _as_solved(
    targets: Array, classes: int, progress: ProgressCallback
) -> tuple[Array, dict[str, Any]]:
    """Targets as AIR's solvers take them, and what else they are told."""
    from air_core.features import resolve_device

    tags = targets.ndim == 2
    on = {"n_classes": None if tags else classes, "device": resolve_device("auto")}
    wanted = np.where(targets < 0, np.nan, targets) if tags else targets
    return wanted, {**on, "progress": progress}


def _air(
    features: Array, targets: Array, result: Any, reading: str, notes: dict[str, Any]
) -> Detection:
    decision = features @ result.coef + result.intercept
    tags = targets.ndim == 2
    probabilities = _chances(decision, tags)
    if reading == "activation":
        own = (tag_activations if tags else own_class)(result.activations, targets)
        scores = activation_scores(own)
    else:
        scores = agreement_scores(probabilities, targets)
    return Detection(scores, probabilities, result.coef, result.intercept, notes)


def svm(
    features: Array, targets: Array, classes: int, seed: int, progress: ProgressCallback,
    fits: Fits, *, reading: str = "margin", grid: tuple[float, ...] | None = None,
) -> Detection:  # fmt: skip
    """A linear SVM, C by cross-validation from the paper's grid or a fairer one."""
    from air_core.baselines.svm import PAPER_GRID, SVMResult, linear_svm, linear_svm_tags

    chosen = grid or PAPER_GRID
    tags = targets.ndim == 2

    def fit() -> SVMResult:
        basis = _basis(features, fits)
        how = {"grid": chosen, "seed": seed, "progress": progress, "basis": basis}
        if tags:
            return linear_svm_tags(features, targets, **how)
        return linear_svm(features, targets, n_classes=classes, **how)

    result = fits.once(f"svm {chosen}", fit)
    if reading == "activation":
        own = (tag_activations if tags else own_class)(result.activations, targets)
        scores = activation_scores(own)
    else:
        scores = expit((tag_margins if tags else margins)(result.decision, targets))
    probabilities = _chances(result.decision, tags)
    return Detection(scores, probabilities, result.coef, result.intercept, {"C": result.C})


def softmax_l2(
    features: Array, targets: Array, classes: int, seed: int, progress: ProgressCallback,
    fits: Fits, *, left_out: bool,
) -> Detection:  # fmt: skip
    """Softmax regression: in sample, or each image by a model that has not seen it."""
    from air_core.baselines.softmax import softmax_l2 as fit

    found = fits.once(
        "softmax",
        lambda: fit(
            features,
            targets,
            n_classes=classes,
            seed=seed,
            progress=progress,
            basis=_basis(features, fits),
        ),
    )
    if left_out:
        scores = agreement_scores(found.left_out, targets)
        return Detection(scores, found.left_out, notes={"C": found.C})
    probabilities = _chances(found.decision, targets.ndim == 2)
    scores = agreement_scores(probabilities, targets)
    return Detection(scores, found.left_out, found.coef, found.intercept, {"C": found.C})


def argmax(
    features: Array, targets: Array, classes: int, seed: int, progress: ProgressCallback, fits: Fits
) -> Detection:
    """0 where a model that has not seen an image would label it otherwise, else 1."""
    found = softmax_l2(features, targets, classes, seed, progress, fits, left_out=True)
    agrees = np.where(np.isnan(found.scores), np.nan, (found.scores >= 0.5).astype(np.float64))
    return Detection(agrees, found.probabilities, notes=found.notes)


def confident(
    features: Array, targets: Array, classes: int, seed: int, progress: ProgressCallback, fits: Fits
) -> Detection:
    """Confident learning by the cleanlab package, on softmax regression left out."""
    from air_core.baselines.confident import confident_learning

    _single(targets, "Confident learning")
    found = softmax_l2(features, targets, classes, seed, progress, fits, left_out=True)
    said = confident_learning(found.probabilities, targets)
    notes = {**found.notes, "issues": int(said.issues.sum())}
    return Detection(said.quality, found.probabilities, notes=notes)


def robust(
    features: Array, targets: Array, classes: int, seed: int, progress: ProgressCallback, fits: Fits
) -> Detection:
    """RoLR, one class against the rest."""
    from air_core.baselines.robust_logistic import robust_logistic

    found = robust_logistic(
        features, targets, n_classes=classes, seed=seed, progress=progress,
        basis=_basis(features, fits),
    )  # fmt: skip
    tags = targets.ndim == 2
    probabilities = expit(found.decision)
    scores = expit((tag_margins if tags else margins)(found.decision, targets))
    if not tags:
        probabilities = probabilities / np.maximum(probabilities.sum(axis=1, keepdims=True), 1e-12)
    notes = {"outliers": found.outliers, "gap": found.gap}
    return Detection(scores, probabilities.astype(np.float32), found.coef, found.intercept, notes)


def neighbours(
    features: Array, targets: Array, classes: int, seed: int, progress: ProgressCallback, fits: Fits
) -> Detection:
    """The labels of the fifty images most alike."""
    from air_core.baselines.neighbours import vote

    known = _alike(features, targets, progress, fits)
    shares = vote(features, targets, n_classes=classes, known=known, progress=progress)
    return Detection(agreement_scores(shares, targets), shares)


def simifeat(
    features: Array, targets: Array, classes: int, seed: int, progress: ProgressCallback,
    fits: Fits, *, method: str,
) -> Detection:  # fmt: skip
    """SimiFeat: in how many rounds a label was found wrong; ties by the neighbours' shares."""
    from air_core.baselines.simifeat import simifeat as find

    _single(targets, "SimiFeat")
    found = find(
        features, targets, n_classes=classes, method="vote" if method == "vote" else "rank",
        seed=seed, known=_alike(features, targets, progress, fits), progress=progress,
    )  # fmt: skip
    shared = agreement_scores(found.shares, targets)
    return Detection(0.99 * (1 - found.doubt) + 0.01 * shared, found.shares)


def _basis(features: Array, fits: Fits) -> Any:
    """The features in the eigenvectors of their covariance."""
    from air_core.baselines.newton import decompose

    return fits.once("basis", lambda: decompose(features))


def _alike(
    features: Array, targets: Array, progress: ProgressCallback, fits: Fits
) -> NDArray[np.intp]:
    """The labelled images most alike to each."""
    from air_core.baselines.neighbours import nearest_labelled

    return fits.once("neighbours", lambda: nearest_labelled(features, targets, progress=progress))


def area_under_margin(
    features: Array, targets: Array, classes: int, seed: int, progress: ProgressCallback, fits: Fits
) -> Detection:
    """AUM of a small network over eight epochs."""
    from air_core.baselines.area_under_margin import area_under_margin as watch

    found = watch(features, targets, n_classes=classes, seed=seed, progress=progress)
    area = found.margins_by_epoch.mean(axis=0, dtype=np.float64)
    return Detection(expit(area), _chances(found.mean_scores, targets.ndim == 2))


def _chances(decision: Array, tags: bool) -> Floats:
    found = expit(decision) if tags else softmax(decision)
    return np.asarray(found, dtype=np.float32)


def _single(targets: Array, what: str) -> None:
    if targets.ndim == 2:
        raise SolverError(
            f"{what} expects one label an image, got tags.",
            hint="For tags use AIR, the SVM, softmax regression, RoLR or the neighbours' vote.",
        )


fair_svm = partial(svm, grid=(0.003, 0.01, 0.03, 0.1, 0.3, 1.0))
