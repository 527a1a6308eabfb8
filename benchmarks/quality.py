"""AIR against the SVM and softmax-ℓ2 on half-flipped labels, all tuned on noisy labels only.

The paper names its baseline an ℓ2-regularised SVM with C from {1, 10, 100}, and neither the loss
nor the scale of the features, on which the meaning of C depends. "SVM, paper's grid" here is the
problem that scikit-learn's ``LinearSVC`` sets as it comes (liblinear, squared hinge) on features
with every row at unit norm: what a linear SVM on a network's features is usually given, and the
reading that the target of 8 points was set for. It is solved for all classes at once
(:mod:`air_core.baselines.newton`, tested against liblinear), in a fifth of liblinear's time. It is
not the reading that suits AIR least or best. On AIR's own scaling, a mean row norm of 1, the same
grid does a little better; that row is always beside it. With the hinge loss it does worse, and on
features as extracted, where no C of the grid is small enough and liblinear stops at its limit,
worse by far; both are rows of the table too.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.svm import LinearSVC

from air_core import metrics
from air_core.baselines.newton import decompose, fit_squared_hinge
from air_core.bench import Report
from air_core.ranking import margins, own_class, softmax
from air_core.solver import LAMBDAS_1, SolverConfig, adapt, exact, sadmm, tune_lambda
from benchmarks.data import BenchmarkSet, flip_half

SEEDS = (0, 1, 2, 3, 4)
PAPER_SVM = "SVM, paper's grid"
AIR_HINGE = "AIR with the SVM's loss"
PAPER_GRID = (1.0, 10.0, 100.0)
FAIR_GRID = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
# Inverse strengths as scikit-learn has them, λ1 = 1/(2C) from 0.05 to 16.
SOFTMAX_GRID = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


View = Callable[[NDArray[Any]], NDArray[Any]]


def as_given(features: NDArray[Any]) -> NDArray[Any]:
    """Features as they were extracted."""
    return features


def unit_rows(features: NDArray[Any]) -> NDArray[Any]:
    """Every row at norm 1."""
    rows: NDArray[Any] = features / np.linalg.norm(features, axis=1, keepdims=True)
    return rows


class Fitted(NamedTuple):
    """Weights for features as ``view`` shows them, and how they were chosen, in words."""

    coef: NDArray[Any]
    intercept: NDArray[Any]
    note: str = ""
    view: View = as_given


def figures(
    data: BenchmarkSet,
    given: NDArray[Any],
    coef: NDArray[Any],
    intercept: NDArray[Any],
    view: View = as_given,
) -> dict[str, float]:
    """Test accuracy, and AUROC of finding wrong labels by activation and by margin."""
    wrong = given != data.clean
    x = view(data.features)
    scale = np.linalg.norm(x, axis=1).mean()
    squares = (x / scale) ** 2 @ (coef * scale) ** 2
    test = (view(data.test_features) @ coef + intercept).argmax(axis=1)
    return {
        "accuracy": float((test == data.test_clean).mean()),
        "own_auroc": metrics.auroc(own_class(np.sqrt(squares), given), wrong),
        "margin_auroc": metrics.auroc(margins(softmax(x @ coef + intercept), given), wrong),
    }


def caltech_quality(report: Report, data: BenchmarkSet, seeds: Sequence[int]) -> None:
    """Mean over noise seeds of every method, and the targets."""
    classes = len(data.class_names)
    reached: dict[str, list[dict[str, float]]] = {}
    for seed in seeds:
        # The first is the set's own column; the others are drawn the same way.
        given = data.given if seed == 0 else flip_half(data.clean, classes, seed)
        for name, fit in METHODS.items():
            if name in _EASIER and seed not in seeds[:EASIER_SEEDS]:
                continue
            fitted = fit(data.features, given, classes, seed)
            found = figures(data, given, fitted.coef, fitted.intercept, fitted.view)
            reached.setdefault(name, []).append(found)
            report.add(
                "caltech50 half flipped, by seed", seed=seed, method=name, **found, note=fitted.note
            )
    mean = {
        name: {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
        for name, rows in reached.items()
    }
    for name, rows in reached.items():
        spread = {f"{k}_sd": float(np.std([row[k] for row in rows])) for k in rows[0]}
        report.add(
            "caltech50 half flipped, mean", method=name, seeds=len(rows), **mean[name], **spread
        )
        if name.startswith(PAPER_SVM):
            ours = [row["accuracy"] for row in reached["AIR, paper's settings"][: len(rows)]]
            report.add(
                "points of AIR at the paper's settings over readings of the paper's SVM",
                reading=name,
                seeds=len(rows),
                points=100 * (float(np.mean(ours)) - mean[name]["accuracy"]),
            )
    paper, auto = mean["AIR, paper's settings"], mean["AIR, strength auto"]
    report.expect("paper's settings: test accuracy", paper["accuracy"], ">=", 0.905)
    report.expect(
        "paper's settings: points over the SVM on the paper's grid",
        100 * (paper["accuracy"] - mean[PAPER_SVM]["accuracy"]),
        ">=",
        8,
    )
    report.expect("paper's settings: own-class AUROC", paper["own_auroc"], ">=", 0.975)
    report.expect("paper's settings: margin AUROC", paper["margin_auroc"], ">=", 0.997)
    report.expect("default: test accuracy", auto["accuracy"], ">=", 0.91)
    report.expect("default: own-class AUROC", auto["own_auroc"], ">=", 0.98)
    for rival in ("SVM, fair grid", "softmax-ℓ2"):
        report.expect(
            f"default: accuracy ahead of {rival}",
            auto["accuracy"] - mean[rival]["accuracy"],
            ">",
            0,
        )


def _air_paper(x: NDArray[Any], y: NDArray[Any], classes: int, seed: int) -> Fitted:
    result = sadmm(x, y, n_classes=classes, config=SolverConfig(seed=seed))
    return Fitted(result.coef, result.intercept)


def _air_auto(x: NDArray[Any], y: NDArray[Any], classes: int, seed: int) -> Fitted:
    tuning = adapt(x, y, SolverConfig(seed=seed), n_classes=classes, device="cpu")
    result = sadmm(x, y, n_classes=classes, config=tuning.config)
    return Fitted(result.coef, result.intercept, tuning.reason)


def _air_hinge(x: NDArray[Any], y: NDArray[Any], classes: int, seed: int) -> Fitted:
    """AIR with the SVM's squared hinge loss, both strengths chosen on held-out given labels."""
    same = {"n_classes": classes, "loss": "squared_hinge"}
    # Down to where hardly anything is left of the image regularizer.
    chosen = tune_lambda(x, y, lambda_1=LAMBDAS_1, count=14, ratio=1000.0, **same)
    strengths = {"lambda_scale": chosen.lambda_scale, "lambda_1": chosen.lambda_1}
    result = exact(x, y, **strengths, start=chosen.start, **same)
    note = f"λ_g = {chosen.lambda_scale:.3g}/p, λ1 = {chosen.lambda_1:g}: least held-out loss"
    note += "" if result.converged else f"; {result.stop_reason}"
    return Fitted(result.coef, result.intercept, note)


def _shown(x: NDArray[Any], view: View | None) -> View:
    """``view``, or the features divided by their mean row norm, as AIR divides them."""
    scale = np.linalg.norm(x, axis=1).mean()
    return view or (lambda features: features / scale)


def _halves(y: NDArray[Any], seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The same kind of noisy split that AIR's strength is chosen on."""
    train, held = train_test_split(np.arange(len(y)), test_size=0.2, random_state=seed, stratify=y)
    return train, held


def _chosen(accuracy: dict[float, float]) -> float:
    """The C of the highest accuracy on held-out given labels; the least of equals."""
    return max(accuracy, key=lambda c: (accuracy[c], -c))


def _svm(
    grid: Sequence[float], view: View | None = None
) -> Callable[[NDArray[Any], NDArray[Any], int, int], Fitted]:
    """The SVM of squared hinge loss, C chosen from a grid."""

    def fit(x: NDArray[Any], y: NDArray[Any], classes: int, seed: int) -> Fitted:
        shown = _shown(x, view)
        basis, (train, held) = decompose(shown(x)), _halves(y, seed)
        signs = np.where(y[:, None] == np.arange(classes), 1, -1).astype(np.float32)
        accuracy, near = {}, None
        for c in grid:
            near = fit_squared_hinge(basis, signs, train, c, start=near)
            found = basis.scores(near.weights, held).argmax(axis=1)
            accuracy[c] = float((found == y[held]).mean())
        best = _chosen(accuracy)
        model = fit_squared_hinge(basis, signs, np.arange(len(y)), best, tolerance=1e-5)
        return Fitted(model.coef, model.intercept, f"C = {best:g}", shown)

    return fit


def _scikit(
    make: Callable[[float], Any], grid: Sequence[float], view: View | None = None
) -> Callable[[NDArray[Any], NDArray[Any], int, int], Fitted]:
    """One of scikit-learn's models as it comes, where it stops at its limit too."""

    def fit(x: NDArray[Any], y: NDArray[Any], classes: int, seed: int) -> Fitted:
        shown = _shown(x, view)
        x, (train, held) = shown(x), _halves(y, seed)
        with warnings.catch_warnings():
            # The paper's grid, as the paper's user has it.
            warnings.simplefilter("ignore", ConvergenceWarning)
            accuracy = {}
            for c in grid:
                found = make(c).fit(x[train], y[train]).predict(x[held])
                accuracy[c] = float((found == y[held]).mean())
            best = _chosen(accuracy)
            model = make(best).fit(x, y)
        return Fitted(model.coef_.T, model.intercept_, f"C = {best:g}", shown)

    return fit


METHODS: dict[str, Callable[[NDArray[Any], NDArray[Any], int, int], Fitted]] = {
    "AIR, paper's settings": _air_paper,
    "AIR, strength auto": _air_auto,
    AIR_HINGE: _air_hinge,
    PAPER_SVM: _svm(PAPER_GRID, unit_rows),
    f"{PAPER_SVM}, mean row norm 1": _svm(PAPER_GRID),
    f"{PAPER_SVM}, hinge": _scikit(
        lambda c: LinearSVC(C=c, loss="hinge", random_state=0), PAPER_GRID, unit_rows
    ),
    f"{PAPER_SVM}, as extracted": _scikit(
        lambda c: LinearSVC(C=c, dual=False), PAPER_GRID, as_given
    ),
    "SVM, fair grid": _svm(FAIR_GRID),
    "softmax-ℓ2": _scikit(lambda c: LogisticRegression(C=c, max_iter=2000), SOFTMAX_GRID),
}
# Far behind the first two readings, and slow.
_EASIER = {f"{PAPER_SVM}, hinge", f"{PAPER_SVM}, as extracted"}
EASIER_SEEDS = 1
