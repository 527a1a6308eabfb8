"""λ_g live: the ranking at the λ_g of the slider, and the slider around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import streamlit as st

from air_core.errors import AirError
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
from air_core.pipeline import DETECTORS, Fit
from air_core.ranking import Ranking
from air_core.runs import run_names
from air_core.workspace import Workspace
from pages import resources, state
from pages.components.grid import REVIEW, Basis, GridItem, as_rows
from pages.components.learning import learn_from_reviews
from pages.components.ranked import first_page, rank_by
from pages.components.refit import REFIT, SOLVERS, fit_again, refit_at
from pages.components.strength import KEY, Moved, read_asked, strength_slider, track
from pages.components.strength.dial import Dial, Pin, turn
from pages.jobs import registry
from pages.live_routes import PATH as ADDRESS
from pages.live_routes import shelf

PATH = "path"
"""Kind of the job that solves the λ_g path."""

PATIENCE = 15.0  # seconds that the slider waits for an exact ranking before it asks again
Tiles = Callable[[Ranking], Sequence[GridItem]]


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
    draw : callable
        Draws the slider, given how the page makes its tiles from a ranking.
    """

    ranking: Ranking
    lambda_g: float | None
    scale: float | None
    run_id: str
    refining: bool = False
    source: str = ""
    draw: Callable[[Tiles], None] = lambda tiles: None


def strength_bar(workspace: Workspace, fit: Fit, ranking: Ranking) -> Live:
    """Keep the place of the slider of an AIR detector and return the ranking that it is set to.

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
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if ranking.detector not in DETECTORS:
                learn_from_reviews(workspace, ranking.detector, fit)
            st.caption("λ_g moves the ranking by AIR.", width="content")
            st.button(
                "Rank by AIR and move λ_g", on_click=rank_by, args=("air-margin",),
                type="tertiary", icon=":material/tune:",
            )  # fmt: skip
        return stored
    stored = replace(stored, source=f"{SOLVERS[fit.settings['solver']]} fit")
    dial, begun = state.dial(), resources.path(**_of(fit))
    run = begun if begun is not None and begun.complete else None
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
        shown = _at(workspace, run, ranking.detector, dial.scale)
    if errands.pin and shown.scale is not None:
        dial.pin = Pin(shown.scale, shown.run_id)
    before, moved = _since_pin(workspace, run, dial, stored, shown, errands.show)

    def draw(tiles: Tiles) -> None:
        data = _around(workspace, fit, begun, run, dial, stored, shown)
        if run is not None and dial.mode == "live":
            answer = _answer(workspace, run, ranking.detector, before, dial.top, tiles)
            token = shelf.put(answer, instead_of=dial.tokens[1])
            dial.tokens = token, dial.tokens[0]
            data["rows"] = f"{ADDRESS}/{token}"
        with place:
            strength_slider(key=KEY, grid=REVIEW, pin=moved, **data)

    return replace(shown, draw=draw)


def _of(fit: Fit) -> dict[str, Any]:
    """The settings of a fit that a path shares with it."""
    return {
        "group": fit.settings.get("group", "image_class"),
        "lambda_1": fit.settings.get("lambda_1", 1e-6),
    }


def _at(workspace: Workspace, run: PathRun, detector: str, scale: float) -> Live:
    """The ranking at a λ_g by what is known now; the exact one is begun where it is not."""
    opinion, refining = _known(workspace, run, scale), False
    if not opinion.exact and can_refine(workspace):
        asked = resources.refinery(run).ask(scale)
        refining = not asked.done() or asked.cancelled()
    source = "exact solver" if opinion.exact else "exact, refining …" if refining else "exact path"
    ranking = resources.ranking_at(run, detector, opinion)
    return Live(ranking, opinion.lambda_g, scale, run.run_id, refining, source)


def _known(workspace: Workspace, run: PathRun, scale: float) -> Opinion:
    solved = resources.refinery(run).known(scale)
    return solved or read_path(run, workspace.dataset, scale)


def _answer(
    workspace: Workspace,
    run: PathRun,
    detector: str,
    before: Ranking | None,
    top: int,
    tiles: Tiles,
) -> Callable[[float, bool], dict[str, Any]]:
    """How the page answers the slider while it moves."""
    reviewer = state.reviewer()

    def answer(scale: float, refine: bool) -> dict[str, Any]:
        opinion = _known(workspace, run, scale)
        if refine and not opinion.exact and can_refine(workspace):
            asked = resources.refinery(run).ask(scale, wait=PATIENCE)
            there = asked.done() and not asked.cancelled()
            opinion = (asked.result() if there else None) or opinion
        ranking = resources.ranking_at(run, detector, opinion)
        entered, left = ((), ()) if before is None else entered_left(before, ranking, top)
        basis = Basis(reviewer, detector, opinion.lambda_g, run.run_id)
        return {
            "scale": scale,
            "exact": opinion.exact,
            "flagged": int(ranking.flagged.sum()),
            "entered": len(entered),
            "left": len(left),
            "basis": asdict(basis),
            "items": as_rows(tiles(ranking)),
        }

    return answer


def _since_pin(
    workspace: Workspace,
    run: PathRun | None,
    dial: Dial,
    stored: Live,
    shown: Live,
    show: str | None,
) -> tuple[Ranking | None, Moved | None]:
    """The pinned ranking and what moved since; that is selected if it was asked for."""
    pin = dial.pin
    if pin is None:
        return None, None
    if pin.run_id == stored.run_id:
        before, text = stored.ranking, f"{track.times(pin.scale)} ({stored.source})"
    elif run is not None and pin.run_id == run.run_id:
        opinion = _known(workspace, run, pin.scale)
        before = resources.ranking_at(run, shown.ranking.detector, opinion)
        text = track.times(pin.scale)
    else:  # the fit or path it was of has been replaced
        dial.pin = None
        return None, None
    entered, left = entered_left(before, shown.ranking, dial.top)
    if show is not None:
        rows = entered if show == "entered" else left
        ids = shown.ranking.item_ids[rows].tolist()
        first_page()
        state.set_selection(ids, f"what {show} the top {dial.top:,} since {track.times(pin.scale)}")
    return before, Moved(pin.scale, text, len(entered), len(left), dial.top)


def _around(
    workspace: Workspace,
    fit: Fit,
    begun: PathRun | None,
    run: PathRun | None,
    dial: Dial,
    stored: Live,
    shown: Live,
) -> dict[str, Any]:
    """What stands on the slider and around it."""
    assert fit.lambda_scale is not None
    low, high = track.ends(run, fit.lambda_scale)
    sadmm = fit.settings["solver"] == "sadmm"
    flagged = int(stored.ranking.flagged.sum()) if sadmm else None
    job = registry.find(workspace.root, REFIT)
    mode = "refit" if run is None else dial.mode
    return {
        "ack": dial.handled,
        "scale": shown.scale,
        "fit": fit.lambda_scale,
        "low": low,
        "high": high,
        "marks": track.marks(run, fit.lambda_scale, flagged),
        "mode": mode,
        "solver": SOLVERS[fit.settings["solver"]],
        "source": shown.source,
        "flagged": int(shown.ranking.flagged.sum()),
        "at_fit": shown.run_id == fit.run_id,
        "path": None if run is None else track.curve(run),
        "offer": None if run is not None else _offer(workspace, fit, begun),
        "refining": shown.refining,
        "busy": "fitting …" if job is not None and job.live and mode == "refit" else "",
    }


def _offer(workspace: Workspace, fit: Fit, begun: PathRun | None) -> track.Offer | None:
    job = registry.find(workspace.root, PATH)
    try:
        seconds = resources.path_seconds(**_of(fit))
    except AirError:  # the features are gone: there is nothing to solve with
        return None
    return track.offer(
        begun,
        total=0 if begun is None else len(path_scales(begun.lambda_max)),
        other=begun is None and bool(run_names(workspace.runs_dir, PATH)),
        running=job is not None and job.live,
        seconds=seconds,
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
