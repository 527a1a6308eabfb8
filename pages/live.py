"""λ_g live: the ranking at the λ_g of the slider, and the slider around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from air_core.fitting import (
    Opinion,
    PathRun,
    can_refine,
    entered_left,
    fit_path,
    path_settings,
    read_path,
)
from air_core.fitting.path import path_scales
from air_core.pipeline import Fit
from air_core.ranking import Ranking
from air_core.runs import run_names
from air_core.workspace import Workspace
from pages import resources, state
from pages.components.refit import REFIT, SOLVERS, fit_again, refit_at
from pages.components.strength import KEY, Moved, read_asked, strength_slider, track
from pages.components.strength.dial import Dial, Pin, turn
from pages.jobs import registry

PATH = "path"
"""Kind of the job that solves the λ_g path."""

# Seconds that a page waits for a refined ranking: when the slider is let go, and when asked again.
AT_ONCE, AGAIN = 0.06, 0.2


@dataclass(frozen=True, slots=True)
class Live:
    """The ranking to show, and what is recorded with decisions made under it.

    Parameters
    ----------
    ranking : Ranking
    lambda_g, scale : float or None
        λ_g and its multiple of 1/p; None for a model without it.
    run_id : str
        The fit, or the path that the ranking is read from.
    refining : bool
        Whether an exact ranking is on its way.
    source : str
        Where the ranking comes from, for people.
    acknowledge : callable
        Draws the slider. Call it when the rest of the page is drawn: it says that the page shows
        this ranking, and the browser sends its next move.
    """

    ranking: Ranking
    lambda_g: float | None
    scale: float | None
    run_id: str
    refining: bool = False
    source: str = ""
    acknowledge: Callable[[], None] = lambda: None


def strength_bar(workspace: Workspace, fit: Fit, ranking: Ranking) -> Live:
    """Draw the bar of an AIR detector and return the ranking at the λ_g it is set to.

    Parameters
    ----------
    workspace : Workspace
    fit : Fit
        The stored fit of the detector's model.
    ranking : Ranking
        The detector's ranking by that fit.
    """
    stored = Live(ranking, fit.lambda_g, fit.lambda_scale, fit.run_id)
    if fit.model != "air" or fit.lambda_scale is None:
        return stored
    solver = SOLVERS[fit.settings["solver"]]
    stored = replace(stored, source=f"{solver} fit")
    dial, run = state.dial(), resources.path(**_of(fit))
    begun, run = run, run if run is not None and run.complete else None
    errands = turn(dial, read_asked(KEY, dial.handled), live=run is not None)
    with st.container(horizontal=True, vertical_alignment="top", gap="small"):
        place = st.container(width="stretch")
        fit_again(workspace, fit, dial.scale or fit.lambda_scale)
    if errands.solve:
        _solve_path(workspace, fit)
    if errands.refit is not None and track.times(errands.refit) != track.times(fit.lambda_scale):
        refit_at(workspace, errands.refit)
    shown = stored
    if run is not None and dial.mode == "live" and dial.scale is not None:
        shown = _at(workspace, run, ranking.detector, dial)
    if errands.pin and shown.scale is not None:
        dial.pin = Pin(shown.scale, shown.run_id)
    moved = _since_pin(workspace, run, dial, stored, shown, errands.show)
    job = registry.find(workspace.root, REFIT)
    data: dict[str, Any] = {
        "ack": dial.handled,
        "scale": shown.scale,
        "fit": fit.lambda_scale,
        "marks": track.marks(
            run, fit.lambda_scale, int(ranking.flagged.sum()) if solver == "SADMM" else None
        ),
        "mode": "refit" if run is None else dial.mode,
        "solver": solver,
        "source": shown.source,
        "flagged": int(shown.ranking.flagged.sum()),
        "at_fit": shown.run_id == fit.run_id,
        "path": None if run is None else track.curve(run),
        "offer": None if run is not None else _offer(workspace, fit, begun),
        "pin": moved,
        "refining": shown.refining,
        "busy": "fitting …" if job is not None and job.live and dial.mode == "refit" else "",
    }
    data["low"], data["high"] = track.ends(run, fit.lambda_scale)

    def acknowledge() -> None:
        with place:
            strength_slider(key=KEY, **data)

    return replace(shown, acknowledge=acknowledge)


def _of(fit: Fit) -> dict[str, Any]:
    """The settings of a fit that a path shares with it."""
    return {
        "group": fit.settings.get("group", "image_class"),
        "lambda_1": fit.settings.get("lambda_1", 1e-6),
    }


def _at(workspace: Workspace, run: PathRun, detector: str, dial: Dial) -> Live:
    """The ranking at the dial's λ_g: refined if it was let go there and that is ready."""
    assert dial.scale is not None
    opinion, refining = _opinion(workspace, run, dial.scale), False
    source = "exact solver" if opinion.exact else "exact path"
    if not opinion.exact and dial.released and can_refine(workspace):
        asked = resources.refinery(run).ask(dial.scale, wait=AGAIN if dial.asked_again else AT_ONCE)
        dial.asked_again = refining = not asked.done()
        if asked.done() and (found := asked.result()) is not None:
            opinion, source = found, "exact solver"
        elif refining:
            source = "exact, refining …"
    return Live(
        resources.ranking_at(run, detector, opinion),
        opinion.lambda_g,
        dial.scale,
        run.run_id,
        refining,
        source,
    )


def _opinion(workspace: Workspace, run: PathRun, scale: float) -> Opinion:
    """What is known at a λ_g by now."""
    known = resources.refinery(run).known(scale)
    return known or read_path(run, workspace.dataset, scale)


def _since_pin(
    workspace: Workspace,
    run: PathRun | None,
    dial: Dial,
    stored: Live,
    shown: Live,
    show: str | None,
) -> Moved | None:
    """What entered and left the worst since the pinned value; selects it if that was asked for."""
    pin = dial.pin
    if pin is None:
        return None
    if pin.run_id == stored.run_id:
        before, text = stored.ranking, f"{track.times(pin.scale)} ({stored.source})"
    elif run is not None and pin.run_id == run.run_id:
        opinion = _opinion(workspace, run, pin.scale)
        before = resources.ranking_at(run, shown.ranking.detector, opinion)
        text = track.times(pin.scale)
    else:  # the fit or path it was of has been replaced
        dial.pin = None
        return None
    entered, left = entered_left(before, shown.ranking, dial.top)
    if show is not None:
        rows = entered if show == "entered" else left
        ids = shown.ranking.item_ids[rows].tolist()
        state.set_selection(ids, f"what {show} the top {dial.top:,} since {track.times(pin.scale)}")
    return Moved(pin.scale, text, len(entered), len(left), dial.top)


def _offer(workspace: Workspace, fit: Fit, begun: PathRun | None) -> track.Offer:
    job = registry.find(workspace.root, PATH)
    return track.offer(
        begun,
        total=0 if begun is None else len(path_scales(begun.lambda_max)),
        other=begun is None and bool(run_names(workspace.runs_dir, PATH)),
        running=job is not None and job.live,
        seconds=resources.path_seconds(**_of(fit)),
    )


def _solve_path(workspace: Workspace, fit: Fit) -> None:
    settings = path_settings(**_of(fit))
    registry.submit(
        workspace.root,
        PATH,
        "Solving the λ_g path",
        lambda progress: fit_path(workspace, settings, progress=progress),
    )
    st.rerun()
