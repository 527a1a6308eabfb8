"""Fitting AIR again with another solver or other settings, as a job that the frame shows."""

from __future__ import annotations

from typing import Any

import streamlit as st

from air_core import pipeline
from air_core.errors import AirError
from air_core.pipeline import Fit
from air_core.workspace import Workspace
from pages.components.strength.track import times
from pages.jobs import registry

REFIT = "fit"
"""Kind of the job."""

SOLVERS = {"sadmm": "SADMM", "exact": "exact"}
_SOLVER_TITLES = {"sadmm": "SADMM (paper)", "exact": "Exact"}
_GROUPS = {"image_class": "An image in one class (paper)", "image": "An image over all classes"}
_STRENGTHS = {"auto": "Chosen on held-out labels", "paper": "As set below"}
_UPDATES = {"all": "All groups (paper)", "block": "Those of the mini-batch"}


def refit_at(workspace: Workspace, scale: float) -> None:
    """Fit at another λ_g with all else as it is, and show the job."""
    registry.submit(
        workspace.root,
        REFIT,
        f"Fitting AIR at {times(scale)}",
        lambda progress: pipeline.refit(workspace, scale, progress=progress),
    )
    st.rerun()


def fit_again(workspace: Workspace, fit: Fit, scale: float) -> None:
    """Draw the folded-away settings of the solver.

    Parameters
    ----------
    workspace : Workspace
    fit : Fit
        AIR's; the settings begin at its own.
    scale : float
        λ_g to begin with, as a multiple of 1/p.
    """
    popover = st.popover(
        "Solver", icon=":material/tune:", help="Solver, groups and settings",
        key="refit-popover", on_change="rerun",
    )  # fmt: skip
    if popover.open:  # twenty widgets that would make every decision wait
        with popover:
            _settings(workspace, fit, scale)


@st.fragment
def _settings(workspace: Workspace, fit: Fit, scale: float) -> None:
    """A fragment of its own, so that a change in here does not draw the grid again."""
    st.markdown("**Fit AIR again**")
    solver = st.segmented_control(
        "Solver", _SOLVER_TITLES, format_func=_SOLVER_TITLES.get, default=fit.settings["solver"],
        required=True, key="refit-solver", width="stretch",
        help="SADMM is the paper's stochastic ADMM, stopped early; its result depends on ρ and "
        "the epochs. Exact finds the optimum of the same objective, with a certificate.",
    )  # fmt: skip
    chosen: dict[str, Any] = {}
    tuned = solver == "exact" and st.checkbox(
        "Choose λ_g on held-out labels", key="refit-tune",
        help="Fits on four fifths of the given labels and takes the λ_g that predicts the rest "
        "best. The exact solver has no early stop to hold it back.",
    )  # fmt: skip
    lambda_scale = st.number_input(
        "λ_g, as a multiple of 1/p", 0.001, 1e6, float(f"{scale:.4g}"), format="%g",
        disabled=bool(tuned), key=f"refit-scale-{scale:.4g}",
        help="A larger value suppresses more of the images that disagree with their label. "
        "The paper uses 10.",
    )  # fmt: skip
    group = st.selectbox(
        "One group of the penalty is", _GROUPS, format_func=_GROUPS.get, key="refit-group",
        index=list(_GROUPS).index(fit.settings.get("group", "image_class")),
        help="What is suppressed as a whole: an image's share in one class, or in all of them.",
    )  # fmt: skip
    chosen["group"] = group
    strength = "paper"
    if solver == "sadmm":
        strength = st.segmented_control(
            "ρ and epochs", _STRENGTHS, format_func=_STRENGTHS.get, required=True,
            default=fit.settings.get("strength", "auto"), key="refit-strength", width="stretch",
            help="Tries several on a held-out part of the given labels, or takes those below.",
        )  # fmt: skip
    with st.expander("Advanced"):
        chosen |= _advanced(str(solver), strength == "auto", fit.settings)
    running = registry.find(workspace.root, REFIT)
    busy = running is not None and running.live
    if st.button(
        "The fit is running" if busy else "Fit again", type="primary", width="stretch",
        icon=":material/refresh:", disabled=busy, key="refit-go",
    ):  # fmt: skip
        at = None if tuned else lambda_scale
        _submit(workspace, str(solver), str(strength), at, chosen)


def _advanced(solver: str, auto: bool, now: dict[str, Any]) -> dict[str, Any]:
    """Draw the settings that hardly anybody changes, and return them."""
    if solver == "exact":
        now = {"lambda_1": 1e-6, "tolerance": 1e-4} | now
    elif "rho" not in now:
        from air_core.solver import SolverConfig  # only here: it brings torch

        now = SolverConfig().as_dict() | now
    found: dict[str, Any] = {}

    def number(name: str, title: str, help: str, *, least: float = 0.0, off: bool = False) -> None:
        value, whole = now[name], isinstance(now[name], int)
        entered = st.number_input(
            title, least if not whole else int(least), None, value, step=1 if whole else None,
            format=None if whole else "%g", disabled=off, key=f"refit-{name}", help=help,
        )  # fmt: skip
        if not off:
            found[name] = entered

    number("lambda_1", "λ1", "Weight of ‖W‖², 'a very small number' in the paper.")
    if solver == "exact":
        number("tolerance", "Tolerance", "Relative duality gap at which the solver stops.")
        return found
    left, right = st.columns(2)
    with left:
        number("rho", "ρ at the start", "Penalty of the augmented Lagrangian; the paper's is 10.",
               off=auto)  # fmt: skip
        number("beta", "β", "Growth of ρ a step; the paper tries 1.1, 1.3 and 1.5.", least=1.0,
               off=auto)  # fmt: skip
        number("batch_size", "Batch", "Images in a step of the gradient.", least=1)
    with right:
        number("rho_max", "ρ at most", "Where ρ stops growing. With the epochs it decides how far "
               "the weights get.", off=auto)  # fmt: skip
        number("epochs", "Epochs", "Passes over the images; the most to be tried where they are "
               "chosen.", least=1)  # fmt: skip
        number("seed", "Seed", "Order of the images; the same seed gives the same fit.")
    update = st.selectbox(
        "Groups updated in a step", _UPDATES, format_func=_UPDATES.get, disabled=auto,
        index=list(_UPDATES).index(now["update"]), key="refit-update",
        help="Updating only those of the mini-batch is many times quicker and ranks alike.",
    )  # fmt: skip
    return found if auto else found | {"update": update}


def _submit(
    workspace: Workspace, solver: str, strength: str, scale: float | None, chosen: dict[str, Any]
) -> None:
    if solver == "sadmm":
        from air_core.solver import SolverConfig

        try:
            SolverConfig.from_dict(chosen | {"lambda_scale": scale})
        except AirError as error:
            st.error(str(error), icon=":material/error:")
            return
    registry.submit(
        workspace.root,
        REFIT,
        f"Fitting AIR ({SOLVERS[solver]})" + ("" if scale is None else f" at {times(scale)}"),
        lambda progress: pipeline.fit(
            workspace,
            solver=solver,  # type: ignore[arg-type]
            strength=strength,  # type: ignore[arg-type]
            lambda_scale=scale,
            settings=chosen,
            progress=progress,
        ),
    )
    st.rerun()
