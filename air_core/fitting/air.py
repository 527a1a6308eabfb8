"""AIR on a workspace's features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from air_core.dataset import Dataset
from air_core.errors import SolverError
from air_core.fitting.stored import blocks_of, current_features, fit_once, latest_fit, targets_of
from air_core.progress import ProgressCallback, silent
from air_core.ranking import margins, own_class, softmax, tag_activations, tag_margins
from air_core.runs import Fit
from air_core.workspace import Workspace

if TYPE_CHECKING:
    from air_core.features import Features
    from air_core.solver import SolverResult

Solver = Literal["sadmm", "exact"]
Strength = Literal["auto", "paper"]

# Epochs of the paper's Figure 3, and a few between.
FIGURE_3_EPOCHS = (1, 2, 4, 8, 12, 25, 50)


def fit(
    workspace: Workspace,
    *,
    solver: Solver = "sadmm",
    strength: Strength = "auto",
    lambda_g: float | None = None,
    lambda_scale: float | None = None,
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
    progress: ProgressCallback = silent,
) -> Fit:
    """Fit AIR; a fit that was already made of the same inputs is returned as it is.

    Parameters
    ----------
    workspace : Workspace
        With features.
    solver : {"sadmm", "exact"}
        The paper's stochastic ADMM, or the optimum of its objective with a certified duality gap.
    strength : {"auto", "paper"}
        For SADMM: ρ_max and the stopping epoch chosen on a held-out split of the given labels, as
        :class:`~air_core.solver.AIRClassifier` does, or as ``settings`` and the paper have them.
    lambda_g : float, optional
        λ_g itself.
    lambda_scale : float, optional
        Or λ_g as a multiple of 1/p. By default the paper's 10 for SADMM, lowered to λ_max/20 by
        ``strength="auto"`` where that is less; the exact solver has no early stop to hold it back,
        so there λ_g is chosen on a held-out split.
    settings : mapping, optional
        Other fields of :class:`air_core.solver.SolverConfig` (SADMM), or ``group``, ``lambda_1``,
        ``tolerance`` and ``max_evaluations`` (exact).
    device : str
    progress : callable

    Returns
    -------
    Fit

    Raises
    ------
    SolverError
        For settings that the solver does not have or cannot use.
    """
    features = current_features(workspace)
    if lambda_g is not None:
        lambda_scale = lambda_g * features.array.shape[1]
    asked = dict(settings or {})
    if lambda_scale is not None:
        asked["lambda_scale"] = float(lambda_scale)
    asked |= {"solver": solver} | ({"strength": strength} if solver == "sadmm" else {})

    def solve() -> dict[str, Any]:
        from air_core.features import resolve_device

        dataset = workspace.dataset
        on: dict[str, Any] = {
            "n_classes": None if dataset.multilabel else len(dataset.class_names),
            "device": resolve_device(device),
            "progress": progress,
        }
        result, fields = (_sadmm if solver == "sadmm" else _exact)(
            features.array, targets_of(dataset), asked, on
        )
        fields["notes"] |= {
            "converged": result.converged,
            "stop_reason": result.stop_reason,
            "feature_scale": result.feature_scale,
        }
        return readings(features, dataset, result) | fields

    return fit_once(workspace, "air", features, asked, solve)


def refit(
    workspace: Workspace,
    lambda_scale: float,
    *,
    device: str = "auto",
    progress: ProgressCallback = silent,
) -> Fit:
    """Fit AIR at another λ_g with all else as in the current fit, its chosen strength included.

    Parameters
    ----------
    workspace : Workspace
    lambda_scale : float
        λ_g as a multiple of 1/p.
    device : str
    progress : callable
    """
    current = latest_fit(workspace, "air")
    solver: Solver = "sadmm"
    strength: Strength = "auto"
    settings: dict[str, Any] = {}
    if current is not None:
        apart = ("solver", "strength", "lambda_scale")
        settings = {k: v for k, v in current.settings.items() if k not in apart}
        solver, strength = current.settings["solver"], "paper"
    return fit(
        workspace,
        solver=solver,
        strength=strength,
        lambda_scale=lambda_scale,
        settings=settings,
        device=device,
        progress=progress,
    )


Solved = tuple["SolverResult", dict[str, Any]]


def _sadmm(
    features: NDArray[Any], targets: NDArray[Any], asked: Mapping[str, Any], on: dict[str, Any]
) -> Solved:
    """The stochastic ADMM's result, and the fields of a fit that are its own."""
    from air_core.solver import SolverConfig, adapt, sadmm

    config = SolverConfig.from_dict(
        {name: value for name, value in asked.items() if name not in ("solver", "strength")}
    )
    notes: dict[str, Any] = {}
    if asked["strength"] == "auto":
        # A λ_g that somebody asked for stays what it is.
        tuning = adapt(features, targets, config, lower="lambda_scale" not in asked, **on)
        config, notes["strength"] = tuning.config, tuning.reason
        notes["trials"] = [
            {
                "rho_max": trial.config.rho_max,
                "epochs": trial.config.epochs,
                "loss": trial.loss,
                "accuracy": trial.accuracy,
                "chosen": trial is tuning.winner,
                "accuracy_by_epoch": list(trial.accuracies),
                "loss_by_epoch": list(trial.losses),
            }
            for trial in tuning.trials
        ]
    kept = {epoch for epoch in FIGURE_3_EPOCHS if epoch < config.epochs} | {config.epochs}
    result = sadmm(features, targets, config=config, snapshots=kept, **on)
    notes["largest_merge"] = result.largest_merge
    if config.update == "all":
        notes["averaging_bound"] = result.averaging_bound
    epochs = sorted(result.snapshots)
    return result, {
        "lambda_scale": config.lambda_scale,
        "settings": {**asked, **config.as_dict()},
        "notes": notes,
        "epochs": np.array(epochs, dtype=np.intp),
        "epoch_activations": np.stack([result.snapshots[epoch] for epoch in epochs]),
    }


def _exact(
    features: NDArray[Any], targets: NDArray[Any], asked: Mapping[str, Any], on: dict[str, Any]
) -> Solved:
    """The exact solver's result, and the fields of a fit that are its own."""
    from air_core.solver import exact, tune_lambda

    chosen = {name: value for name, value in asked.items() if name != "solver"}
    allowed = {"lambda_scale", "group", "lambda_1", "tolerance", "max_evaluations"}
    if set(chosen) - allowed:
        raise SolverError(
            f"Expected settings of the exact solver, got {sorted(set(chosen) - allowed)}.",
            hint=f"It has {', '.join(sorted(allowed))}.",
        )
    start = None
    if "lambda_scale" not in chosen:
        same = {name: chosen[name] for name in ("group", "lambda_1") if name in chosen}
        choice = tune_lambda(features, targets, **same, **on)
        chosen["lambda_scale"], start = choice.lambda_scale, choice.start
    result = exact(features, targets, **chosen, **on, start=start)
    return result, {
        "lambda_scale": chosen["lambda_scale"],
        "settings": {**asked, **chosen},
        "notes": {"optimality": result.optimality},
        "epochs": np.zeros(0, dtype=np.intp),
        "epoch_activations": np.zeros((0, len(features))),
    }


def readings(features: Features, dataset: Dataset, result: SolverResult) -> dict[str, Any]:
    """Weights, and what they say of every image."""
    scores = np.concatenate([x @ result.coef for x in blocks_of(features)]) + result.intercept
    common = {
        "lambda_g": result.lambda_g,
        "history": list(result.history),
        "coef": result.coef,
        "intercept": result.intercept,
    }
    if dataset.tags is not None:
        probabilities = expit(scores)
        return common | {
            "probabilities": probabilities,
            "activations": tag_activations(result.activations, dataset.tags),
            "margins": tag_margins(2 * probabilities - 1, dataset.tags),
        }
    probabilities = softmax(scores)
    return common | {
        "probabilities": probabilities,
        "activations": own_class(result.activations, dataset.given_labels),
        "margins": margins(probabilities, dataset.given_labels),
    }
